"""The card of an exported model: what it is, its data, training, metrics and limits, as Markdown."""

import contextlib
from collections.abc import Iterator
from importlib import metadata

import jinja2
import pandas as pd

from elbowroom.app.onnx_files import BATCHES
from elbowroom.app.study_files import TEMPLATES
from elbowroom.app.suggest import current_answer
from elbowroom.comparison.intervals import t_interval
from elbowroom.core import paths
from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.core.errors import StudyError
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.core.settings import Study
from elbowroom.report.cells import number
from elbowroom.report.images_used import images_used
from elbowroom.report.markdown import DASH, TextTable, escape_markdown, to_markdown
from elbowroom.report.text_tables import describe_objective
from elbowroom.report.wording import latents, listed
from elbowroom.results import tables
from elbowroom.results.dataset_tables import load_image_counts
from elbowroom.results.metrics import DECIBELS, METRICS, NATS, PERCENT, Metric
from elbowroom.results.names import dataset_name
from elbowroom.results.outcomes import NOTHING_LARGER, State
from elbowroom.scheduler.dvc_lock import locked_stages
from elbowroom.vae.trained import TrainedVAE

SHOWN = (
    "test_loss",
    "test_distortion",
    "test_rate",
    "iwae_nll",
    "used_latents",
    "psnr",
    "ssim",
    "probe_accuracy",
    "fcd",
)
MEASURED_IN = (NATS, DECIBELS)  # what has an interval: shares and counts of a few seeds are not normal
ANSWERS = {  # each ends a sentence
    State.ENOUGH: "they are enough",
    State.ROOMY: "more than enough",
    State.TOO_FEW: "too few",
    State.UNDECIDED: "whether they are enough is undecided",
    **dict.fromkeys(NOTHING_LARGER, "nothing larger to compare with, so whether they are enough is open"),
    State.LARGEST_KEPT: "all larger ones trained too little, so whether they are enough is open",
    State.UNDERTRAINED: "trained worse than a smaller size, and so not judged",
    State.UNCLEAR: "perhaps trained worse than a smaller size, and so not judged",
    State.ONE_SEED: "none, since one seed is not enough for one",
    State.BARELY_TRAINED: "none, since training has only begun",
    State.STUCK: "none, since no size learnt more than the mean image",
    State.COLLAPSED: "none, since the latents collapsed",
    State.OVERFITTED: "none, since all sizes overfitted",
}
NOTHING_KNOWN = "Not known: the model was exported by its file, not by its name in a study.\n"


