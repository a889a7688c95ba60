"""Made-up rows of answer.csv, claims.csv and differences.csv, to be changed by `dataclasses.replace`."""

import math

from elbowroom.results.outcomes import ClaimResult, Evidence, Outcome, Pairing, State, Step, Worth
from elbowroom.results.rows import AuditedClaim, Difference, SizeAnswer, WidthGain

ROW = SizeAnswer(
    dataset="mnist",
    likelihood="gaussian",
    pixel_range="[-1, 1]",
    series="width 32",
    variant="z16",
    latent_dim=16,
    state=State.ENOUGH,
    test_loss=60.0,
    train_loss=59.0,
    linear_loss=100.0,
    excess=0.2,
    excess_low=-0.1,
    excess_high=0.5,
    rise=-3.0,
    rise_low=-4.0,
    explained=150.0,
    margin=1.5,
    seeds=3,
    epochs=50,
    doubling_gain=0.3,
    used=15.0,
    step=Step.NOTHING,
    step_sizes="",
    step_seeds=math.nan,
)

# A network of twice the width gains too little.
GAIN = WidthGain(
    dataset="cifar10",
    likelihood="bernoulli",
    pixel_range="[0, 1]",
    variant="cifar10-z8-c64",
    against="cifar10-z8-c32",
    latent_dim=8,
    channels=64,
    against_channels=32,
    parameters_ratio=3.65,
    gain=0.315,
    upper=1.142,
    p_above=0.998,
    p_below=0.002,
    explained=273.5,
    margin=2.735,
    worth=Worth.NO_GAIN,
)

# A claim that holds, on a difference that is not sure beside all others.
CLAIM = AuditedClaim("notebook", "128 is better than 256", Evidence.MEASURED, ClaimResult.HOLDS, "adjusted p 0.033")
DIFFERENCE = Difference(
    dataset="mnist",
    variant="mnist-z256",
    against="mnist-z128",
    metric="test_loss",
    difference=0.82,
    low=0.21,
    high=1.42,
    seeds=5,
    pairing=Pairing.NONE,
    p=0.016,
    p_adjusted=0.081,
    result=Outcome.NO_DIFFERENCE,
)
