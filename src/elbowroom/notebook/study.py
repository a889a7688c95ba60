"""The last cells of report/study.ipynb, after those of result_cells.py: two models compared, and the whole study."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # in the notebook, which begins with the first `# %%`, the cells before have defined these
    import pandas as pd
    from IPython.display import display

    from elbowroom.datasets.images import to_bytes
    from elbowroom.figures.pictures import mosaic
    from elbowroom.notebook.model_cells import (
        NAME,
        OTHER,
        device,
        images,
        inputs,
        model,
        show,
        show_table,
        shown,
        study,
        variant,
    )
    from elbowroom.notebook.result_cells import between, mapped, sample
    from elbowroom.report import text_tables
    from elbowroom.results import tables
    from elbowroom.results.families import incomparable
    from elbowroom.vae.latent_space import principal_plane
    from elbowroom.vae.model import parameters
    from elbowroom.vae.trained import TrainedVAE, load_shown

# %% [markdown]
# ## 9. Two latent sizes side by side
#
# The published notebook compared 128 latents with 256. Here `NAME` is compared with `OTHER`. First the curves: a line
# is the mean over seeds, a band reaches from the lowest seed to the highest.

# %%
from elbowroom.comparison import charts
from elbowroom.comparison.answer import by_series
from elbowroom.comparison.answer_chart import answer_figure
from elbowroom.figures.colours import variant_colours
from elbowroom.figures.latent_maps import LatentMap, compared_maps
from elbowroom.figures.pictures import picture_grid
from elbowroom.report.answer import answer
from elbowroom.report.answer_table import size_table
from elbowroom.report.cells import means, p_value
from elbowroom.report.chart_captions import answer_caption
from elbowroom.report.markdown import DASH
from elbowroom.results.metrics import METRICS
from elbowroom.results.names import family_titles
from elbowroom.results.rows import Difference, PublishedNumber, SizeAnswer, TruncatedPoint
from elbowroom.results.schema import to_rows

both: dict[str, TrainedVAE] = {}
if OTHER is None:
    print(f"There is no other VAE whose loss means the same as that of {NAME}: nothing to compare.")
elif (dataset := study.variant(OTHER).dataset) != variant.dataset:
    print(f"{OTHER} has another dataset ({dataset}) than {NAME} ({variant.dataset}): nothing to compare.")
else:
    both = {NAME: model, OTHER: load_shown(study, OTHER, device)[0]}
    for name, vae in both.items():
        print(f"{name}: {vae.variant.latent_dim} latents, {parameters(vae.network):,} parameters")
    curves = pd.concat([tables.history(study, name) for name in both])
    title = " against ".join(both)
    show(charts.curves_figure(curves, title, variant_colours(study)), f"Training curves of {title}")

# %% [markdown]
# **Which one is better?** Training again with another seed gives another loss, so a difference counts only if it is
# larger than that. `compare` asks this of every two variants that differ in one setting. Of many such questions about
# equals, one in twenty would be answered by chance. So the result is *better* or *worse* only if the p value is small
# even when it is adjusted for their number. With one seed there is no answer.

# %%
comparison = tables.comparison(study)
losses_apart = [row for row in to_rows(Difference, comparison.differences) if row.metric == "test_loss"]
if both and OTHER:
    if differing := incomparable(study.variant(NAME), study.variant(OTHER)):
        print(f"The losses of {NAME} and {OTHER} are not comparable: they differ in {', '.join(differing)}.")
    elif pair := next((row for row in losses_apart if {row.variant, row.against} == {NAME, OTHER}), None):
        said = f", {study.answer.level:.0%} interval {pair.low:+.2f} to {pair.high:+.2f}" if pair.seeds > 1 else ""
        print(f"Test loss of {pair.variant} minus that of {pair.against}: {pair.difference:+.2f} nats per image{said}")
        print(f"Result: {pair.result}" + (f", adjusted p {p_value(pair.p_adjusted)}" if pair.seeds > 1 else ""))
    else:
        print(f"{NAME} and {OTHER} differ in more than one setting, or their settings are not neighbours.")

# %% [markdown]
# Next: reconstructions from $\mu$; samples from **the same noise** (the first latents get the same numbers, a larger
# model has more of them); and interpolations between the same two images, along the straight line and by slerp.

# %%
if both:
    codes = {name: vae.encode(shown)[0] for name, vae in both.items()}
    made = {name: mosaic([[inputs], [to_bytes(vae.decode(codes[name]))]]) for name, vae in both.items()}
    show(picture_grid(made, "Test images, and their reconstructions", 1), "Reconstructions of both")

# %%
if both:
    made = {name: sample(vae) for name, vae in both.items()}
    show(picture_grid(made, "Decoded from the same noise", 2), "Samples of both, from the same noise")

# %%
if both:
    made = {name: mosaic(between(vae, codes[name])) for name, vae in both.items()}
    show(picture_grid(made, "Along the straight line, and below by slerp", 1), "Interpolations of both")

# %% [markdown]
# Both latent spaces, each on its own principal components. A direction in one picture has nothing to do with the same
# direction in the other; only compare how the classes lie relative to each other. In brackets: the share of variance.

# %%
if both:
    planes = {}
    for name, vae in both.items():
        mus = vae.encode(mapped, study.evaluation.batch_size)[0].cpu().numpy()
        plane = principal_plane(mus)
        planes[name] = LatentMap(plane.project(mus), images.first_labels(len(mus)), plane.share)
    show(compared_maps(planes, images.classes, "mu of test images"), "Latent maps of both")

# %% [markdown]
# ## 10. Summary
#
# All variants of the study, one table per dataset. Numbers are means over seeds, ± the standard deviation if there is
# more than one. Losses are comparable only if the objective is the same: do not rank them across likelihoods, pixel
# ranges, values of $\beta$ or datasets, nor a VAE against a plain autoencoder, whose loss has no KL. The verdict is
# what the answer below says of the size.

# %%
losses = [METRICS[name] for name in ("test_loss", "test_distortion", "test_rate")]
columns = [*losses, *(METRICS[name] for name in ("used_latents", "psnr", "probe_accuracy"))]
for dataset in study.datasets:
    summary = {
        row["variant"]: {
            "objective": text_tables.describe_objective(study.variant(row["variant"])),
            "latents": row["latent_dim"],
            "parameters": f"{row['parameters']:,}",
            "seeds": row["seeds"],
            **means(row, columns),
            "verdict": row["verdict"] or DASH,
        }
        for row in comparison.variants.to_dict("records")
        if row["dataset"] == dataset
    }
    if summary:
        display(pd.DataFrame.from_dict(summary, orient="index").rename_axis(dataset))

# %% [markdown]
# **How many latents are enough?** A size is enough if no larger one can be better by more than a margin, a small share
# of what the best size explains. A larger latent space contains the smaller one, so a size that *trains* worse than a
# smaller one was trained too little: it cannot show that fewer latents are enough. Used latents are the fewest that
# carry 95 % of the KL.

# %%
for paragraph in answer(study, comparison):
    print(f"{paragraph.subject}. {paragraph.text} {paragraph.advice}".rstrip() + "\n")
cut = to_rows(TruncatedPoint, comparison.truncated)
for family, title in family_titles(study).items():
    if several := by_series(to_rows(SizeAnswer, family.rows(comparison.answer))):
        show(answer_figure(several, cut, title), answer_caption(several, cut))
show_table(size_table(to_rows(SizeAnswer, comparison.answer)))

# %% [markdown]
# Which variants that differ in one setting have the better test loss:

# %%
if losses_apart:
    show_table(text_tables.differences(losses_apart))
else:
    print("This study has no two variants that differ in one setting only.")

# %% [markdown]
# Published numbers of the variants above, beside the numbers measured here. If the budget is smaller (see the top), do
# not expect them to agree.

# %%
known = [row for row in to_rows(PublishedNumber, comparison.published) if row.variant in (NAME, OTHER)]
if known:
    show_table(text_tables.published(known))
else:
    print("There are no published numbers of these variants.")

# %% [markdown]
# **Where to go from here.** `index.html` beside this notebook is the report. It has baselines, all metrics, and a check
# of what the two published studies claim. To ask another question, add a variant to `params.yaml` and run `dvc repro`:
# it trains what is new and makes this notebook again.
