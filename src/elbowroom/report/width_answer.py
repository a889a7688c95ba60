"""Whether a wider network is worth having, in words."""

import math
from collections.abc import Collection, Iterator, Sequence

from elbowroom.comparison.pairs import pairs_of
from elbowroom.core.settings import Study
from elbowroom.report.headlines import width_headline
from elbowroom.report.wording import Paragraph, Rounding, listed, nats_and_share
from elbowroom.results.families import LossFamily
from elbowroom.results.names import dataset_name, family_names
from elbowroom.results.outcomes import Worth
from elbowroom.results.rows import WidthGain

SUBJECT = "Width"


def width_paragraphs(study: Study, rows: Sequence[WidthGain]) -> Iterator[Paragraph]:
    """Say what networks that differ in their width alone show, a sentence for each result of each comparison.

    Nothing is said of a study of one width.
    """
    if not rows:
        of_width = [pair for pair in pairs_of(study) if pair.setting == "channels"]
        if any(study.variants[pair.variant].model == "vae" for pair in of_width):
            why = "No series whose networks differ in their width alone explains more than the mean image does"
            yield Paragraph(SUBJECT, [f"{why}, so what width is worth cannot be told."])
        return
    groups: dict[tuple[str, int, int, Worth], list[WidthGain]] = {}
    for row in rows:
        key = (_where(study, row, rows), row.against_channels, row.channels, row.worth)
        groups.setdefault(key, []).append(row)
    said = [
        *(_sentence(where, own) for (where, *_), own in groups.items()),
        *_depth(study, {row.dataset for row in rows}),
    ]
    yield Paragraph(SUBJECT, said, "Is a wider network worth it?", width_headline(rows))


def _where(study: Study, row: WidthGain, rows: Sequence[WidthGain]) -> str:
    """Name the dataset of a row, and what sets its networks apart from those of the dataset's other rows."""
    own = study.variants[row.variant]
    others = [study.variants[other.variant] for other in rows if other.dataset == row.dataset]
    names = family_names(map(LossFamily.of, others))
    words = {"network": own.network, "recipe": own.recipe, "beta": f"beta {own.beta:g}"}
    apart = [names[LossFamily.of(own)]] * (len(names) > 1)
    apart += [word for setting, word in words.items() if len({getattr(other, setting) for other in others}) > 1]
    return dataset_name(study, row.dataset) + (f" ({', '.join(apart)})" if apart else "")


def _sentence(dataset: str, rows: Sequence[WidthGain]) -> str:
    first = rows[0]
    where = f"On {dataset} with {listed(row.latent_dim for row in rows)} latents"
    times = f" ({first.parameters_ratio:.1f} times the parameters)" if len(rows) == 1 else ""
    subject = f"{where}, {first.channels} channels instead of {first.against_channels}{times}"
    match first.worth:
        case Worth.NO_GAIN:
            if all(row.upper <= 0 for row in rows):
                return f"{subject} gain nothing."
            most = _amounts(rows, [max(0, min(row.upper, row.margin)) for row in rows], math.ceil)
            return f"{subject} gain at most {most}: no gain worth having."
        case Worth.WORTH_HAVING:
            return f"{subject} gain about {_amounts(rows, [row.gain for row in rows])}: worth having."
        case Worth.UNDERTRAINED:
            both = f"{first.against_channels} and {first.channels} channels are not compared"
            return f"{where}, {both}: a smaller model trained better than one of them, so the cause is training."
        case Worth.ONE_SEED:
            return f"{where}, {first.against_channels} or {first.channels} channels have only one seed: no conclusion."
        case _:
            largest = max(rows, key=lambda row: row.upper)
            question = f"{where}, it is undecided whether {first.channels} channels are worth having instead of "
            most = nats_and_share(largest.upper, largest.explained, math.ceil)
            return f"{question}{first.against_channels}{times}: they may gain up to {most}, or too little to matter."


def _depth(study: Study, datasets: Collection[str]) -> Iterator[str]:
    """Say that layers were not compared, if all VAEs of these datasets have the same."""
    vaes = [variant for variant in study.variants.values() if variant.model == "vae"]
    if all(len({vae.network for vae in vaes if vae.dataset == dataset}) == 1 for dataset in datasets):
        yield "Deeper networks were not tried."


def _amounts(rows: Sequence[WidthGain], values: Sequence[float], towards: Rounding = round) -> str:
    return listed(nats_and_share(value, row.explained, towards) for row, value in zip(rows, values, strict=True))
