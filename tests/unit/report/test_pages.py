"""Pages show the numbers of the tables, and show any text as text."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
import yaml

from elbowroom.core.settings import Study, VariantSettings
from elbowroom.figures import explorer_sheet
from elbowroom.report import live_data, loss_tables, page_data, text_tables
from elbowroom.report.captions import ON_PAGE
from elbowroom.report.cells import number
from elbowroom.report.example import example
from elbowroom.report.links import Link, OtherStudy
from elbowroom.report.pages import ReportInputs, render
from elbowroom.report.provenance import StageTime
from elbowroom.report.wording import Paragraph
from elbowroom.results.metrics import METRICS
from elbowroom.results.outcomes import Bend, ClaimResult, Evidence, Outcome, Pairing, State, Step
from elbowroom.results.rows import (
    AuditedClaim,
    Baseline,
    BaselineRow,
    Difference,
    PublishedNumber,
    SeriesElbow,
    SizeAnswer,
    TruncatedPoint,
    WidthGain,
)
from elbowroom.results.schema import columns, to_table
from elbowroom.results.tables import Comparison
from elbowroom.results.yardstick_rows import Dimension, Estimator, NoisePoint
from tests.support.answers import CLAIM, DIFFERENCE, ROW
from tests.support.int8 import live_model
from tests.support.published import with_published_recipes

MARKUP = "<script>alert(1)</script> *bold* | [link](javascript:y) *a* "
UNSEEN = "\x1b[31m\x00\u202e\ud800"  # colours a terminal, ends a string, reverses text, cannot be encoded


EXPLORED = explorer_sheet.Explored(
    explorer_sheet.SheetLayout(grid=2, images=2, steps=2, latents=1, epochs=1, followed=1),
    ["zero", MARKUP],
    (28, 28),
    {
        **dict.fromkeys(["tiles", "film", "images"], explorer_sheet.sheet(np.zeros((11, 1, 28, 28), np.uint8))),
        **{"points": np.zeros((1, 2, 2)), "labels": np.array([0, 1]), "epochs": np.array([1]), "share": np.array(0.5)},
        **{"limits": np.array([[-1, 1], [-1, 1]]), "latents": np.array([0]), "amounts": np.array([0.5])},
    },
)


def size_answers() -> list[SizeAnswer]:
    """128 latents are enough, by a made-up study of two sizes."""
    nan = float("nan")
    row = replace(
        ROW,
        variant="mnist-z128",
        latent_dim=128,
        excess=-0.5,
        excess_low=-1.5,
        rise=nan,
        rise_low=nan,
        step=Step.SMALLER,
        step_sizes="64",
    )
    bounds = {"excess": nan, "excess_low": nan, "excess_high": nan, "rise": 0.1, "rise_low": -0.2}
    return [row, replace(row, variant="mnist-z256", latent_dim=256, state=State.ROOMY, test_loss=52.9, **bounds)]


def pages(
    study: Study,
    outdated: Sequence[str] = (),
    metrics: dict[str, float] | None = None,
    trained: Mapping[str, dict[str, object]] = MappingProxyType({}),
    encoder: int = 0,
    links: Sequence[Link] = (),
    studies: Sequence[OtherStudy] = (),
    **changes: pd.DataFrame,
) -> dict[str, str]:
    """Render made-up tables; metrics replaces numbers of every variant, trained columns of cost.csv of some.

    encoder: the bytes of that of mnist-z128, the only live model.
    """
    measured = {
        "test_loss": 1912.929,
        "test_loss_sd": 1.25,
        "test_distortion": 1903.5,
        "test_rate": 9.25,
        "above_floor": 221.78,
        "train_loss": 1910.25,
        "train_distortion": 1901.1,
        "train_rate": 9.15,
        **{f"iwae_nll_{k}": 1906.5 for k in study.evaluation.iwae_samples},
        "iwae_nll": 1906.5,
        "active_units": 4.0,
        "used_latents": 3.0,
        "parameters": 3_342_305,
        "verdict": "too few",
    }
    known = {
        "probe_accuracy": 0.25,
        "knn_accuracy": 0.25,
        "pca_2d": 0.25,
        "precision": 0.75,
        "recall": 0.5,
        "train_precision": 0.875,
        "train_recall": 0.875,
        "effective_samples": 12.5,
    }
    others = {name: known.get(name, 0.5) for name in METRICS if name not in measured}
    variants = pd.DataFrame(
        [
            {
                "dataset": variant.dataset,
                "variant": name,
                "likelihood": variant.likelihood,
                "pixel_range": str(variant.pixel_range),
                "series": "width 32",
                "latent_dim": variant.latent_dim,
                **measured,
                **others,
                **(metrics or {}),
            }
            for name, variant in study.variants.items()
        ]
    )
    rows = [
        ("notebook", "mnist-z128", "test loss", 52.418, 1912.929, 3549.4),
        ("notebook", "mnist-z128", "test loss, epoch 40", 53.2031, np.nan, np.nan),
    ]
    family = {"dataset": "mnist", "likelihood": "gaussian", "pixel_range": "[-1, 1]"}
    baseline = {"baseline": "mean image", "test_loss": 211.586, "test_distortion": 211.586, "test_rate": 0.0}
    none = {"latent_dim": np.nan, "used_latents": np.nan, "active_units": np.nan, "train_loss": 210.0, "psnr": np.nan}
    difference = Difference(
        dataset="mnist",
        variant="mnist-z256",
        against="mnist-z128",
        metric="test_loss",
        difference=1.02,
        low=0.5,
        high=1.54,
        seeds=3,
        pairing=Pairing.NONE,
        p=0.0001,
        p_adjusted=0.0004,
        result=Outcome.WORSE,
    )
    compared: dict[str, pd.DataFrame] = {
        "answer": to_table(SizeAnswer, size_answers()),
        "truncated": to_table(TruncatedPoint, [TruncatedPoint("mnist", "mnist-z128", 128, 64, 52.5, 26.0, 26.5)]),
        "widths": to_table(WidthGain, []),
        "variants": variants,
        "baselines": pd.DataFrame([family | baseline | none]),
        "latents": pd.DataFrame(
            [
                family
                | {
                    "metric": "test_loss",
                    "series": "width 32",
                    "latent_dim": 128,
                    "value": 1.0,
                    "low": 0.5,
                    "high": 2.0,
                }
            ]
        ),
        "differences": to_table(Difference, [difference]),
        "elbows": to_table(SeriesElbow, []),
        "noise": to_table(NoisePoint, []),
        "claims": to_table(
            AuditedClaim, [AuditedClaim("notebook", MARKUP, Evidence.MEASURED, ClaimResult.HOLDS, "52.42")]
        ),
        "published": pd.DataFrame(rows, columns=list(columns(PublishedNumber))),
        "curves": pd.DataFrame(
            [
                {"dataset": variant.dataset, "variant": name, "split": split, "epoch": 1}
                | {"loss": 1910.25, "distortion": 1901.0, "rate": 9.25}
                for name, variant in study.variants.items()
                for split in ("train", "test")
            ]
        ),
        "spectrum": pd.DataFrame(
            [
                {"dataset": variant.dataset, "variant": name, "rank": 1, "kl": 0.5}
                for name, variant in study.variants.items()
                if variant.model == "vae"
            ]
        ),
    }
    estimate = {"dataset": "mnist", "estimator": Estimator.TWO_NN, "neighbours": 2, "images": 10_000}
    other = {"estimator": Estimator.LEVINA_BICKEL, "neighbours": 20}
    judges = pd.DataFrame({"dataset": ["mnist", "cifar10"], "epoch": 1, "test_accuracy": [0.99, 0.75]})
    cost = {
        "seconds": [86.0, 87.0],
        "seeds_together": 1,
        "images_per_second": 500.0,
        "peak_memory_mib": 900.4,
        "device": "cpu",
    }
    costs = {
        name: pd.DataFrame({"seed": [0, 1]} | cost | {"torch": MARKUP} | trained.get(name, {}))
        for name in study.variants
    }
    shown = [f"{dataset}-{kind}" for dataset in ("mnist", "cifar10") for kind in ON_PAGE]
    inputs = ReportInputs(
        Comparison(**(compared | changes)),
        {name: [] for name in study.datasets},
        judges,
        to_table(Dimension, [Dimension(**estimate, dimension=13.3), Dimension(**estimate | other, dimension=11.9)]),
        costs,
        dict.fromkeys(study.variants, EXPLORED),
        {"mnist-z128": live_model(1000, encoder)},
        dict.fromkeys(shown, page_data.InlinePicture("data:image/png;base64,AA==", 1, 1)),
        list(outdated),
        "0123456789ab",
        ["Python 3.11"],
        [StageTime("train", runs=8, total=80.0, longest=20.0)],
        list(links),
        list(studies),
    )
    return render(study, inputs)


@pytest.fixture
def study() -> Study:
    return with_published_recipes()


@pytest.fixture(scope="module")
def plain() -> dict[str, str]:
    """The pages of the study with nothing changed."""
    return pages(with_published_recipes())


def test_numbers_are_in_the_tables(study: Study, plain: dict[str, str]) -> None:
    html, markdown = plain["index.html"], plain["README.md"]
    assert "<td>3,342,305</td><td>1,912.93 ± 1.25</td><td>1,906.50</td><td>3</td>" in html
    assert "| too few | 128 | 32 | 3,342,305 | 1,912.93 ± 1.25 | 1,906.50 | 3 |" in markdown
    assert "| mean image | – | – | – | – | 211.59 | – | – |" in markdown
    assert "| [mnist-z128](#mnist-z128) | 1,912.93 ± 1.25 | 1,903.50 | 9.25 | 221.78 | 1,910.25 |" in markdown
    assert "| [mnist-z128](#mnist-z128) | squared error + KL, pixels in" in markdown
    assert "| 2 | 1 | 86.5 | 500 | 900 |" in markdown
    assert "| mnist-z128 | test loss | worse | 1.02 | 0.50 to 1.54 | \\< 0.001 | 3 |" in markdown
    assert "| test loss | 52.42 | 1,912.93 | 3,549.40 % |" in markdown
    assert "| test loss, epoch 40 | 53.20 | – | – |" in markdown
    assert "(99.0% of the test images right)" in html
    for page in plain.values():
        assert all(page.count(name) > 3 for name in study.variants)
        assert "commit 0123456789ab" in page
        said = page.replace("\N{NO-BREAK SPACE}", " ")
        assert "128 latents are enough: 256 gains at most 0.50 nats (0.4 %)." in said
        assert page.index("128 latents are enough") < page.index("3,342,305")
        assert "The published settings were not used" not in page
        assert "Where the loss bends" not in page


def test_baselines_of_several_likelihoods_say_whose_they_are(study: Study) -> None:
    row = {"dataset": "mnist", "baseline": "mean image", "test_loss": 211.586, "test_distortion": 211.586}
    row |= dict.fromkeys(["latent_dim", "used_latents", "active_units", "psnr"], np.nan) | {"train_loss": 210.0}
    kinds = [("gaussian", "[-1, 1]"), ("bernoulli", "[0, 1]")]
    table = pd.DataFrame(
        [row | {"likelihood": name, "pixel_range": pixels, "test_rate": 0.0} for name, pixels in kinds]
    )
    markdown = pages(study, baselines=table)["README.md"]
    for name in ("Gaussian", "Bernoulli"):
        assert f"| mean image ({name} likelihood) |" in markdown


def test_pca_stands_beside_distortions_and_not_beside_losses(study: Study) -> None:
    """It pays no KL, so its loss would rank before any VAE's. Autoencoders are below the line for the same reason."""
    variants = [{"variant": name, "verdict": "", "parameters": 1} for name in study.variants]
    variants = [dict.fromkeys([*METRICS, "above_floor"], 9.0) | row for row in reversed(variants)]
    family = {"dataset": "mnist", "likelihood": "gaussian", "pixel_range": "[-1, 1]", "train_loss": 1.0}
    pca = BaselineRow(**family, baseline=Baseline.PCA, latent_dim=128, test_loss=13.25, test_distortion=13.25)
    table = loss_tables.losses(study, variants, [pca])
    assert [row[0] for row in table.rows[-table.fixed :]] == ["cifar10-ae16", "mnist-ae128"]
    assert not any("13.25" in row for row in table.rows)
    terms = loss_tables.terms(variants, [pca])
    assert dict(zip(terms.header, terms.rows[-1], strict=True)) == {
        "variant": "PCA, 128",
        "test loss": "–",
        "test distortion": "13.25",
    } | dict.fromkeys(terms.header[3:], "–")


