"""The answer in words: what each state is called, one idea a sentence, and nothing that the tables do not say."""

import math
from dataclasses import fields, replace

import pandas as pd
import pytest

from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.report.answer import answer, scales, size_paragraphs
from elbowroom.report.series import Series
from elbowroom.report.size_sentences import next_steps
from elbowroom.report.width_answer import width_paragraphs
from elbowroom.results import tables
from elbowroom.results.outcomes import State, Step, Worth
from elbowroom.results.rows import SizeAnswer, WidthGain
from elbowroom.results.schema import to_table
from elbowroom.results.tables import Comparison
from tests.support import ROOT
from tests.support.answers import GAIN, ROW
from tests.support.published import with_published_recipes

TOO_FEW = replace(ROW, latent_dim=4, state=State.TOO_FEW, excess_low=67.0, excess_high=70.0, used=4.0)
ROOMY = replace(ROW, latent_dim=32, state=State.ROOMY, used=30.0)
TOP = replace(
    ROW, latent_dim=64, state=State.LARGEST, excess=math.nan, excess_low=math.nan, excess_high=math.nan, used=60.0
)

BEGUN = replace(TOP, state=State.BARELY_TRAINED, explained=-3.0, margin=-0.03, used=3.0)
OTHER_TABLES = {field.name: pd.DataFrame() for field in fields(Comparison) if field.name not in ("answer", "widths")}


@pytest.fixture
def study() -> Study:
    """The root study at the published budget, so that no sentence is about the budget."""
    whole = with_published_recipes()
    variants = {name: variant for name, variant in whole.variants.items() if variant.dataset == "mnist"}
    return whole.model_copy(update={"variants": variants})


def said(study: Study, *rows: SizeAnswer) -> str:
    """The text on MNIST if these are the sizes, and the next step: that of the first is that of the series."""
    comparison = Comparison(
        answer=to_table(SizeAnswer, [replace(row, variant=f"z{row.latent_dim}") for row in rows]),
        widths=to_table(WidthGain, []),
        **OTHER_TABLES,
    )
    first, *_ = answer(study, comparison)
    assert first.subject == "MNIST"
    return " ".join([*first.sentences, *next_steps(Series(rows))] if rows else first.sentences)


def more_seeds(sizes: str, seeds: int) -> dict[str, object]:
    return {"step": Step.MORE_SEEDS, "step_sizes": sizes, "step_seeds": float(seeds)}


