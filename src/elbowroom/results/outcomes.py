"""What a comparison, a latent space or a published claim can come to: the words that tables and pages use."""

from enum import StrEnum


class Outcome(StrEnum):
    """What the seeds of two variants say about their difference in one metric."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference measured"  # none that is sure, adjusted for how many were looked for
    ONE_SEED = "one seed, no interval"


class Pairing(StrEnum):
    """Whether the seeds of two variants are compared one by one; comparison.pairs has the rule."""

    BY_SEED = "by seed"  # the same seed of both
    NONE = "none"  # as two independent samples


class State(StrEnum):
    """What is known of one latent size of a series; comparison.enough has the rule."""

    ENOUGH = "enough"  # no larger size can be better by more than the margin; the smallest such size
    ROOMY = "roomy"  # larger than enough
    TOO_FEW = "too few"  # a larger size is better by more than the margin
    UNDECIDED = "undecided"  # neither is shown
    LARGEST = "largest tried"  # nothing larger to compare with
    LARGEST_KEPT = "largest trained well"  # all that are larger are undertrained, so none shows that it is enough
    ONLY = "only size tried"  # nothing to compare with
    UNDERTRAINED = "undertrained"  # its training loss is above that of a smaller size, so it is not judged
    UNCLEAR = "unclear"  # its mean training loss is above that of a smaller size, but its seeds do not show it
    ONE_SEED = "one seed"  # no spread over seeds, so no conclusion
    # no size explains more than the mean image does; comparison.unexplained says why
    BARELY_TRAINED = "barely trained"  # longer training may help
    STUCK = "stuck"  # its latents carry KL, but training no longer helps
    COLLAPSED = "collapsed"  # its latents carry no KL
    OVERFITTED = "overfitted"  # it does on training images


NOTHING_LARGER = (State.LARGEST, State.LARGEST_KEPT, State.ONLY)


class Worth(StrEnum):
    """Whether a larger network is worth having; comparison.worth has the rule."""

    WORTH_HAVING = "worth having"  # it gains more than the margin
    NO_GAIN = "no gain worth having"  # it gains less than the margin
    UNDECIDED = "undecided"  # neither is shown
    UNDERTRAINED = "undertrained"  # one of both networks has a training loss above that of a smaller model: left out
    ONE_SEED = "one seed"  # no spread over seeds, so no conclusion


class Step(StrEnum):
    """What would decide how many latents are enough; comparison.next_step has the rule."""

    MORE_SEEDS = "more seeds"
    LONGER = "train longer"
    LARGER = "a larger size"
    BETWEEN = "a size between"
    SMALLER = "smaller sizes"
    NOTHING = "nothing"


class Bend(StrEnum):
    """Whether the loss of a series bends as its latent size grows, and if not, why none can be said to."""

    FOUND = "found"
    FEW_SIZES = "fewer than 4 sizes"
    NO_SEED = "no seed has every size"
    STRAIGHT = "it does not flatten"
    NOT_MEASURED = "a bend is not measured over seeds"
    NOT_EVERY_SEED = "in some seed it does not fall, then flatten"
    AT_THE_END = "in some seed it is best at the end of where it flattens"


class ClaimResult(StrEnum):
    """What a test of a published claim shows."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNTESTABLE = "not testable from this study"


class Evidence(StrEnum):
    """Whose numbers test a published claim."""

    PUBLISHED = "their numbers"
    MEASURED = "our numbers"