def test_a_difference_that_only_a_claim_decides_is_marked(study: Study, plain: dict[str, str]) -> None:
    for page in plain.values():
        assert "‡" not in page
    tables = {"differences": to_table(Difference, [DIFFERENCE]), "claims": to_table(AuditedClaim, [CLAIM])}
    for page in pages(study, **tables).values():
        assert "no difference measured ‡" in page
        assert "‡ A published claim asks for this difference alone, and there it is decided" in page


def test_samples_are_set_out_beside_training_images(plain: dict[str, str]) -> None:
    """The first metrics of all variants are the same; the autoencoder has no samples in a real table."""
    for page in plain.values():
        assert "Samples, and what the prior costs" in page
        assert "ranks all 6 VAEs by FCD" not in page
    markdown = plain["README.md"]
    assert "| mnist-z256 | 0.50 | 0.50 | 0.500 | 75.0% | 50.0% |" in markdown.replace("[", "").replace(
        "](#mnist-z256)", ""
    )
    assert "| training images | 0.50 | – | 0.500 | 87.5% | 87.5% |" in markdown
    assert "10,000 samples of each VAE" in markdown


def test_a_loose_bound_is_marked_and_said(study: Study, plain: dict[str, str]) -> None:
    said = "Fewer than 10 effective samples: the bound is loose."
    for page in plain.values():
        assert "†" not in page
        assert "effective samples, so it is loose" not in page
    rendered = pages(study, metrics={"effective_samples": 9.9})
    for page in rendered.values():
        assert f"† {said}" in page
        assert "1,906.50 †" in page
        assert "The IWAE bound of every VAE here comes from fewer than 10 effective samples, so it is loose" in page