NOTHING_LEFT = " Next: train longer, or more seeds. No new size would tell much at this budget."
STATES = {
    "enough": (
        (TOO_FEW, ROW, ROOMY),
        "4 latents are too few: a larger size is better by at least 67 nats (44 %). 16 latents are enough: 32 "
        "gains at most 0.50 nats (0.4 %)." + NOTHING_LEFT,
    ),
    "the smallest is enough": (
        (ROW, ROOMY),
        "16 latents are enough: 32 gains at most 0.50 nats (0.4 %). No smaller size was tried." + NOTHING_LEFT,
    ),
    "only larger sizes are measured worse": (
        (replace(ROW, excess_high=-1.0), ROOMY),
        "16 latents are enough: no larger size compared is better. No smaller size was tried." + NOTHING_LEFT,
    ),
    "enough, and fewer will do": (
        (replace(ROW, latent_dim=128, cut=16.0, cut_high=1.2), replace(ROOMY, latent_dim=256, used=200.0)),
        "128 latents are enough: 256 gains at most 0.50 nats (0.4 %). "
        "Of 128 latents, a trained model can do with 16: to set the others to 0 costs at most 1.2 nats (0.8 %). "
        "Whether a model trained with 16 alone is as good was not tried here. About 15 of 128 latents carry 95 % of "
        "the KL." + NOTHING_LEFT,
    ),
    "fewer than are too few when trained alone": (
        (TOO_FEW, ROW, replace(ROOMY, cut=6.0, cut_high=-0.1)),
        "4 latents are too few: a larger size is better by at least 67 nats (44 %). 16 latents are enough: 32 "
        "gains at most 0.50 nats (0.4 %). Of 32 latents, a trained model can do with 6: to set the others to 0 "
        "costs nothing." + NOTHING_LEFT,
    ),
    "only training images would gain": (
        (ROW, replace(ROOMY, doubling_gain=2.4, test_gain=0.1)),
        "16 latents are enough: 32 gains at most 0.50 nats (0.4 %). No smaller size was tried. Twice the "
        "epochs may lower the training loss with 32 latents by more than the margin, but the test loss by less, "
        "so training counts as finished there."
        + NOTHING_LEFT,
    ),
    "largest tried": (
        (TOO_FEW, replace(TOO_FEW, latent_dim=8, excess_low=28.2, used=8.0), replace(TOP, latent_dim=16)),
        "4 and 8 latents are too few: 16 is better than 4 by at least 67 nats (44 %) and than 8 by at least "
        "28 nats (18 %). No size above 16 was tried, so whether 16 latents are enough is open.",
    ),
    "undertrained": (
        (
            TOO_FEW,
            replace(TOP, train_loss=50.0),
            replace(
                ROW, latent_dim=128, state=State.UNDERTRAINED, train_loss=51.87, rise=1.87, rise_low=1.06, used=99.0
            ),
        ),
        "4 latents are too few: a larger size is better by at least 67 nats (44 %). No larger size trained well, "
        "so whether 64 latents are enough is open. 128 latents surely trained worse than 64: the training loss is "
        "higher by 1.9 nats (1.2 %) on average, more than the margin. A model with more latents can do all that one "
        "with fewer can, so the cause is training, not size. So 128 cannot show that fewer are enough, only that fewer "
        "are too few.",
    ),
    "only the smallest trained well": (
        (
            replace(TOP, latent_dim=128, used=18.0, step=Step.SMALLER, step_sizes="8 16 32 64"),
            replace(ROW, latent_dim=256, state=State.UNDERTRAINED, rise=1.87, rise_low=1.06, used=22.0),
        ),
        "Only 128 latents trained well, so how many are enough cannot be told. 256 latents surely "
        "trained worse than 128: the training loss is higher by 1.9 nats (1.2 %) on average, more than the margin. "
        "A model with more latents can do all that one with fewer can, so the "
        "cause is training, not size. So 256 cannot show that fewer are enough, only that fewer are too few. "
        "About 18 of 128 latents and 22 of 256 carry 95 % of the KL. Next: train 8, 16, 32 and 64 latents, "
        "and every size for twice the epochs.",
    ),
    "undecided": (
        (replace(ROW, state=State.UNDECIDED, excess_high=2.6, **more_seeds("16 64", 7)), TOP),
        "Whether 16 latents are enough is undecided: a larger size may be better by up to 2.6 nats (1.8 %). "
        "Less than the margin, 1.5 nats, does not matter. No size above 64 was tried, so whether 64 latents are enough "
        "is open. Next: train 16 and 64 latents until each size has 7 seeds.",
    ),
    "trained worse than one that is not the best": (
        (
            replace(TOO_FEW, train_loss=60.0),
            replace(TOP, train_loss=61.9, state=State.LARGEST_KEPT),
            replace(ROW, latent_dim=128, state=State.UNDERTRAINED, train_loss=63.8, rise=1.9, rise_low=1.06, used=99.0),
        ),
        "4 latents are too few: a larger size is better by at least 67 nats (44 %). No larger size trained well, so "
        "whether 64 latents are enough is open. 128 latents surely trained worse than 64: the training loss is higher "
        "by 1.9 nats (1.3 %) on average, more than the margin. A model with more latents can do all that one with "
        "fewer can, so the cause is training, not size. So 128 cannot show that fewer are enough, only that fewer are "
        "too few.",
    ),
    "unclear": (
        (replace(ROW, state=State.UNDECIDED), replace(TOP, state=State.UNCLEAR, rise=2.2, rise_low=-0.4)),
        "Whether 16 latents are enough depends on 64, which is still open. 64 latents may have trained worse "
        "than 16: the training loss is higher by 2.2 nats (1.5 %) on average, but seeds differ too much to be "
        "sure.",
    ),
    "unfinished": (
        (replace(ROW, step=Step.LONGER, step_sizes="32"), replace(ROOMY, doubling_gain=2.4)),
        "At this budget, 16 latents are enough: 32 gains at most 0.50 nats (0.4 %). No smaller size was "
        "tried. Training is not finished with 32 latents. By a rough guess, twice the epochs would lower the "
        "training loss by 2.4 nats (1.6 %). Next: train 32 latents for twice the epochs.",
    ),
    "one seed": (
        (
            replace(ROW, state=State.ONE_SEED, linear_loss=50.0, **more_seeds("16 32", 3)),
            replace(ROOMY, state=State.ONE_SEED, test_loss=58.0, linear_loss=49.0),
        ),
        "No conclusion: each size has only one seed. The test loss is lowest with 32 latents, but that may be "
        "chance. With 16 or 32 latents, a linear VAE of the same size has a lower test loss, by as much as 10 "
        "nats. Next: train 16 and 32 latents until each size has 3 seeds.",
    ),
    "a single one-seed size": (
        (replace(ROW, state=State.UNDECIDED), replace(ROOMY, state=State.ONE_SEED), TOP),
        "32 latents were trained with one seed only and cannot be judged. Whether 16 latents are enough "
        "depends on 32, which is still open. No size above 64 was tried, so whether 64 latents are enough is "
        "open.",
    ),
    "one size": (
        (replace(TOP, step=Step.SMALLER, step_sizes="4 8 16 32"),),
        "Only 64 latents were tried, so how many are enough cannot be told. Next: train 4, 8, 16 and 32 "
        "latents.",
    ),
    "collapsed": (
        (replace(ROW, state=State.COLLAPSED), replace(ROOMY, state=State.COLLAPSED)),
        "The latents collapsed at every size: they carry no KL, and no model beats always showing the mean "
        "image. Lower beta, or warm up the KL.",
    ),
    "barely trained": (
        (
            replace(BEGUN, latent_dim=3, doubling_gain=4.7, step=Step.LONGER, step_sizes="3 7"),
            replace(BEGUN, latent_dim=7, doubling_gain=3.6),
        ),
        "No model beats always showing the mean image yet: training has only begun. By a rough guess, twice "
        "the epochs would lower the training loss by 3.6 nats with 7 latents to 4.7 nats with 3. Next: train 3 "
        "and 7 latents for twice the epochs. More seeds alone would not decide it.",
    ),
    "barely trained, one epoch": (
        (replace(BEGUN, doubling_gain=math.nan, step=Step.LONGER, step_sizes="16"),),
        "No model beats always showing the mean image yet: training has only begun. Next: train 16 latents for "
        "twice the epochs. More seeds alone would not decide it.",
    ),
    "one epoch": (
        (ROW, replace(ROOMY, doubling_gain=math.nan)),
        "At this budget, 16 latents are enough: 32 gains at most 0.50 nats (0.4 %). No smaller size was tried. "
        "Training is not finished with 32 latents."
        + NOTHING_LEFT,
    ),
    "stuck": (
        (replace(BEGUN, state=State.STUCK),),
        "No model beats always showing the mean image, and longer training would not help. Lower the learning rate or "
        "beta.",
    ),
    "overfitted": (
        (replace(BEGUN, state=State.OVERFITTED),),
        "No model beats always showing the mean image on test images, though one does on training images. More "
        "images would help, longer training would not.",
    ),
    "longer": (
        (replace(TOO_FEW, step=Step.LONGER, step_sizes="4 16 64"), ROW, replace(ROOMY, latent_dim=64, used=60.0)),
        "4 latents are too few: a larger size is better by at least 67 nats (44 %). 16 latents are enough: 64 "
        "gains at most 0.50 nats (0.4 %). Next: train every size for twice the epochs.",
    ),
    "longer, beside one that trained well": (
        (replace(ROW, step=Step.LONGER, step_sizes="32 64"), ROOMY, replace(TOP, state=State.UNDERTRAINED, rise=2.0)),
        "16 latents are enough: 32 gains at most 0.50 nats (0.4 %). No smaller size was tried. 64 latents surely "
        "trained worse than 16: the training loss is higher by 2.0 nats (1.3 %) on average, more than the margin. A "
        "model with more latents can do all that one with fewer can, so the cause is training, not size. So 64 "
        "cannot show that fewer are enough, only that fewer are too few. Next: train 64 latents, and 32, the largest "
        "that trained well, to compare with, for twice the epochs.",
    ),
    "autoencoders only": (
        (),
        "Only autoencoders without a KL were trained, so how many latents a VAE needs cannot be told.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "expected"), STATES.values(), ids=STATES)
def test_each_state_is_said(study: Study, rows: tuple[SizeAnswer, ...], expected: str) -> None:
    assert said(study, *rows) == expected


def test_without_a_margin_only_what_has_begun_is_unfinished() -> None:
    gains = replace(BEGUN, doubling_gain=4.0)
    found = {state: replace(gains, state=state).unfinished for state in (State.COLLAPSED, State.OVERFITTED)}
    assert gains.unfinished
    assert replace(gains, doubling_gain=math.nan).unfinished
    assert not any(found.values())


def test_a_linear_vae_that_is_worse_or_missing_is_not_mentioned(study: Study) -> None:
    assert "linear" not in said(study, ROW, replace(ROOMY, linear_loss=math.nan))


def test_the_budget_is_in_the_answer(study: Study) -> None:
    short = {name: recipe.model_copy(update={"epochs": 10}) for name, recipe in study.recipes.items()}
    found = said(study.model_copy(update={"recipes": short}), ROW, ROOMY)
    assert "The published settings were not used: 10 of 50 epochs." in found


def test_a_nat_is_a_share_of_what_the_best_size_explains(study: Study) -> None:
    """By the first series of a dataset, which is named beside others; where no size explains any, there is no share."""
    own = [replace(row, explained=200.0, margin=2.0) for row in (ROW, ROOMY)]
    worth = "the best size explains 200 nats: there 10 nats are 5.0 %, and the margin is 2.0 nats."
    assert list(scales(study, [*own, replace(ROW, series="width 64")])) == [f"On MNIST {worth}"]
    wide = [replace(row, series="width 64", explained=80.0) for row in (ROW, ROOMY)]
    assert list(scales(study, [*own, *wide])) == [
        f"On MNIST (width 32) {worth}",
        'The margins of the other series there are under "The numbers behind the answer".',
    ]
    assert list(scales(study, [BEGUN])) == []


def test_what_was_left_out_is_said_first(study: Study) -> None:
    without = study.answer.model_copy(
        update={"left_out": {"mnist-z9": "diverged\nin epoch 3", "mnist-z8": "no memory"}}
    )
    comparison = Comparison(answer=to_table(SizeAnswer, [TOP]), widths=to_table(WidthGain, []), **OTHER_TABLES)
    first, second, *_ = answer(study.model_copy(update={"answer": without}), comparison)
    assert (first.subject, second.subject) == ("Left out", "MNIST")
    assert first.text.endswith(
        "without mnist-z9 (diverged in epoch 3); mnist-z8 (no memory). No table and no chart has results of them."
    )


def test_a_size_that_was_left_out_was_tried_and_is_not_asked_for_again(study: Study) -> None:
    settings = study.answer.model_copy(update={"left_out": {"mnist-z256": "diverged"}})
    rows = [replace(row, variant="mnist-z128", step=Step.LARGER, step_sizes="256 512") for row in (TOO_FEW, TOP)]
    without = study.model_copy(update={"answer": settings})
    (told,) = size_paragraphs(without, rows)
    assert "No size above 64 was compared, so whether 64 latents are enough is open." in told.sentences
    assert told.advice.endswith("Next: train 512 latents. A model with 256 latents would be next, but was left out.")
    alone = [replace(row, step_sizes="256") for row in rows]
    (told,) = size_paragraphs(without, alone)
    assert told.advice.endswith("trained well. A model with 256 latents would be next, but was left out.")


def test_several_series_have_a_paragraph_each(study: Study) -> None:
    wide = [replace(row, series="width 64", variant=f"w{row.latent_dim}") for row in (ROW, ROOMY)]
    single = replace(ROW, series="beta 4", variant="b16")
    table = to_table(SizeAnswer, [ROW, replace(ROOMY, variant="z32"), *wide, single])
    found = answer(study, Comparison(answer=table, widths=to_table(WidthGain, []), **OTHER_TABLES))
    assert [paragraph.subject for paragraph in found] == ["MNIST, width 32", "MNIST, width 64"]


def test_series_of_several_likelihoods_are_told_apart_by_them(study: Study) -> None:
    other = [replace(row, likelihood="bernoulli", variant=f"b{row.latent_dim}") for row in (ROW, ROOMY)]
    wide = [replace(row, series="width 64", variant=f"w{row.latent_dim}") for row in (ROW, ROOMY)]
    table = to_table(SizeAnswer, [ROW, replace(ROOMY, variant="z32"), *wide, *other])
    found = answer(study, Comparison(answer=table, widths=to_table(WidthGain, []), **OTHER_TABLES))
    assert [paragraph.question for paragraph in found] == [
        "How many latents does a VAE of MNIST need (Gaussian likelihood, width 32)?",
        "How many latents does a VAE of MNIST need (Gaussian likelihood, width 64)?",
        "How many latents does a VAE of MNIST need (Bernoulli likelihood, width 32)?",
    ]


WHERE = "On CIFAR-10 with 8 latents"
WIDER = f"{WHERE}, 64 channels instead of 32 (3.6 times the parameters)"


@pytest.mark.parametrize(
    ("worth", "expected"),
    [
        (Worth.NO_GAIN, f"{WIDER} gain at most 1.2 nats (0.5 %): no gain worth having."),
        (Worth.WORTH_HAVING, f"{WIDER} gain about 0.32 nats (0.1 %): worth having."),
        (
            Worth.UNDECIDED,
            f"{WHERE}, it is undecided whether 64 channels are worth having instead of 32 (3.6 times the parameters): "
            "they may gain up to 1.2 nats (0.5 %), or too little to matter.",
        ),
        (
            Worth.UNDERTRAINED,
            f"{WHERE}, 32 and 64 channels are not compared: a smaller model trained better than one of them, so the "
            "cause is training.",
        ),
        (Worth.ONE_SEED, f"{WHERE}, 32 or 64 channels have only one seed: no conclusion."),
    ],
)
def test_each_result_of_a_wider_network_is_said(worth: Worth, expected: str) -> None:
    (found,) = width_paragraphs(with_published_recipes(), [replace(GAIN, worth=worth)])
    assert found.text == f"{expected} Deeper networks were not tried."


@pytest.mark.parametrize(
    ("upper", "expected"),
    [
        (2.9, "gain at most 2.8 nats (1.0 %): no gain worth having."),  # surely less than the margin, by another test
        (-0.1, "gain nothing."),
    ],
)
def test_a_gain_is_at_most_the_margin_and_at_least_nothing(upper: float, expected: str) -> None:
    (found,) = width_paragraphs(with_published_recipes(), [replace(GAIN, upper=upper)])
    assert found.sentences[0] == f"{WIDER} {expected}"


def test_networks_of_another_beta_have_a_sentence_of_their_own() -> None:
    whole = with_published_recipes()
    heavy = {
        f"{name}-beta4": whole.variants[name].model_copy(update={"beta": 4.0})
        for name in ("cifar10-z8-c32", "cifar10-z8-c64")
    }
    both = whole.model_copy(update={"variants": whole.variants | heavy})
    (found,) = width_paragraphs(both, [GAIN, replace(GAIN, variant="cifar10-z8-c64-beta4")])
    assert [sentence.partition(" with")[0] for sentence in found.sentences[:2]] == [
        "On CIFAR-10 (beta 1)",
        "On CIFAR-10 (beta 4)",
    ]


def test_sizes_of_one_result_share_a_sentence() -> None:
    (found,) = width_paragraphs(
        with_published_recipes(),
        [GAIN, replace(GAIN, latent_dim=16, upper=2.0), replace(GAIN, latent_dim=4, worth=Worth.ONE_SEED)],
    )
    assert found.sentences[0] == (
        "On CIFAR-10 with 8 and 16 latents, 64 channels instead of 32 gain at most 1.2 nats (0.5 %) and 2.0 nats "
        "(0.8 %): no gain worth having."
    )
    assert len(found.sentences) == 3


def test_depth_is_said_to_be_untried_unless_it_was_tried() -> None:
    whole = with_published_recipes()
    deeper = whole.variants["cifar10-z8-c32"].model_copy(update={"network": "deep"})
    tried = whole.model_copy(update={"variants": whole.variants | {"cifar10-deep": deeper}})
    said = [next(width_paragraphs(study, [GAIN])).text for study in (whole, tried)]
    assert said == [f"{said[1]} Deeper networks were not tried.", said[1]]


def test_widths_of_models_that_explain_nothing_are_said_to_exist(study: Study) -> None:
    wide = study.variants["mnist-z128"].model_copy(update={"channels": 64})
    (found,) = width_paragraphs(study.model_copy(update={"variants": study.variants | {"wide": wide}}), [])
    assert found.text.startswith("No series whose networks differ in their width alone explains more than the mean")


def test_nothing_is_said_of_a_study_of_one_width(study: Study) -> None:
    assert list(width_paragraphs(study, [])) == []


def test_the_committed_root_study_is_answered_from_its_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    study = load_study()
    found = {paragraph.subject: paragraph.text for paragraph in answer(study, tables.comparison(study))}
    assert "128 latents are enough: no larger size compared is better." in found["MNIST"]
    assert "a trained model can do with 24: to set the others to 0 costs nothing" in found["MNIST"]
    by_at_least = "16 is better than 4 by at least 69 nats (25 %) and than 8 by at least 29 nats (10 %)."
    assert f"4 and 8 latents are too few: {by_at_least}" in found["CIFAR-10"]
    width = "gain at most 0.90 nats (0.4 %): no gain worth having. Deeper networks were not tried."
    assert found["Width"].endswith(width)


def test_each_noise_level_has_its_own_paragraph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no series has several sizes, the answer speaks of each by its name."""
    monkeypatch.chdir(ROOT / "studies/noise")
    study = load_study()
    told = {paragraph.subject: " ".join(paragraph.sentences) for paragraph in answer(study, tables.comparison(study))}
    assert [*told] == ["MNIST, beta 4", "MNIST, beta 1", "MNIST, beta 0.25", "MNIST, beta 0.0625"]
    assert "About 22 of 64 latents" in told["MNIST, beta 0.25"]
