"""Whether a wider network is worth having, in words."""

import math
from collections.abc import Collection, Iterator, Sequence

from elbowroom.comparison.pairs import pairs_of
from elbowroom.core.settings import Study
from elbowroom.report.headlines import width_headline
from elbowroom.report.wording import Paragraph, Rounding, listed, nats_and_share
from elbowroom.results.names import dataset_name
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
    groups: dict[tuple[str, str, int, int, Worth], list[WidthGain]] = {}
    for row in rows:
        key = (row.dataset, row.likelihood, row.against_channels, row.channels, row.worth)
        groups.setdefault(key, []).append(row)
    said = [*(_sentence(study, own) for own in groups.values()), *_depth(study, {row.dataset for row in rows})]
    yield Paragraph(SUBJECT, said, "Is a wider network worth it?", width_headline(rows))


def _sentence(study: Study, rows: Sequence[WidthGain]) -> str:
    first = rows[0]
    where = f"On {dataset_name(study, first.dataset)} with {listed(row.latent_dim for row in rows)} latents"
    times = f" ({first.parameters_ratio:.1f} times the parameters)" if len(rows) == 1 else ""
    subject = f"{where}, {first.channels} channels instead of {first.against_channels}{times}"
    match first.worth:
        case Worth.NO_GAIN:
            most = _amounts(rows, [row.upper for row in rows], math.ceil)
            return f"{subject} gain at most {most}: no gain worth having."
        case Worth.WORTH_HAVING:
            return f"{subject} gain about {_amounts(rows, [row.gain for row in rows])}: worth having."
        case Worth.UNDERTRAINED:
            worse = f"{where}, {first.channels} channels trained worse than {first.against_channels}"
            return f"{worse}. The cause is training, not width, so they are not compared."
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
