"""A made-up row of answer.csv, to be changed by `dataclasses.replace`."""

import math

from elbowroom.results.outcomes import State, Step
from elbowroom.results.rows import SizeAnswer

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
