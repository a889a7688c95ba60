"""What may be compared with what: loss families, the series within them, and losses that may be ranked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, Self, get_args

import pandas as pd

from elbowroom.core.pixel_range import PIXEL_RANGES, SYMMETRIC, UNIT
from elbowroom.core.settings import Likelihood, Study, VariantSettings
from elbowroom.results.schema import Column, columns

OBJECTIVE = ("dataset", "model", "likelihood", "pixel_range", "beta")  # the settings that decide what a loss measures

DatasetName = Annotated[str, Column("text")]
LikelihoodName = Annotated[str, Column("text", choices=get_args(Likelihood))]
PixelRangeName = Annotated[str, Column("text", choices=tuple(f"{each}" for each in PIXEL_RANGES))]


class Member(Protocol):
    """A variant, or a row of a table that has these columns."""

    @property
    def dataset(self) -> str: ...
    @property
    def likelihood(self) -> str: ...
    @property
    def pixel_range(self) -> Any: ...


@dataclass(frozen=True)
class LossFamily:
    """A dataset, a likelihood and a pixel range: within one, a distortion is the same quantity, also of baselines."""

    dataset: DatasetName
    likelihood: LikelihoodName
    pixel_range: PixelRangeName

    @classmethod
    def of(cls, member: Member) -> Self:
        """Return the family of a variant or of a row."""
        return cls(member.dataset, member.likelihood, str(member.pixel_range))

    @property
    def slug(self) -> str:
        """The family's name in file names."""
        pixel_range = {str(UNIT): "01", str(SYMMETRIC): "pm1"}[self.pixel_range]
        return f"{self.dataset}-{self.likelihood.replace('_', '-')}-{pixel_range}"

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a table that belong to this family."""
        return table[
            (table.dataset == self.dataset)
            & (table.likelihood == self.likelihood)
            & (table.pixel_range == self.pixel_range)
        ]


LOSS_FAMILY = list(columns(LossFamily))


@dataclass(frozen=True)
class SizeSeries:
    """Variants that differ in their latent size alone: names, smallest size first.

    label: what sets the series apart from the others of its family, such as "width 32".
    """

    family: LossFamily
    label: str
    members: tuple[str, ...]


def families(study: Study) -> dict[LossFamily, dict[str, VariantSettings]]:
    """Return the variants of each family, in the order of params.yaml."""
    found: dict[LossFamily, dict[str, VariantSettings]] = {}
    for name, variant in study.variants.items():
        found.setdefault(LossFamily.of(variant), {})[name] = variant
    return found


def all_series(study: Study) -> list[SizeSeries]:
    """Return every series of a study, family by family, those with a single member too."""
    return [series for family, variants in families(study).items() for series in _series(family, variants)]


def _series(family: LossFamily, variants: dict[str, VariantSettings]) -> Iterator[SizeSeries]:
    groups: dict[tuple[Any, ...], list[str]] = {}  # settings but for the latent size -> names
    for name, variant in variants.items():
        settings = variant.model_dump(exclude={"latent_dim", "pixel_range"})
        groups.setdefault(tuple(settings.items()), []).append(name)
    several = [dict(group) for group, names in groups.items() if len(names) > 1] or [dict(group) for group in groups]
    for group, names in groups.items():
        by_size = sorted(names, key=lambda name: variants[name].latent_dim)
        yield SizeSeries(family, _label(dict(group), several), tuple(by_size))


def _label(settings: dict[str, Any], others: list[dict[str, Any]]) -> str:
    """Say by which settings a series differs from others; its width if by none."""
    words = {
        "model": settings["model"].upper(),
        "network": settings["network"],
        "recipe": settings["recipe"],
        "beta": f"beta {settings['beta']:g}",
        "channels": f"width {settings['channels']}",
    }
    compared = [*others, settings]
    differing = [said for key, said in words.items() if len({other[key] for other in compared}) > 1]
    return ", ".join(differing) or words["channels"]


def incomparable(first: VariantSettings, second: VariantSettings) -> list[str]:
    """Return the settings for which two variants' losses cannot be ranked; none if they can."""
    return [name for name in OBJECTIVE if getattr(first, name) != getattr(second, name)]