def test_the_dimension_of_images_is_told_once(plain: dict[str, str]) -> None:
    for page in plain.values():
        assert page.count("The images themselves vary in about 13 (TwoNN) or 12 (Levina-Bickel) directions") == 1


def test_docs_and_other_studies_are_linked_where_there_are_any(study: Study, plain: dict[str, str]) -> None:
    rows = [*size_answers(), replace(size_answers()[-1], latent_dim=512)]
    answer = Paragraph("MNIST", [], headline="32 latents are enough.")
    sweep = OtherStudy("../room/README.md", "../room/index.html", "A <sweep>", study, [(answer, rows)])
    rendered = pages(study, links=[Link("../docs/start.md", "first steps")], studies=[sweep])
    assert 'Read on: <a href="../docs/start.md">first steps</a>.' in rendered["index.html"]
    assert "Read on: [first steps](../docs/start.md)." in rendered["README.md"]
    more, all_said = "tried 3 sizes, for 50 epochs: 32 latents are enough. Look there", "MNIST: 32 latents are enough."
    for name, link in (
        ("index.html", '<a href="../room/index.html">A &lt;sweep&gt;</a>'),
        ("README.md", "[A \\<sweep\\>](../room/README.md)"),
    ):
        assert rendered[name].count(f"{link} {more}") == 1  # in the paragraph on MNIST
        assert f"{link} ({len(study.variants)} models). {all_said}" in rendered[name]
    assert more not in pages(study, studies=[replace(sweep, answers=[(answer, rows[:2])])])["index.html"]
    assert not any("Read on" in page or "Other studies" in page for page in plain.values())


