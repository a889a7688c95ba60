"""The answer in short: what stands in large letters on a card, and how sure it is."""

from dataclasses import replace

import pytest

from elbowroom.report.headlines import advice, confidence, headline, width_headline
from elbowroom.report.series import Series
from elbowroom.results.outcomes import State, Step, Worth
from elbowroom.results.rows import SizeAnswer
from tests.support.answers import GAIN, ROW

NOTHING_LEFT = "Next: train longer, or more seeds. No new size would tell much at this budget."
ENOUGH = ROW
TOO_FEW = replace(ROW, latent_dim=8, state=State.TOO_FEW)
TOP = replace(ROW, latent_dim=32, state=State.LARGEST)
UNDERTRAINED = replace(ROW, latent_dim=64, state=State.UNDERTRAINED)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([TOO_FEW, ENOUGH, TOP], "16 latents are enough."),
        ([replace(ENOUGH, latent_dim=1), TOP], "1 latent is enough."),
        ([TOO_FEW, ENOUGH, replace(TOP, doubling_gain=9.0)], "16 latents are enough at this budget."),
        ([ENOUGH, TOP], "16 latents, the fewest tried, are enough."),
        ([replace(ENOUGH, cut=12.0), TOP], "16 latents, the fewest tried, are enough, and 12 of them do the work."),
        ([TOO_FEW, replace(ENOUGH, cut=12.0), TOP], "16 latents are enough, and 12 of them do the work."),
        ([TOO_FEW, replace(ENOUGH, cut=1.0), TOP], "16 latents are enough, and 1 of them does the work."),
        ([TOO_FEW, ENOUGH, replace(TOP, cut=12.0)], "16 latents are enough, and a model of 32 can do with 12."),
        ([TOO_FEW, ENOUGH, replace(TOP, cut=24.0)], "16 latents are enough."),
        ([TOO_FEW, TOP], "More than 8 latents. How many are enough is open."),
        (
            [replace(ROW, state=State.UNDECIDED), TOP],
            "Not known yet: no size is surely enough, and none is surely too few.",
        ),
        ([TOP, UNDERTRAINED], "Not known yet: only one size, 32, trained well."),
        ([TOP], "Not known yet: only one size, 32, was tried."),
        ([replace(ROW, state=State.ONE_SEED)] * 2, "Not known yet: one seed of each size shows nothing."),
    ],
)
def test_a_headline_is_what_is_known(rows: list[SizeAnswer], said: str) -> None:
    assert headline(Series(rows)) == said


def test_what_to_take_and_to_do_until_it_is_known() -> None:
    unknown = [replace(TOO_FEW, step=Step.LARGER, step_sizes="64"), TOP]
    assert advice(Series(unknown)) == (
        "Until it is known, take 32, the largest that trained well. Next: train 64 latents."
    )
    unfinished = [replace(TOO_FEW, step=Step.LONGER, step_sizes="32"), replace(TOP, doubling_gain=9.0)]
    assert advice(Series(unfinished)) == (
        "Until it is known, take 32, the largest tried. Next: train 32 latents for twice the epochs. "
        "More seeds alone would not decide it."
    )
    kept = [unfinished[0], replace(unfinished[1], state=State.LARGEST_KEPT), UNDERTRAINED]
    assert advice(Series(kept)).startswith("Until it is known, take 32, the largest that can be judged. Next:")
    lower = [unknown[0], replace(UNDERTRAINED, test_loss=55.0)]
    assert advice(Series(lower)).startswith("Until it is known, take 64, which has the lowest test loss. Next:")
    enough = [TOO_FEW, ENOUGH, TOP, replace(UNDERTRAINED, test_loss=55.0)]
    assert "take" not in advice(Series(enough))
    kept_but_worse = [replace(TOP, state=State.LARGEST_KEPT, excess_low=4.0), replace(UNDERTRAINED, test_loss=55.0)]
    assert advice(Series(kept_but_worse)) == "Until it is known, take 64, which has the lowest test loss."
    undecided = [replace(TOO_FEW, state=State.UNDECIDED, step=Step.LONGER, step_sizes="32"), unfinished[1]]
    assert "seeds" not in advice(Series(undecided))  # they may decide it
    assert advice(Series([TOO_FEW, ENOUGH, TOP])) == NOTHING_LEFT
    assert advice(Series([replace(TOP, state=State.ONLY)])) == ""  # no size is the largest of one


@pytest.mark.parametrize(
    ("worths", "said"),
    [
        ([Worth.NO_GAIN], "Not with 8 latents: it gains too little to matter."),
        ([Worth.WORTH_HAVING] * 2, "Yes, with 8 latents."),
        ([Worth.NO_GAIN, Worth.WORTH_HAVING, Worth.UNDECIDED], "Partly: the comparisons differ."),
        ([Worth.WORTH_HAVING, Worth.UNDECIDED], "Yes in some comparisons. In others it is not known."),
        ([Worth.NO_GAIN, Worth.UNDECIDED], "Not in some comparisons. In others it is not known."),
        ([Worth.UNDECIDED, Worth.ONE_SEED], "Not known yet."),
    ],
)
def test_a_wider_network_is_worth_it_or_not(worths: list[Worth], said: str) -> None:
    assert width_headline([replace(GAIN, worth=worth) for worth in worths]) == said


def test_the_sizes_at_which_width_is_settled_are_named() -> None:
    """16 are not: a gain from one width, and not from another, is no answer for the size."""
    rows = [GAIN, *(replace(GAIN, latent_dim=size, worth=Worth.UNDECIDED) for size in (16, 32))]
    rows.append(replace(GAIN, latent_dim=16, channels=128))
    assert GAIN.worth is Worth.NO_GAIN
    assert width_headline(rows) == "Not with 8 latents. With 16 and 32 not all is known."


def test_how_sure_it_is() -> None:
    assert confidence(Series([ROW, TOP]), 0.95) == "Said with 95 % confidence: 3 seeds of each size, 50 epochs."
    longer = [ENOUGH, replace(TOP, doubling_gain=0.8)]  # by a guess; twice as much would be more than the margin
    assert confidence(Series(longer), 0.95).endswith("50 epochs. Longer training may change it.")
    by_heart = [ENOUGH, replace(TOP, doubling_gain=9.0, test_gain=0.1)]
    assert confidence(Series(by_heart), 0.95).endswith("50 epochs.")
    nothing = [replace(ROW, state=State.OVERFITTED, margin=-0.4, explained=-40.0)]
    assert confidence(Series(nothing), 0.95) == "Trained so far: 3 seeds of each size, 50 epochs."
    assert confidence(Series([TOO_FEW, TOP]), 0.95).startswith("More than 8 is said with 95 % confidence: 3 seeds")
    open_ended = [replace(ROW, state=State.UNDECIDED), TOP]
    assert confidence(Series(open_ended), 0.95) == "Trained so far: 3 seeds of each size, 50 epochs."
    single = [replace(row, seeds=1, doubling_gain=9.0) for row in (ROW, TOP)]
    assert confidence(Series(single), 0.95) == (
        "Nothing is sure: 1 seed of each size, 50 epochs. Training is not finished: more may change the answer."
    )
    left_out = replace(TOP, latent_dim=64, state=State.UNDERTRAINED, doubling_gain=9.0)
    assert confidence(Series([ENOUGH, TOP, left_out]), 0.95) == (
        "Said with 95 % confidence: 3 seeds of each size, 50 epochs. 64 latents trained too little: longer "
        "training may change the answer."
    )
