"""What the pictures and tables of the report show, in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from elbowroom.comparison.answer import by_series
from elbowroom.core.settings import ACTIVE_THRESHOLD, Study
from elbowroom.report.cells import DAGGER, DOUBLE_DAGGER
from elbowroom.results.families import families
from elbowroom.results.metrics import FEWEST_EFFECTIVE
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.schema import to_rows
from elbowroom.results.tables import Comparison

DATASET_PICTURES = {  # pictures of all variants of a dataset
    "reconstructions": "Test images (first row of each pair) and their reconstructions from mu (second row), first "
    "seed.",
    "samples": "Samples from z ~ N(0, I), first seed. Every variant gets the same noise (a larger latent space gets "
    "more of it), but latents of different models have nothing in common. An autoencoder (ae) has no prior; this is "
    "what it makes of the noise.",
    "interpolation": "From one test image (left) to another (right) on a straight line between their mu, first seed.",
    "interpolation-samples": "On a straight line between two random latent vectors, first seed.",
    "maps": "mu of the first test images on its two principal components, coloured by class if there are any, "
    "first seed. The share of the variance that they show is of this seed, too: tables have its mean over seeds.",
}
UNFINISHED = dict.fromkeys(
    ("reconstructions", "samples"), " Training is not finished: with more epochs they may get sharper."
)
ON_PAGE = [kind for kind in DATASET_PICTURES if kind != "maps"]  # index.html has maps to explore
ANSWER_CHART = (
    "Test loss against latent size. The ribbon is the margin above the best loss. A bar shows between which bounds a "
    "size is worse than the best larger one, counted from the ribbon's lower edge. A bar that begins above the ribbon "
    "means too few. Only a size whose bar ends within the ribbon or below can be enough. Hollow points are left out: "
    "their training loss is above that of a smaller size by more than the margin. A green ring marks the answer. An "
    "orange one marks how few of its latents the best model can do with. Grey is the exact linear VAE, if the "
    "likelihood is a squared error. The thin orange line is the best of these models, cut down to the latents with the "
    "largest KL: the best VAE with that many latents is there or below."
)
FAMILY_CHARTS = {  # charts of a loss family
    "answer": ANSWER_CHART,
    "latents": "What more latents buy: loss, distortion, IWAE bound and used latents against the latent size. A band "
    "spans the seeds; grey lines are baselines. A vertical line, if there is one, is where the line bends; its 95 % "
    "interval is shaded.",
    "plane": "The rate-distortion plane on test. Variants that differ in their latent size alone are joined and have "
    "one shape. Along a thin line, rate + distortion (the loss at beta 1) is the same. If the likelihood is a squared "
    "error, the dash-dotted line is the exact linear VAE of the same sizes (a dot if all of them are the same).",
    "spectrum": "The KL of each latent on test, largest first, mean over seeds, on logarithmic axes. The dotted line, "
    f"if it is in sight, is at {ACTIVE_THRESHOLD} nats.",
    "curves": "Training curves. Train is the mean during the epoch, while the weights moved; test is measured after it "
    "on the whole split, with z sampled. A band spans the seeds.",
}
NOISE_CHART = (
    "The smaller the noise that the likelihood assumes, the more latents are worth their KL. Grey is the exact linear "
    "VAE: all of its active latents, and the fewest that carry 95 % of its KL. Points are trained VAEs with a Gaussian "
    "likelihood: the latents that carry 95 % of the KL on test, at the variance for pixels in [0, 1], which is half "
    "the effective beta. Hollow points may change: they use nearly all the latents that they have, were trained too "
    "little or with one seed, or do worse than the linear VAE."
)
VARIANT_PICTURES = {  # pictures of one variant
    "images.png": "Test images, with their labels if there are any.",
    "curves.png": "Training curves, a line for each seed.",
    "reconstructions.png": "Test images, and below them their reconstructions.",
    "samples.png": "Samples, z ~ N(0, I).",
    "interpolation.png": "Between two test images (the ends).",
    "interpolation-samples.png": "Between two random latent vectors.",
    "map.png": "mu of test images on two principal components.",
    "evolution.png": "The latent space through training: mu in the final plane; below, images and reconstructions. "
    "The same, moving, is in animations/, which git does not have.",
}

TABLE_NOTES = {  # what the templates say beside a table; they fill the braces
    "answer": "Better means a lower test loss, in nats per image. What a model explains is the loss of always showing "
    "the mean image, minus the model's test loss. Each percentage beside nats is a share of what the best size "
    "explains. The margin is {margin:g} % of it. A size is enough if no larger size compared can be better by more "
    'than the margin, and too few if one is better by more; otherwise it is undecided. Each of these, and each "at '
    'least", "at most" and "up to", is said with {level:g} % confidence. All this holds only for models trained '
    "this way.",
    "answer_chart": ANSWER_CHART,
    "noise": NOISE_CHART,
    "sizes": "Nats per image. Excess: how much higher the test loss is than the lowest of a larger size that trained "
    "well, between one-sided bounds. Rise: how much higher the training loss is than the lowest of a smaller size; if "
    "that exceeds the margin, the size was trained too little and is left out. Twice the epochs: how much they "
    "would take off the training loss if it went on falling like 1 / epoch. That is a rough guess: after the first few "
    "epochs it can be many times too high; from ten epochs on, what came was between half and twice of it.",
    "verdict": "The verdict is the answer's word for the size. Enough: no larger size is better by more than the "
    "margin. Roomy: more than enough. Too few: a larger size is better by more than the margin. Undecided: neither is "
    "shown. Largest tried: no larger size is left to compare with. Undertrained: its training loss is above that of a "
    "smaller size by more than the margin, so it is left out. Unclear: its mean says so, but its seeds differ too much "
    "to tell. One seed: no conclusion. If no size explains more than the mean image does, all are barely trained "
    "(their latents carry KL, or more epochs are predicted to help), collapsed (their latents carry none) or "
    "overfitted (they do better on training images).",
    "losses": "Nats per image: the mean over seeds ± the standard deviation. The loss is what is minimised: "
    "distortion (reconstruction) + beta x rate (KL). It is measured with the final weights on the whole split, "
    "with z sampled once for each image. Do not rank losses of different likelihoods, pixel ranges or betas "
    "against each other, nor those of an autoencoder or PCA (no KL) against a VAE's. A squared error is that of "
    "a Gaussian of variance 1/2 without its constant; a cross-entropy of pixels between 0 and 1 is no density. "
    "Baselines have no seeds: they are closed forms of the training images. PCA of a Bernoulli is there at powers of "
    "two.",
    "used": "Used latents: the fewest that carry 95 % of the KL on test. The IWAE "
    "bound is measured on the first {weighed:,} test images, which may be easier than the others: compare it "
    "within its column, not with the test loss.",
    "floor": "Above the floor: the distortion minus the entropy of the pixels, taken as probabilities, below "
    "which no Bernoulli reconstruction goes.",
    "ladder": "The IWAE bound of -log p(x), without the constants that the likelihood leaves out, from K samples "
    "of z for each of {weighed:,} test images. Effective samples are those of the largest K. If they are few, "
    "the bound is loose: a larger model may look worse only because its bound is looser.",
    "loose": f"{DAGGER} Fewer than {FEWEST_EFFECTIVE} effective samples: the bound is loose.",
    "terms": "The terms of the loss on train and test, both with the final weights and z sampled.",
    "objectives": "sigma^2 is in the units of the pixel range. The effective beta is the weight of the KL beside "
    "the squared error of pixels in [0, 1].",
    "quality": "PSNR and SSIM compare reconstructions from mu with test images, pixels in [0, 1].",
    "judge": "FCD is how far samples are from test images, in the features of a classifier trained for this study "
    "({judge} of the test images right). Compare it within this table only: it is no FID.",
    "samples": "{sampled:,} samples of each VAE, and as many training images, beside {sampled:,} test images. FCD and "
    "KID are Fréchet and kernel distances in the features of the classifier: lower is nearer. Do not expect samples to "
    "do better than training images, from which the classifier has learned.",
    "precision": "Precision is the share of samples that look real: they lie among the features of test images. Recall "
    "is the share of test images that the samples reach: it is low if samples look alike. Both go by the three nearest "
    "neighbours.",
    "prior": "Where the distance of samples comes from. From mu: what reconstructions lose, 0 if they are perfect. "
    "From a sampled z: the same with the noise of q(z|x). From the fitted prior: samples whose z are drawn from a "
    "mixture of Gaussians fitted to z of training images. From N(0, I): the samples above. If they are farther than "
    "those of the fitted prior, that is the prior's fault: N(0, I) puts z where the decoder has seen none. What the "
    "rate falls by under the fitted prior, in nats, is what N(0, I) costs the loss.",
    "latents": "Four counts of latents. To know how many matter, take used latents, as the answer does: the fewest "
    "that carry 95 % of the KL on test. To compare with papers, take active latents (their active units): those whose "
    f"mu varies by more than {ACTIVE_THRESHOLD} over test images, which may carry nearly nothing. KL > "
    f"{ACTIVE_THRESHOLD} is a check of these: how many have a larger mean KL. Effective latents say how evenly the KL "
    "is shared: how many of equal KL would share it as evenly (exp of the entropy of the shares). PCA 2-D: the share "
    "of the variance of mu in two principal components, mean over seeds.",
    "probe": "Probe and 10-NN: the share of test labels that logistic regression and ten nearest neighbours read out "
    "of mu.",
    "paths": "Path: the length of an interpolation between two test "
    "images, in the features of the classifier, over the straight distance (1 is straight). Step: its largest "
    "step over the mean one. Cross-fade: the same for a cross-fade of the pixels of its two end pictures.",
    "studies": "This project began with two student studies: a notebook on MNIST and a report on CIFAR-10. Published "
    "numbers and claims are theirs, and come from one training of each model.",
    "claims": "The claims are those that the two studies make in prose, tested on their own numbers and on this "
    "study's. Measured numbers decide only if they are sure: p values are adjusted by Holm's method for the tests "
    "in this table. The claims fixed these before anything was measured here. The table of differences is a search "
    "through all pairs of variants. It adjusts for all of its rows, so it can leave open what is decided here.",
    "undertrained": "Trained too little, so that what they lose is training, not size: {variants}.",
    "differences": "Variants that differ in one setting. One is better or worse only if its p value, adjusted for the "
    "number of rows by Holm's method, is below {error:.2g}: if all variants were equal, the table would say so of any "
    "of them with at most this probability. The {level:.0%} t interval is that of one row alone, not adjusted: some "
    "exclude 0 and show nothing. Seeds are paired if each gives both variants the same initial weights, that is if "
    "only the recipe or beta differs; otherwise the test is Welch's. In the test loss every two latent sizes are "
    "compared, otherwise neighbours. All of this is over seeds of training, not over test images.",
    "decided_as_claims": f"{DOUBLE_DAGGER} A published claim asks for this difference alone, and there it is decided "
    "(Published claims). The claim was made before anything was measured here, so its p value is adjusted for the "
    "tests of claims only. This table is a search through all pairs, and finds such a difference by chance more often.",
    "elbows": "For each seed, a line with one bend is fitted to the loss over the logarithm of the latent size. "
    "The elbow is where it bends, with a 95 % t interval over seeds; with other sizes it may be elsewhere. A "
    "smooth curve bends somewhere, too: this says where, at this budget. If the nats after it are above 0, the "
    "loss rises from there on.",
    "costs": "Seconds to train as many seeds as were trained at a time, with the test after each epoch. Stages "
    "may have shared the machine.",
    "seconds": "Seconds of each stage when it last ran in this checkout, without the start of Python. Stages "
    "that DVC restored from its cache are not among them.",
    "no_seconds": "No stage has run in this checkout, so what each takes is not known here.",
}


@dataclass(frozen=True)
class Captioned:
    """A file of report/comparison/pictures and its caption."""

    file: str
    caption: str


def captioned(study: Study, dataset: str, comparison: Comparison) -> Iterator[Captioned]:
    """Caption the pictures that compare drew of a dataset: the charts of its families, then its variants compared."""
    for family, variants in families(study).items():
        if family.dataset != dataset:
            continue
        drawn = {"curves"}
        if by_series(to_rows(SizeAnswer, family.rows(comparison.answer))):
            drawn.add("answer")
        if any(variant.model == "vae" for variant in variants.values()):
            drawn |= {"plane", "spectrum"}
        if len(family.rows(comparison.latents)):
            drawn.add("latents")
        for kind, caption in FAMILY_CHARTS.items():
            if kind in drawn:
                yield Captioned(f"{family.slug}-{kind}.png", f"{caption} Likelihood: {family.label}.")
    if (comparison.noise.dataset == dataset).any():
        yield Captioned(f"{dataset}-noise.png", NOISE_CHART)
    for kind, caption in of_variants(dataset, comparison).items():
        yield Captioned(f"{dataset}-{kind}.png", caption)


def of_variants(dataset: str, comparison: Comparison) -> dict[str, str]:
    """Caption the pictures of all variants of a dataset, by kind."""
    answers = to_rows(SizeAnswer, comparison.answer[comparison.answer.dataset == dataset])
    more = UNFINISHED if any(row.unfinished for row in answers) else {}
    return {kind: caption + more.get(kind, "") for kind, caption in DATASET_PICTURES.items()}


def answer_captions(study: Study, comparison: Comparison) -> list[Captioned]:
    """Caption the charts of the answer, which stand at the top of the page."""
    return [
        Captioned(f"{family.slug}-answer.png", f"How many latents are enough: {family.dataset}, {family.label}.")
        for family in families(study)
        if by_series(to_rows(SizeAnswer, family.rows(comparison.answer)))
    ]
