"""The latent sizes of a series, and how a sentence names them and their amounts."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from elbowroom.report.wording import Rounding, latents, listed, nats_and_share
from elbowroom.results.families import LossFamily
from elbowroom.results.names import family_names
from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer


@dataclass(frozen=True)
class Series:
    """The latent sizes of a series, ascending.

    failed: sizes that were left out, of those to train next. complete: whether the study left nothing out.
    """

    rows: Sequence[SizeAnswer]
    failed: Collection[int] = ()
    complete: bool = True

    def of_state(self, *states: State) -> list[SizeAnswer]:
        """The sizes in any of these states."""
        return [row for row in self.rows if row.state in states]

    @property
    def tried(self) -> str:
        """What the sizes of the series are, and no others."""
        return "tried" if self.complete else "compared"

    @property
    def kept(self) -> list[SizeAnswer]:
        """The sizes that were trained well enough to be judged."""
        return [row for row in self.rows if row.state is not State.UNDERTRAINED]


def set_apart(told: Sequence[Sequence[SizeAnswer]]) -> list[str]:
    """Return what sets each series apart from the others of its dataset; an empty text where it is alone."""
    if len(told) == 1:
        return [""]
    of = [LossFamily.of(rows[0]) for rows in told]
    names = family_names(of)
    return [
        ", ".join([names[family]] * (len(names) > 1) + [rows[0].series]) for rows, family in zip(told, of, strict=True)
    ]


def cut_size(series: Series) -> SizeAnswer | None:
    """Return the size that can do with fewer latents than any that is called enough; None if there is none."""
    enough = series.of_state(State.ENOUGH)
    return next((row for row in series.rows if row.cut < (enough or [row])[0].latent_dim), None)


def named(values: Iterable[tuple[SizeAnswer, float]], towards: Rounding = round) -> str:
    """Return the amount of each row; name the row if there are several."""
    pairs = [(row, nats_and_share(value, row.explained, towards)) for row, value in values]
    if len(pairs) == 1:
        return pairs[0][1]
    return listed(f"{amount} with {row.latent_dim}" for row, amount in pairs)


def sizes_of(rows: Iterable[SizeAnswer], word: str = "and") -> str:
    return listed((row.latent_dim for row in rows), word)


def latents_of(rows: Iterable[SizeAnswer], word: str = "and") -> str:
    return latents([row.latent_dim for row in rows], word)


def verb_of(rows: Sequence[SizeAnswer], one: str = "is", more: str = "are") -> str:
    """Return the form of a verb whose subject is `latents_of(rows)`."""
    return one if [row.latent_dim for row in rows] == [1] else more