def model_card(model: TrainedVAE, study: Study | None, error: float) -> str:
    """Write the card of a model. study: that of this folder, if the model is known to be of it.

    error: the largest difference between the exported files and the model.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=False,  # noqa: S701 (Markdown, by the filter md)
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = escape_markdown
    channels, height, width = model.shape
    return environment.get_template("model_card.md.j2").render(
        name=model.name,
        kind="A variational autoencoder (VAE)" if model.variant.model == "vae" else "An autoencoder",
        is_vae=model.variant.model == "vae",
        latents=latents([model.variant.latent_dim]),
        latent_dim=model.variant.latent_dim,
        channels=channels,
        height=height,
        width=width,
        version=metadata.version("elbowroom"),
        seed=model.seed,
        error=error,
        batches=listed(BATCHES),
        data=_data(study, model.variant.dataset) if study else NOTHING_KNOWN.rstrip(),
        licence=_licence(study, model.variant.dataset),
        training=list(_training(model, study)),
        metrics=_metrics(model, study) if study else NOTHING_KNOWN,
        limits=list(_limits(model, study)),
    )


def _data(study: Study, dataset: str) -> str:
    return f"{escape_markdown(dataset_name(study, dataset))}: {images_used(study, dataset, load_image_counts(dataset))}"


def _licence(study: Study | None, dataset: str) -> str:
    settings = study.datasets[dataset] if study else None
    if settings is None or isinstance(settings, FolderDataset):
        return "Licence of the data: not known here. Say whose pictures they are before you hand the model on."
    published = PUBLISHED[settings.source]
    return f"Licence of the data, {published.title}: {published.licence}."


def _training(model: TrainedVAE, study: Study | None) -> Iterator[str]:
    variant = model.variant
    yield f"Minimised: {describe_objective(variant)}."
    yield f"Network: {variant.network}, {variant.channels} channels."
    if study:
        recipe = study.recipes[variant.recipe]
        params = locked_stages().get(f"train@{model.name}", {}).get("params", {}).get(str(paths.PARAMS), {})
        trained_by = params.get(f"recipes.{variant.recipe}", {})
        if trained_by | {"seeds": recipe.seeds} != recipe.model_dump():
            yield (
                f"Seed {model.seed}. Epochs, batches and learning rate are not known: params.yaml changed since the "
                "training, or dvc.lock does not have it."
            )
            return
        yield (
            f"{recipe.epochs} epochs in batches of {recipe.batch_size}, by Adam with learning rate "
            f"{recipe.learning_rate}, precision {recipe.precision}; seed {model.seed}, "
            + (f"one of {listed(recipe.seeds)}." if len(recipe.seeds) > 1 else "the only one.")
        )


def _metrics(model: TrainedVAE, study: Study) -> str:
    """Return a table of what was measured, with intervals if there are several seeds, or say that nothing was."""
    if not paths.seeds_file(model.name).is_file():
        return "The study has not measured it yet.\n"
    table = tables.seed_metrics(study, model.name).set_index("seed")
    level = study.answer.level
    interval = f"{100 * level:g} % interval of the mean"
    rows = []
    for metric in (METRICS[name] for name in SHOWN if table[name].notna().any()):
        found = t_interval(table[metric.column].dropna().to_numpy(float), level)
        cells = {
            "metric": metric.label + (f" ({metric.unit})" if metric.unit in MEASURED_IN else ""),
            "this model": _cell(metric, table[metric.column][model.seed]),
            f"mean of {len(table)} seeds": _cell(metric, found.difference),
        }
        if found.seeds > 1 and metric.unit in MEASURED_IN:
            cells[interval] = f"{_cell(metric, found.low)} to {_cell(metric, found.high)}"
        rows.append(cells)
    several = [f"mean of {len(table)} seeds", interval] if len(table) > 1 else []
    said = to_markdown(TextTable.of(["metric", "this model", *several], rows))
    with contextlib.suppress(StudyError):  # there is no answer yet, or it is one for other settings
        for row in current_answer(study):
            if row.variant == model.name:
                said += f"\nThe study's answer on {latents([row.latent_dim])}: {ANSWERS[row.state]}.\n"
    over = "; an interval is a t interval over seeds, each a training of its own" if several else ""
    return f"On the test images{over}. The study's report explains them.\n\n{said}"


def _cell(metric: Metric, value: float) -> str:
    if pd.isna(value):
        return DASH
    if metric.unit == PERCENT:
        return f"{value:.1%}"
    return number(value, metric.digits or int(not float(value).is_integer()))  # a count, or the mean of counts


def _limits(model: TrainedVAE, study: Study | None) -> Iterator[str]:
    variant, (_, height, width) = model.variant, model.shape
    yield (
        f"It knows images like those that it was trained on, at {height} x {width} pixels. Others are encoded as if "
        "they were such, and nothing warns of it."
    )
    yield "Pictures are means over what the model thinks possible, so they are smoother than images."
    if variant.model == "ae":
        yield "An autoencoder has no prior: a random z decodes to nothing in particular."
    elif variant.likelihood == "bernoulli":
        yield "Its likelihood, the cross-entropy of grey values, is no density: compare its loss within its kind alone."
    if study and paths.seeds_file(model.name).is_file() and variant.model == "vae":
        used = tables.seed_metrics(study, model.name).used_latents.mean()
        if used < 0.75 * variant.latent_dim:
            yield f"About {used:.0f} of its {variant.latent_dim} latents carry 95 % of the KL; the others say little."
    yield "Nobody has tested whether it gives training images away, or treats groups of images unlike others."
