"""The answer in words: a paragraph for each series of latent sizes, and one on the width of the network."""

from collections.abc import Iterator, Sequence

from elbowroom.comparison.answer import subjects
from elbowroom.comparison.published import shortfalls_of
from elbowroom.comparison.suggestions import was_left_out
from elbowroom.core.settings import Study
from elbowroom.report.headlines import advice, confidence, headline
from elbowroom.report.markdown import one_line
from elbowroom.report.series import Series, set_apart
from elbowroom.report.size_sentences import sentences
from elbowroom.report.width_answer import width_paragraphs
from elbowroom.report.wording import Paragraph, nats, several, share
from elbowroom.results.names import dataset_name
from elbowroom.results.rows import SizeAnswer, WidthGain
from elbowroom.results.schema import to_rows
from elbowroom.results.tables import Comparison


def answer(study: Study, comparison: Comparison) -> list[Paragraph]:
    """Say what was left out, how many latents are enough in each dataset, and what a wider network gains."""
    sizes = size_paragraphs(study, to_rows(SizeAnswer, comparison.answer))
    return [*_left_out(study), *sizes, *width_paragraphs(study, to_rows(WidthGain, comparison.widths))]


def size_paragraphs(study: Study, rows: Sequence[SizeAnswer]) -> Iterator[Paragraph]:
    """Say how many latents are enough in each dataset, a paragraph for each series. rows: of answer.csv."""
    for dataset in dict.fromkeys(variant.dataset for variant in study.variants.values()):
        told = [_series(study, own) for own in subjects(row for row in rows if row.dataset == dataset)]
        budget, name = list(_budget(study, dataset)), dataset_name(study, dataset)
        if not told:
            none = "Only autoencoders without a KL were trained, so how many latents a VAE needs cannot be told."
            yield Paragraph(name, [none, *budget], _question(name), "Not asked: there is no VAE.")
        for series, own in zip(told, set_apart([series.rows for series in told]), strict=True):
            yield Paragraph(
                f"{name}, {own}" if own else name,
                [*sentences(series), *budget],
                _question(name, own),
                headline(series),
                confidence(series, study.answer.level),
                advice(series),
                series.rows[0].variant,
            )


def _series(study: Study, rows: Sequence[SizeAnswer]) -> Series:
    failed = [size for size in map(int, rows[0].step_sizes.split()) if was_left_out(study, rows, size)]
    return Series(rows, failed, complete=not study.answer.left_out)


def scales(study: Study, rows: Sequence[SizeAnswer]) -> Iterator[str]:
    """Say of each dataset what a nat is worth in its first series that explains anything. rows: of answer.csv."""
    by_dataset: dict[str, list[list[SizeAnswer]]] = {}
    for own in subjects(rows):
        by_dataset.setdefault(own[0].dataset, []).append(own)
    for dataset, told in by_dataset.items():
        for own, apart in zip(told, set_apart(told), strict=True):
            if own[0].margin > 0:
                which = f" ({apart})" if apart else ""
                yield (
                    f"On {dataset_name(study, dataset)}{which} the best size explains {nats(own[0].explained)}: there "
                    f"10 nats are {share(10, own[0].explained)}, and the margin is {nats(own[0].margin)}."
                )
                if apart:
                    yield 'The margins of the other series there are under "The numbers behind the answer".'
                break


def _question(dataset: str, series: str = "") -> str:
    return f"How many latents does a VAE of {dataset} need{f' ({series})' if series else ''}?"


def _left_out(study: Study) -> Iterator[Paragraph]:
    if reasons := study.answer.left_out:
        named = "; ".join(f"{name} ({one_line(why)})" for name, why in reasons.items())
        them = several(reasons, "it", "them")
        yield Paragraph(
            "Left out", [f"This is the answer without {named}. No table and no chart has results of {them}."]
        )


def _budget(study: Study, dataset: str) -> Iterator[str]:
    if parts := shortfalls_of(study, dataset):
        yield f"The published settings were not used: {'; '.join(parts)}."
