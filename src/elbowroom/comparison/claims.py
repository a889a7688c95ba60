"""The claims of the published studies, and what tests each of them: claims.yaml as typed objects.

A test is of one of four kinds; comparison.audit decides them:

- arithmetic: a number worked out from published ones is within a margin of the claimed one.
- measurement: the same for measured numbers.
- order: a measured number of one variant is lower or higher than that of another.
- limit: the ratio of two measured numbers of a variant is at most a limit, which is this project's reading of a word.
"""

import math
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field

from elbowroom.comparison.published import PublishedStudy, load_published
from elbowroom.core.networks import Network
from elbowroom.core.setting_types import Settings
from elbowroom.results.metrics import label_of

CLAIMS = Path(__file__).with_name("claims.yaml")


class VariantNumber(Settings):
    """A number of a variant. Measured: a column of metrics/<variant>.csv. Published: what `published_value` finds."""

    variant: str
    metric: str
    minus: str | None = None  # another measured metric, to subtract
    epoch: int | None = None  # of a published curve

    @property
    def label(self) -> str:
        return f"{label_of(self.metric)} - {label_of(self.minus)}" if self.minus else label_of(self.metric)


Numbers = Annotated[list[VariantNumber], Field(default_factory=list)]


class Claimed(Settings):
    """The claimed number is a function of `numbers`, to within a margin in its unit."""

    kind: Literal["arithmetic", "measurement"]
    function: Literal["value", "relative_change", "ratio"]
    numbers: list[VariantNumber]
    claimed: float
    margin: float
    instead: Numbers  # published ones of which the function is given as well


class Inequality(Settings):
    """One measured number against another, over seeds."""

    first: VariantNumber
    relation: Literal["better", "lower", "higher"]  # better: lower, for a loss
    second: VariantNumber


class Order(Settings):
    """Every comparison comes out as it says."""

    kind: Literal["order"]
    comparisons: list[Inequality]

    @property
    def numbers(self) -> list[VariantNumber]:
        return [number for comparison in self.comparisons for number in (comparison.first, comparison.second)]


class Ratio(Settings):
    """A measured number over another of the same variant, for each seed."""

    of: VariantNumber
    to: VariantNumber


class Limit(Settings):
    """Every ratio is at most the limit."""

    kind: Literal["limit"]
    at_most: float
    ratios: list[Ratio]

    @property
    def numbers(self) -> list[VariantNumber]:
        return [number for ratio in self.ratios for number in (ratio.of, ratio.to)]


class Claim(Settings):
    """What a study says, in its words."""

    number: int  # the two halves of a claim share it
    study: Literal["notebook", "report"]
    claim: str
    tests: list[Annotated[Claimed | Order | Limit, Field(discriminator="kind")]]


class Claims(Settings):
    """claims.yaml. networks: as published. models: the settings of each variant as published, without its recipe."""

    networks: dict[str, Network]
    models: dict[str, dict[str, Any]]
    claims: list[Claim]


@cache
def load_claims() -> Claims:
    """Read the claims, and the models that they are about. Raises pydantic.ValidationError, which says where."""
    return Claims.model_validate(yaml.safe_load(CLAIMS.read_text(encoding="utf-8")))


def published_value(number: VariantNumber) -> Any:
    """Return a number as the studies printed it: from published.yaml, a setting, or values_per_image, C*H*W."""
    settings, of = load_claims().models[number.variant], study_of(number.variant)
    if number.metric == "values_per_image":
        return math.prod(of.shape)
    printed = of.variants[number.variant]
    if number.epoch is not None:
        return printed.history[number.metric][number.epoch]
    return (settings | {"time": printed.time} | printed.metrics)[number.metric]


def study_of(variant: str) -> PublishedStudy:
    """Return the published study that has this variant."""
    return next(study for study in load_published().values() if variant in study.variants)
