"""A table that is not as declared is an error in one line, and results from before stay."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from elbowroom.core import files, paths
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.core.stage import run
from elbowroom.report import loss_tables
from elbowroom.results import schema, tables
from elbowroom.results.dataset_tables import judge
from elbowroom.results.rows import BaselineRow
from elbowroom.results.schema import to_rows
from elbowroom.results.used_latents import effective_latents, used_latents
from elbowroom.results.yardstick_rows import NoiseLevel
from stages import compare, report
from tests.support import ROOT

Read = Callable[[Study], object]
NAME, DATASET = "mnist-z128", "mnist"
VARIANTS = (NAME, "mnist-ae128")
READ: dict[str, Read] = {  # file -> its reader
    f"metrics/{NAME}.csv": lambda study: tables.seed_metrics(study, NAME),
    f"plots/{NAME}/history.csv": lambda study: tables.history(study, NAME),
    f"plots/{NAME}/cost.csv": lambda study: tables.costs(study, NAME),
    f"plots/{NAME}/spectrum.csv": lambda study: tables.spectrum(study, NAME),
    f"plots/{NAME}/truncated.csv": lambda study: tables.truncated(study, NAME),
    f"plots/{NAME}/map.csv": lambda _: tables.latent_map(NAME),
    f"metrics/judge/{DATASET}.csv": lambda study: judge(study, DATASET),
    f"metrics/baselines/{DATASET}.csv": lambda study: tables.baselines(study, DATASET),
    **{f"report/comparison/{name}.csv": tables.comparison for name in tables.COMPARISON},
    f"metrics/baselines/{DATASET}-dimension.csv": lambda _: tables.dimension(DATASET),
    f"metrics/baselines/{DATASET}-noise.csv": lambda _: tables.noise(DATASET),
}
METRICS, HISTORY, COST, SPECTRUM, TRUNCATED, MAP, JUDGE, BASELINES, *_ = READ


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The committed quickstart with two of its variants; the test runs in its folder."""
    committed = ROOT / "studies/quickstart"
    params = yaml.safe_load((committed / "params.yaml").read_text())
    others = [name for name in params["variants"] if name not in VARIANTS]
    for folder in ("metrics", "plots", "report/comparison"):
        ignored = shutil.ignore_patterns("pictures", "cifar10*", *others)
        shutil.copytree(committed / folder, tmp_path / folder, ignore=ignored)
    params["variants"] = {name: params["variants"][name] for name in VARIANTS}
    del params["datasets"]["cifar10"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    table = pd.read_csv(tmp_path / "report/comparison/variants.csv")
    chosen = table[table.variant.isin(params["variants"])]
    chosen.to_csv(tmp_path / "report/comparison/variants.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return load_study()


@pytest.mark.parametrize("folder", [".", "studies/quickstart", "studies/room"])
def test_committed_tables_are_as_declared(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / folder)
    study = load_study()
    for variant in study.variants:
        for read in (tables.seed_metrics, tables.history, tables.costs, tables.spectrum):
            table = read(study, variant)
            assert set(table.variant) == {variant}
        assert set(tables.truncated(study, variant).variant) <= {variant}
        assert len(tables.latent_map(variant)) > 2
    for dataset in study.datasets:
        assert set(judge(study, dataset).dataset) == {dataset}
        assert set(tables.baselines(study, dataset).dataset) == {dataset}
    assert list(tables.comparison(study).variants.variant) == list(study.variants)


@pytest.mark.parametrize("name", ["nan", "NA", "None", "1", "1e3", "True", ""])
def test_text_columns_keep_any_text(name: str, tmp_path: Path) -> None:
    """A variant may be called nan, which would be a missing number in a column of numbers."""
    path = tmp_path / "x.csv"
    table = schema.Table({"text": schema.Column("text", empty=True), "number": schema.Column(empty=True)}, key=[])
    files.save_csv(path, pd.DataFrame({"text": [name, "x"], "number": [None, 1]}))
    found = schema.load_table(path, table, {})
    assert found.text.to_list() == [name, "x"]
    assert found.number.isna().to_list() == [True, False]


def test_an_old_cost_table_without_seeds_together_is_read(study: Study) -> None:
    pd.read_csv(COST).drop(columns="seeds_together").to_csv(COST, index=False)
    assert tables.costs(study, NAME).seeds_together.to_list() == [1]


def test_a_column_that_may_be_empty_may_be_missing(study: Study) -> None:
    """So tables of older code, which measured less, are read."""
    pd.read_csv(METRICS).drop(columns="pca_2d").to_csv(METRICS, index=False)
    assert tables.seed_metrics(study, NAME).pca_2d.isna().all()
    file = "report/comparison/variants.csv"
    pd.read_csv(file).drop(columns="verdict").to_csv(file, index=False)
    assert set(tables.comparison(study).variants.verdict) == {""}


def test_the_error_of_approximate_baselines_is_handed_on_and_shown_and_its_column_missing_if_all_are_exact(
    study: Study,
) -> None:
    path = paths.comparison_file("baselines.csv")
    before = path.read_bytes()
    made = tables.comparison(study)
    tables.save_comparison(made)
    assert path.read_bytes() == before
    pca = made.baselines.baseline == "PCA"
    made.baselines.loc[pca, "axes_error"] = 0.25
    tables.save_comparison(made)
    again = tables.comparison(study).baselines
    assert again.axes_error.dropna().tolist() == [0.25] * pca.sum() != []
    assert "axes_error" in path.read_text().splitlines()[0]
    shown = loss_tables.terms([], to_rows(BaselineRow, again))
    assert sum("PCA, approximate" in cell for row in shown.rows for cell in row) == pca.sum()


def test_tables_that_older_code_did_not_write_may_be_missing_and_no_others(study: Study) -> None:
    for path in (paths.dimension_file(DATASET), paths.noise_file(DATASET), paths.comparison_file("noise.csv")):
        path.unlink(missing_ok=True)
    assert tables.dimension(DATASET).empty
    assert tables.noise(DATASET).empty
    assert tables.comparison(study).noise.empty
    assert list(tables.measured(study).noise.columns) == list(schema.columns(NoiseLevel))
    paths.comparison_file("elbows.csv").unlink()
    with pytest.raises(StudyError, match=r"elbows\.csv: "):
        tables.comparison(study)


Edit = Callable[[pd.DataFrame], pd.DataFrame]


def cell(name: str, value: object) -> Edit:
    """Put a value into the second row, or into the first if it is the only one."""

    def edit(table: pd.DataFrame) -> pd.DataFrame:
        table = table.astype({name: object})
        table.loc[min(1, len(table) - 1), name] = value
        return table

    return edit


def doubled(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.iloc[:1]])


def without(name: str, value: object) -> Edit:
    return lambda table: table[table[name] != value]


@pytest.mark.parametrize(
    ("file", "edit", "said"),
    [
        (METRICS, lambda t: t.drop(columns="test_loss"), "found no column 'test_loss', expected variant, seed"),
        (METRICS, cell("test_loss", "low"), "row 1, column test_loss: found 'low', expected a number"),
        (METRICS, cell("test_loss", "nan"), "row 1, column test_loss: found 'nan', expected a number"),
        (METRICS, cell("test_loss", "inf"), "row 1, column test_loss: found inf, expected a number"),
        (METRICS, cell("iwae_nll_10", "-inf"), "row 1, column iwae_nll_10: found -inf, expected a number or nothing"),
        (METRICS, cell("test_loss", None), "row 1, column test_loss: found nothing, expected a number"),
        (METRICS, cell("test_loss", "True"), "row 1, column test_loss: found True, expected a number"),
        (METRICS, cell("psnr", None), "row 1, column psnr: found nothing, expected a number"),
        (METRICS, cell("seed", "0.5"), "row 1, column seed: found 0.5, expected a whole number from 0"),
        (METRICS, cell("seed", 10**20), f"row 1, column seed: found {10**20}, expected a whole number from 0"),
        (METRICS, cell("seed", 7), "found seed 7, expected 0 (params.yaml)"),
        (METRICS, cell("variant", "mnist-ae128"), "found variant mnist-ae128, expected mnist-z128 (params.yaml)"),
        (METRICS, doubled, "found seed 0 more than once, expected one such row"),
        (METRICS, lambda t: t.iloc[:0], "found no rows, expected some"),
        (METRICS, lambda t: t.assign(**{"\x1b[31m": 1}), r"found column '\x1b[31m', expected variant, seed"),
        (METRICS, lambda t: t.assign(again=1).rename(columns={"again": "fcd.1"}), "found column 'fcd.1', expected"),
        (HISTORY, without("epoch", 2), "found no row of variant mnist-z128, seed 0, split train, epoch 2, expected"),
        (HISTORY, cell("epoch", 9), "found epoch 9, expected 1, 2, 3, 4 (params.yaml)"),
        (HISTORY, cell("split", "dev"), "row 2, column split: found 'dev', expected one of train, test"),
        (HISTORY, doubled, "found seed 0, split train, epoch 1 more than once"),
        (COST, cell("seconds", -1), "row 1, column seconds: found -1, expected a number from 0"),
        (COST, cell("device", "a\x1b[2Jcard"), r"column device: found 'a\x1b[2Jcard', expected plain text"),
        (COST, cell("torch", "</script>"), "column torch: found '</script>', expected plain text"),
        (SPECTRUM, without("rank", 5), "found no row of variant mnist-z128, seed 0, rank 5, expected one"),
        (MAP, cell("pc1", "left"), "row 2, column pc1: found 'left', expected a number"),
        (JUDGE, cell("test_accuracy", 93.1), "column test_accuracy: found 93.1, expected a number from 0 to 1"),
        (JUDGE, cell("dataset", "cifar10"), "found dataset cifar10, expected mnist (params.yaml)"),
        (BASELINES, without("baseline", "mean image"), "found no mean image of gaussian, [-1, 1], expected a row"),
        ("report/comparison/variants.csv", without("variant", NAME), f"found no row of variant {NAME}, expected one"),
        ("report/comparison/differences.csv", doubled, "metric test_loss more than once, expected one such row"),
        ("report/comparison/variants.csv", cell("verdict", "hungry"), "verdict: found 'hungry', expected one of enou"),
        ("report/comparison/differences.csv", cell("result", "best"), "result: found 'best', expected one of better"),
        ("report/comparison/claims.csv", cell("claim", None), "column claim: found nothing, expected plain text"),
    ],
)  # fmt: skip
def test_an_edited_table_is_an_error_in_one_line(study: Study, file: str, edit: Edit, said: str) -> None:
    edit(pd.read_csv(file, dtype={"label": str})).to_csv(file, index=False)
    with pytest.raises(StudyError) as raised:
        READ[file](study)
    (line,) = str(raised.value).splitlines()
    assert line.startswith(f"{file}: ")
    assert said in line


@pytest.mark.parametrize("file", READ)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a,b\n1,2,3\n"])
def test_a_file_that_is_no_table_is_an_error_in_one_line(study: Study, file: str, content: bytes) -> None:
    Path(file).write_bytes(content)
    with pytest.raises(StudyError, match=rf"^{file}: .*expected"):
        READ[file](study)


def test_rows_with_too_many_cells_do_not_shift_columns(study: Study) -> None:
    """pandas would read the first cells as an index, and each number as that of the next column."""
    lines = Path(MAP).read_text().splitlines()
    Path(MAP).write_text("\n".join([lines[0], *(f"{line},9" for line in lines[1:])]))
    with pytest.raises(StudyError, match="found rows with more cells than its 3 columns"):
        READ[MAP](study)


@pytest.mark.parametrize(
    ("stage", "file"),
    [
        ("compare", METRICS),
        ("compare", HISTORY),
        ("compare", MAP),
        ("compare", f"plots/{NAME}/samples.png"),
        ("compare", "dvc.lock"),
        ("report", JUDGE),
        ("report", COST),
        ("report", "report/comparison/variants.csv"),
    ],
)
def test_a_stage_that_finds_a_damaged_file_changes_nothing(
    study: Study, stage: str, file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints one line and exits with status 2."""
    Path(file).write_bytes(b"\xff edited")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    monkeypatch.setattr(sys, "argv", [stage])
    with pytest.raises(SystemExit) as ended:
        run({"compare": compare, "report": report}[stage].main)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {file}: ")
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


@pytest.mark.usefixtures("study")
def test_compare_and_report_write_the_same_bytes_again() -> None:
    """With another hash seed, and so another order of sets. Pictures are left out: saving them takes long."""
    code = "import io; from PIL import Image; Image.new('L', (1, 1)).save(png := io.BytesIO(), 'png')\n"
    code += "from stages import compare, report; compare.png_bytes = lambda picture: png.getvalue()"
    code += "; compare.main(); report.main()"
    found = []
    shutil.rmtree("report")
    for hashes in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hashes, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)  # noqa: S603
        found.append({path.name: path.read_bytes() for path in Path("report").rglob("*") if path.is_file()})
        shutil.rmtree("report")
    assert found[0] == found[1]
    assert set(found[0]) >= {"index.html", "README.md", "variants.csv", "claims.csv"}


def test_a_table_that_older_results_lack_has_no_rows(study: Study) -> None:
    """But one that is there must be as declared."""
    for file in (TRUNCATED, "report/comparison/truncated.csv"):
        Path(file).unlink(missing_ok=True)
    assert tables.truncated(study, NAME).empty
    assert tables.measured(study).truncated.empty
    assert tables.comparison(study).truncated.empty
    pd.DataFrame({"variant": NAME, "seed": 0, "kept": [0, 0], "loss": 1, "distortion": 1, "rate": 0}).to_csv(TRUNCATED)
    with pytest.raises(StudyError, match="found column"):
        tables.truncated(study, NAME)


def test_used_latents_of_older_results_are_counted_by_the_spectrum(study: Study) -> None:
    """Evaluate wrote no such columns once. An autoencoder uses none, since it has no KL."""
    pd.read_csv(METRICS).drop(columns=["used_latents", "effective_latents"], errors="ignore").to_csv(
        METRICS, index=False
    )
    kl = pd.read_csv(SPECTRUM).groupby("seed").kl
    found = tables.seed_metrics(study, NAME).set_index("seed")
    for seed, own in kl:
        assert found.used_latents[seed] == used_latents(own)
        assert found.effective_latents[seed] == effective_latents(own)
    assert tables.seed_metrics(study, "mnist-ae128").used_latents.isna().all()
