"""Results of all variants -> tables that set them beside each other and beside the baselines. Tables in, tables out."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import pandas as pd

from elbowroom.comparison.elbow import elbow
from elbowroom.comparison.verdict import verdict
from elbowroom.core.settings import Study, Variant

COMPARED = {"test_loss": True, "iwae_nll": True, "fcd": True}  # pairs of variants are compared in -> lower is better
CURVES = ("test_loss", "test_distortion", "iwae_nll", "active_units")  # shown against the latent size
ELBOWS = ("test_loss", "iwae_nll")  # the elbow is located in
FAR = ("mean image", "floor")  # one number each, which would squeeze a chart's others: drawn where near
LOSS_FAMILY = ["dataset", "likelihood", "pixel_range"]  # within one, losses are of the same quantity


def summary(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> pd.DataFrame:
    """A row for each variant: family, series, mean and deviation (NAME_sd) over seeds of each metric, the distortion
    above the floor that no reconstruction can go below (Bernoulli), and the verdict.

    seeds: dataset, variant, seed and metrics, a row for each trained seed. baselines: those of all datasets, as
    baselines.baselines gives them. An autoencoder has no verdict: it has no prior to leave latents to.
    """
    table = spread(seeds).astype({"parameters": int}).drop(columns="parameters_sd")
    families = pd.DataFrame([_family(study.variants[name]) for name in table.variant], columns=LOSS_FAMILY)
    for place, column in enumerate(LOSS_FAMILY[1:], start=2):
        table.insert(place, column, families[column])
    series = {name: said for _, own in _families(study) for said, members in _series(own) for name in members}
    table.insert(4, "series", table.variant.map(series))
    table.insert(5, "latent_dim", [study.variants[name].latent_dim for name in table.variant])
    means = baselines[baselines.baseline == "mean image"].set_index(LOSS_FAMILY).test_loss
    losses = seeds.pivot(index="seed", columns="variant", values="test_loss")
    smaller = {
        name: losses[other]
        for _, own in _families(study)
        for _, members in _series(own)
        for other, name in pairwise(members)
        if own[other].latent_dim < own[name].latent_dim
    }
    said = []
    for name, family in zip(table.variant, families.itertuples(index=False, name=None), strict=True):
        variant = study.variants[name]
        own = seeds[seeds.variant == name].set_index("seed")
        vae = variant.model == "vae"
        said.append(
            verdict(variant.latent_dim, own.active_units, own.test_loss, means[family], smaller.get(name))
            if vae
            else ""
        )
    floors = baselines[baselines.baseline == "floor"].set_index(LOSS_FAMILY).test_distortion
    above = [
        distortion - floors.get(family, float("nan"))
        for distortion, family in zip(table.test_distortion, families.itertuples(index=False, name=None), strict=True)
    ]
    return table.assign(above_floor=above, verdict=said)


def spread(seeds: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over seeds (nan with one): a row for each variant, in the table's order.

    seeds: as in `comparisons`, with dataset. Columns: dataset, variant, seeds (how many), then NAME and NAME_sd for
    each column of numbers, in its unit.
    """
    groups = seeds.groupby(["dataset", "variant"], sort=False)
    columns = [groups.size().rename("seeds")]
    for name in seeds.drop(columns="seed").select_dtypes("number").columns.astype(str):
        columns += [groups[name].mean(), groups[name].std().rename(f"{name}_sd")]
    return pd.concat(columns, axis=1).reset_index()


def shown_baselines(study: Study, baselines: pd.DataFrame) -> pd.DataFrame:
    """The baselines of the families that the study has, at its latent sizes; those without a size are kept."""
    parts = []
    for family, variants in _families(study):
        sizes = {variant.latent_dim for variant in variants.values()}
        own = baselines[(baselines[LOSS_FAMILY] == list(family)).all(axis=1)]
        parts.append(own[own.latent_dim.isna() | own.latent_dim.isin(sizes)])
    return pd.concat(parts, ignore_index=True)