def test_a_page_of_many_answers_begins_with_all_of_them(study: Study, plain: dict[str, str]) -> None:
    """Each leads to its card. A loss below 0 is explained where there is one."""
    widths = (16, 32, 64, 128)
    rows = [replace(row, series=f"width {width}") for width in widths for row in size_answers()]
    page = pages(study, answer=to_table(SizeAnswer, rows), metrics={"test_loss": -3.0})["index.html"]
    for place, width in enumerate(widths, 1):
        assert page.count(f'<a href="#card-{place}">MNIST, width {width}</a>') == page.count(f'id="card-{place}"') == 1
    assert "A loss can be negative where" in page
    assert not any(text in plain["index.html"] for text in ("#card-1", "A loss can be negative where"))


def test_a_model_to_add_is_the_one_that_the_answer_asks_for(study: Study) -> None:
    """As params.yaml would have it: with all settings, and of another name."""
    entry = yaml.safe_load(example(study, to_table(SizeAnswer, size_answers())))
    settings = {**study.variants["mnist-z128"].model_dump(), "latent_dim": 64}
    assert {name: VariantSettings.model_validate(new) for name, new in entry.items()} == {
        "mnist-z64": VariantSettings.model_validate(settings)
    }
    assert list(yaml.safe_load(example(study, to_table(SizeAnswer, [])))) == ["mnist-z256-2"]


