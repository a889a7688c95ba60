"""How the answer writes amounts, lists and names."""

import math
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass

from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer

Rounding = Callable[[float], int]  # round; math.ceil for what is "at most", math.floor for what is "at least"

UNEXPLAINED = {  # what is said of sizes none of which explains more than the mean image does
    State.BARELY_TRAINED: "No model beats always showing the mean image yet: training has only begun.",
    State.STUCK: "No model beats always showing the mean image, and longer training would not help. Lower the learning "
    "rate or beta.",
    State.COLLAPSED: "The latents collapsed at every size: they carry no KL, and no model beats always showing the "
    "mean image. Lower beta, or warm up the KL.",
    State.OVERFITTED: "No model beats always showing the mean image on test images, though one does on training "
    "images. More images would help, longer training would not.",
}


def unexplained_state(rows: Iterable[SizeAnswer]) -> State | None:
    """Return why no size of a series explains more than the mean image does; None if one does."""
    return next((row.state for row in rows if row.state in UNEXPLAINED), None)


@dataclass(frozen=True)
class Paragraph:
    """What is said of one subject, a sentence for each idea.

    The first lines of its card: question, headline (the answer in short), confidence (how sure it is), advice (what to
    take and to try, which sentences do not repeat); empty if there is no card. variant: whose chart goes with it; empty
    if none does.
    """

    subject: str
    sentences: Sequence[str]
    question: str = ""
    headline: str = ""
    confidence: str = ""
    advice: str = ""
    variant: str = ""

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


def listed(values: Iterable[int | str], word: str = "and") -> str:
    """Return values as a list in a sentence: 1, 2 and 3."""
    *first, last = map(str, values)
    return f"{', '.join(first)} {word} {last}" if first else last


def latents(sizes: Sequence[int], word: str = "and") -> str:
    """Return sizes as a number of latents: 1 latent, 4 and 8 latents."""
    return f"{listed(sizes, word)} {'latent' if list(sizes) == [1] else 'latents'}"


def several(rows: Sized, one: str, more: str) -> str:
    """Return the form of a word for one row, or for more of them."""
    return one if len(rows) == 1 else more


def nats(amount: float, unit: bool = True, towards: Rounding = round) -> str:
    """Return a loss with about two significant digits."""
    digits = 0 if abs(amount) >= 10 else 1 if abs(amount) >= 1 else 2
    return f"{_rounded(amount, digits, towards):,.{digits}f}" + (" nats" if unit else "")


def nats_and_share(amount: float, explained: float, towards: Rounding = round) -> str:
    """Return a loss, and in brackets the share that it is of what the best size explains."""
    return f"{nats(amount, towards=towards)} ({share(amount, explained, towards)})"


def share(amount: float, explained: float, towards: Rounding = round) -> str:
    """Return a loss as a share of what the best size explains."""
    percent = 100 * amount / explained
    digits = 0 if abs(percent) >= 10 else 1
    return f"{_rounded(percent, digits, towards):.{digits}f} %"


def _rounded(amount: float, digits: int, towards: Rounding) -> float:
    if math.isnan(amount):
        return amount
    exact = round(amount * 10**digits, 9)  # without the error of binary fractions
    return towards(exact) / 10**digits
