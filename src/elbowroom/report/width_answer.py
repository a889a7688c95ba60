"""Whether a wider network is worth having, in words."""

from collections.abc import Sequence

from elbowroom.report.wording import Paragraph, dataset_name, listed, nats, share
from elbowroom.results.outcomes import Worth
from elbowroom.results.rows import WidthGain

SUBJECT = "Width"


def width_paragraph(rows: Sequence[WidthGain]) -> Paragraph:
    """Say what networks that differ in their width alone show, a sentence for each result of each comparison."""
    if not rows:
        return Paragraph(SUBJECT, ["No two networks differ in their width alone, so its use was not tested."])
    groups: dict[tuple[str, str, int, int, Worth], list[WidthGain]] = {}
    for row in rows:
        key = (row.dataset, row.likelihood, row.against_channels, row.channels, row.worth)
        groups.setdefault(key, []).append(row)
    return Paragraph(SUBJECT, [_sentence(own) for own in groups.values()])


def _sentence(rows: Sequence[WidthGain]) -> str:
    first = rows[0]
    sizes = listed(row.latent_dim for row in rows)
    times = f" ({first.parameters_ratio:.1f} times the parameters)" if len(rows) == 1 else ""
    where, change = dataset_name(first.dataset), f"{first.channels} channels instead of {first.against_channels}"
    subject = f"On {where}, {change} with {sizes} latents{times}"
    match first.worth:
        case Worth.NO_GAIN:
            return f"{subject} gain at most {_amounts(rows, [row.upper for row in rows])}: no gain worth having."
        case Worth.WORTH_HAVING:
            return f"{subject} gain {_amounts(rows, [row.gain for row in rows])}: worth having."
        case Worth.UNDERTRAINED:
            return f"{subject} train worse, which is training, not width: left out."
        case Worth.ONE_SEED:
            return f"{subject} have one seed, so chance cannot be told from width: no conclusion."
        case _:
            largest = max(rows, key=lambda row: row.upper)
            most = f"{nats(largest.upper)} ({share(largest.upper, largest.explained)})"
            return f"{subject} may gain up to {most}, or too little to matter: undecided."


def _amounts(rows: Sequence[WidthGain], values: Sequence[float]) -> str:
    amounts = listed(nats(value, unit=False) for value in values)
    shares = listed(share(value, row.explained) for row, value in zip(rows, values, strict=True))
    return f"{amounts} nats ({shares})"