def test_noise_levels_are_behind_a_fold(study: Study, plain: dict[str, str]) -> None:
    assert "Latents at each noise level" not in plain["index.html"]
    points = [
        NoisePoint(dataset="mnist", sigma2=0.5, active=23, used=18),
        NoisePoint(dataset="mnist", variant="mnist-z128", latent_dim=128, sigma2=0.125, active=54, used=19),
    ]
    rendered = pages(study, noise=to_table(NoisePoint, points))
    assert "<details><summary>Latents at each noise level</summary>" in rendered["index.html"]
    assert "(comparison/pictures/mnist-noise.png)" in rendered["README.md"]


def test_where_the_loss_bends_is_described_below_the_answer(study: Study) -> None:
    found = SeriesElbow(
        dataset="mnist",
        likelihood="gaussian",
        pixel_range="[-1, 1]",
        series="width 32",
        metric="test_loss",
        latent_dim=16.2,
        low=12.0,
        high=20.0,
        seeds=3,
        slope_before=-30.0,
        slope_after=-0.5,
        bend=Bend.FOUND,
        result="elbow at 16.2 latents (12 to 20, 3 seeds)",
    )
    for page in pages(study, elbows=to_table(SeriesElbow, [found])).values():
        assert page.index("128 latents are enough") < page.index("elbow at 16.2 latents (12 to 20, 3 seeds)")


def test_results_of_older_code_are_named_at_the_top(study: Study, plain: dict[str, str]) -> None:
    for page in plain.values():
        assert "older code" not in page
    for page in pages(study, outdated=["mnist-z128", "mnist-z256"]).values():
        assert page.index("older code") < page.index("mnist-z128, mnist-z256") < page.index("3,342,305")
    for page in pages(study, outdated=list(study.variants)).values():
        assert "The results of every variant were computed before" in page


def test_variants_trained_elsewhere_are_named_at_the_top(study: Study) -> None:
    """Of each dataset, as only its own variants are compared."""
    everywhere = {name: {"torch": "2.9"} for name in study.variants}
    for page in pages(study, trained=everywhere).values():
        assert "different machines" not in page
    by_dataset = {name: {"torch": variant.dataset} for name, variant in study.variants.items()}
    for page in pages(study, trained=by_dataset).values():
        assert "different machines" not in page
    upgraded = everywhere | {"mnist-z256": {"torch": ["2.9", "2.10"]}, "mnist-ae128": {"torch": "2.10"}}
    said = (
        "mnist: mnist-z128, mnist-z256 (seed 0) on cpu, PyTorch 2.9; "
        "mnist-z256 (seed 1), mnist-ae128 on cpu, PyTorch 2.10."
    )
    for page in pages(study, trained=upgraded).values():
        assert page.index("different machines") < page.index(said) < page.index("3,342,305")