def by_latents(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> pd.DataFrame:
    """Curves over the latent size, a row for each point: family, metric, series, latent_dim, value, low, high.

    Of families with variants that differ in their size alone: such are a series; its value is the mean over seeds, low
    and high their range. An autoencoder has a distortion only, and where beta is not 1 the loss is another quantity and
    is left out. Baselines are series too, the mean image and the floor the same at all sizes; PCA and the floor are
    distortions. Of the active units there are all, as a line.
    """
    rows: list[tuple] = []
    shown = shown_baselines(study, baselines)
    for family, variants in _families(study):
        sizes = sorted({variant.latent_dim for variant in variants.values()})
        lines = [(series, members) for series, members in _series(variants) if len(members) > 1]
        if not lines:
            continue
        for series, members in lines:
            first = variants[members[0]]
            for metric in CURVES:
                if metric != "test_distortion" and (first.model == "ae" or (metric == "test_loss" and first.beta != 1)):
                    continue
                for name in members:
                    values = seeds[seeds.variant == name][metric]
                    point = (values.mean(), values.min(), values.max())
                    rows.append((*family, metric, series, variants[name].latent_dim, *point))
        own = shown[(shown[LOSS_FAMILY] == list(family)).all(axis=1)]
        for baseline in own.to_dict("records"):
            name = baseline["baseline"]
            shown_in = {
                "mean image": ["test_loss", "test_distortion"],
                "linear VAE": ["test_loss", "test_distortion", "active_units"],
            }.get(name, ["test_distortion"])
            for size in sizes if pd.isna(baseline["latent_dim"]) else [int(baseline["latent_dim"])]:
                rows += [(*family, metric, name, size, *[baseline[metric]] * 3) for metric in shown_in]
        rows += [(*family, "active_units", "every latent", size, size, size, size) for size in sizes]
    columns = [*LOSS_FAMILY, "metric", "series", "latent_dim", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns).dropna(subset="value", ignore_index=True)


def elbows(study: Study, seeds: pd.DataFrame) -> pd.DataFrame:
    """Where more latents stop paying: a row for each series of at least four sizes, and each metric of ELBOWS."""
    rows = []
    for family, variants in _families(study):
        for series, members in _series(variants):
            sizes = {variants[name].latent_dim: name for name in members}
            if len(sizes) < 4:
                continue
            for metric in ELBOWS:
                by_seed = seeds[seeds.variant.isin(members)].pivot(index="seed", columns="variant", values=metric)
                losses = by_seed.rename(columns={name: size for size, name in sizes.items()})
                found = elbow(list(sizes), losses)
                rows.append({**dict(zip(LOSS_FAMILY, family, strict=True)), "series": series, "metric": metric}
                            | found._asdict())  # fmt: skip
    columns = [
        *LOSS_FAMILY,
        "series",
        "metric",
        "latent_dim",
        "low",
        "high",
        "seeds",
        "slope_before",
        "slope_after",
        "result",
    ]
    return pd.DataFrame(rows, columns=columns)


def slug(family: Iterable[str]) -> str:
    """What the pictures of a family are called."""
    return "-".join(family).replace("_", "-").replace("[-1, 1]", "pm1").replace("[0, 1]", "01")


def _family(variant: Variant) -> tuple[str, str, str]:
    return variant.dataset, variant.likelihood, str(variant.pixel_range)


def _families(study: Study) -> Iterator[tuple[tuple[str, str, str], dict[str, Variant]]]:
    """The variants of each family, in the order of params.yaml."""
    groups: dict[tuple[str, str, str], dict[str, Variant]] = {}
    for name, variant in study.variants.items():
        groups.setdefault(_family(variant), {})[name] = variant
    yield from groups.items()


def _series(variants: dict[str, Variant]) -> Iterator[tuple[str, list[str]]]:
    """Variants that differ in their latent size alone, by name, smallest first; and what to call them."""
    groups: dict[tuple, list[str]] = {}
    for name, variant in variants.items():
        rest = variant.model_dump(exclude={"latent_dim", "pixel_range"})
        groups.setdefault(tuple(rest.items()), []).append(name)
    for group, names in groups.items():
        rest = dict(group)
        others = [dict(other) for other, members in groups.items() if len(members) > 1] or [dict(g) for g in groups]
        others.append(rest)
        keys = ("model", "network", "recipe", "beta", "channels")
        differing = [key for key in keys if len({other[key] for other in others}) > 1]
        words = {
            "channels": f"width {rest['channels']}",
            "beta": f"beta {rest['beta']:g}",
            "model": rest["model"].upper(),
        }
        said = [words.get(key, str(rest[key])) for key in differing]
        yield ", ".join(said) or words["channels"], sorted(names, key=lambda name: variants[name].latent_dim)
