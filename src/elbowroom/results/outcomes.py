"""What a comparison, a latent space or a published claim can come to: the words that tables and pages use."""

from enum import StrEnum


class Outcome(StrEnum):
    """What the seeds of two variants say about their difference in one metric."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference measured"  # the interval holds 0
    ONE_SEED = "one seed, no interval"
    NO_COMMON_SEED = "no seed in common"


class Verdict(StrEnum):
    """What became of a VAE's latent space in training; comparison.verdict has the rule."""

    COLLAPSED = "collapsed"  # it learned nothing about the single image
    STARVED = "starved"  # every latent is active, so more might help
    SATURATED = "saturated"  # the last latents bought nothing
    SEEDS_DIFFER = "seeds differ"


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