def test_the_page_says_what_it_decodes_itself(plain: dict[str, str]) -> None:
    page = plain["index.html"]
    assert "This page decodes the pictures of mnist-z128 itself" in page
    assert (
        "pictures of mnist-z256, mnist-ae128 were decoded in advance and compressed, since the decoders are not" in page
    )


@pytest.mark.parametrize(("encoder", "said"), [(0, False), (1000, False), (live_data.LARGEST, True)])
def test_the_page_says_if_an_encoder_has_no_room(study: Study, encoder: int, said: bool) -> None:
    sentence = "There is no pad to draw on, since the page has no room for an encoder."
    assert (sentence in pages(study, encoder=encoder)["index.html"]) == said


def test_text_from_params_stays_text(study: Study) -> None:
    rendered = pages(study.model_copy(update={"title": f"{MARKUP}\n# Second{UNSEEN} $x^2$ &amp; `c`\n"}))
    html = "&lt;script&gt;alert(1)&lt;/script&gt; *bold* | [link](javascript:y) *a*"
    for tag in ("title", "h1"):
        assert f"<{tag}>{html} # Second [31m $x^2$ &amp;amp; `c`</{tag}>" in rendered["index.html"]
    assert "<script>alert" not in rendered["index.html"]
    markdown = r"\<script\>alert(1)\</script\> \*bold\* \| \[link\](javascript:y) \*a\*"
    first, *rest = rendered["README.md"].splitlines()
    assert first == rf"# {markdown} \# Second \[31m \$x^2\$ \&amp; \`c\`"
    assert rest[0] == ""
    assert "<script>" not in rendered["README.md"].replace(r"\<script", "")
    for page in rendered.values():
        page.encode()
        assert not any(character in page for character in UNSEEN.replace("[31m", ""))


def test_the_name_of_a_machine_stays_text(plain: dict[str, str]) -> None:
    """In the tables of pages(), the version of PyTorch is MARKUP."""
    rendered = plain
    assert "<li>Trained on: cpu, PyTorch &lt;script&gt;alert(1)&lt;/script&gt; *bold* |" in rendered["index.html"]
    assert r"- Trained on: cpu, PyTorch \<script\>alert(1)\</script\> \*bold\* \|" in rendered["README.md"]
    assert "<script>alert" not in rendered["index.html"]


def test_names_stay_text(study: Study) -> None:
    """After a hyphen, an underscore may begin emphasis in Markdown."""
    renamed = {"z-_a_": study.variants["mnist-z128"], **study.variants}
    markdown = pages(study.model_copy(update={"variants": renamed}))["README.md"]
    assert r"## z-\_a\_" in markdown.splitlines()
    assert r"| [z-\_a\_](#z-_a_) |" in markdown
    assert r"![z-\_a\_: " in markdown


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1912.929, 2, "1,912.93"),
        (0.1698, 4, "0.1698"),
        (285355.0, 2, "285,355"),
        (float("nan"), 2, "–"),
        (0, 2, "0.00"),
    ],
)
def test_numbers_are_rounded_and_grouped(value: float, digits: int, text: str) -> None:
    assert number(value, digits) == text


def test_objectives_are_described(study: Study) -> None:
    variants = study.variants
    assert text_tables.describe_objective(variants["mnist-z128"]) == "squared error + KL, pixels in [-1, 1]"
    assert text_tables.describe_objective(variants["cifar10-ae16"]) == "binary cross-entropy, pixels in [0, 1]"
    optimal = variants["mnist-z128"].model_copy(update={"likelihood": "gaussian_optimal"})
    assert text_tables.describe_objective(optimal) == "Gaussian of optimal variance + KL, pixels in [-1, 1]"
    four = variants["mnist-z128"].model_copy(update={"beta": 4.0})
    assert text_tables.describe_objective(four) == "squared error + 4 KL, pixels in [-1, 1]"
