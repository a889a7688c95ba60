"""What the report says beside its tables."""

from collections.abc import Collection

from elbowroom.core.settings import ACTIVE_THRESHOLD
from elbowroom.report.cells import DAGGER, DOUBLE_DAGGER
from elbowroom.results.metrics import FEWEST_EFFECTIVE
from elbowroom.results.outcomes import State

TABLE_NOTES = {  # what the templates say beside a table; they fill the braces
    "answer": "Better means a lower test loss, in nats per image. What a model explains is the loss of always showing "
    "the mean image, minus the model's test loss. Each percentage beside nats is a share of what the best size "
    "explains. The margin is {margin:g} % of it. A size is enough if no larger size compared can be better by more "
    "than the margin, and too few if one is better by more; otherwise it is undecided, or has no larger size to "
    'compare with. Each of these, and each "at least", "at most" and "up to", is said with {level:g} % confidence, '
    "and is rounded so that it still holds. All this holds only for models trained this way: longer training, another "
    "network or a likelihood that assumes less noise may ask for more latents.",
    "negative": "A loss can be negative where the likelihood is a density, as the continuous Bernoulli is: a density "
    "may exceed 1. Only differences count.",
    "sizes": "Nats per image. Excess: how much higher the test loss is than the lowest of a larger size, and in "
    "brackets a lower and an upper bound. Each bound by itself holds with {level:g} % confidence. Rise: how much "
    "higher the training loss is than that of a smaller size. If it is surely above 0, and on average above the "
    "margin, the size was trained too little, and cannot show that fewer latents are enough. Twice the epochs: how "
    "much they would take off the training loss if it went on falling like 1 / epoch. That is a rough guess: what "
    "comes can be less than half of it, or more than twice.",
    "losses": "Nats per image: the mean over seeds ± the standard deviation. The loss is what is minimised: "
    "distortion (reconstruction) + beta x rate (KL). It is measured with the final weights on the whole split, with z "
    "sampled once for each image. Do not rank losses of different likelihoods, pixel ranges or betas against each "
    "other, nor that of an autoencoder, which pays no KL, against a VAE's. A squared error is the -log of a Gaussian "
    "density of variance 1/2, less a constant. Baselines have no seeds: they are closed forms of the training images.",
    "used": "Used latents: the fewest that carry 95 % of the KL on test. The IWAE bound (importance weighted "
    "autoencoder) comes nearer to -log p(x) than the loss does, so it says better how well a model fits the images. "
    "It is measured on the first {weighed:,} test images, which may be easier than the others: compare it within its "
    "column, not with the test loss.",
    "floor": "Above the floor: the distortion minus the entropy of the pixels, taken as probabilities, below "
    "which no Bernoulli reconstruction goes.",
    "ladder": "The IWAE bound of -log p(x), without the constants that the likelihood leaves out, from K samples "
    "of z for each of {weighed:,} test images. Effective samples are those of the largest K. If they are few, "
    "the bound is loose: a larger model may look worse only because its bound is looser.",
    "loose": f"{DAGGER} Fewer than {FEWEST_EFFECTIVE} effective samples: the bound is loose.",
    "terms": "The terms of the loss on train and test, both with the final weights and z sampled. PCA, with its number "
    "of components, and the floor are no VAEs: they have a distortion only.",
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
    "study's. In brackets is the {level:g} % interval over seeds. Measured numbers decide only if they are sure: p "
    "values are adjusted by Holm's method for the tests in this table. The claims fixed these few tests before "
    "anything was measured here. The report's configs 1 to 4 have 4, 8, 16 and 8 latents; the last has 64 channels, "
    "the others 32. The table of differences looks at all pairs that differ in one setting and is stricter, so it can "
    "leave open what is decided here.",
    "undertrained": "Trained too little, so that what they lose is training, not size: {variants}.",
    "differences": "Variants that differ in one setting. One is better or worse only if its p value, adjusted for the "
    "number of rows by Holm's method, is below {error:.2g}: if all variants were equal, the table would still call "
    "any of them better or worse with at most this probability. The {level:.0%} t interval is that of one row alone, "
    "not adjusted: that it excludes 0 proves nothing yet. Seeds are paired if each gives both variants the same "
    "initial weights, that is if only the recipe or beta differs; otherwise the test is Welch's. In the "
    "test loss every two latent sizes are compared, otherwise neighbours. All of this is over seeds of training, not "
    "over test images.",
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


VERDICTS = {
    State.ENOUGH: "Enough: no larger size is better by more than the margin.",
    State.ROOMY: "Roomy: more than enough.",
    State.TOO_FEW: "Too few: a larger size is better by more than the margin.",
    State.UNDECIDED: "Undecided: whether a larger size is better by more than the margin is not shown.",
    State.LARGEST: "Largest tried: there is no larger size to compare with.",
    State.LARGEST_KEPT: "Largest trained well: all larger sizes are undertrained, so none shows that it is enough.",
    State.ONLY: "Only size tried: of this width and training there is no other size to compare with.",
    State.UNDERTRAINED: "Undertrained: its training loss is surely above that of a smaller size, on average by more "
    "than the margin, so it cannot show that fewer latents are enough.",
    State.UNCLEAR: "Unclear: its mean training loss is above that of a smaller size by more than the margin, but its "
    "seeds differ too much to tell.",
    State.ONE_SEED: "One seed: no conclusion.",
}
UNEXPLAINED_VERDICTS = {
    State.BARELY_TRAINED: "barely trained means that longer training may help",
    State.STUCK: "stuck, that latents carry KL but training no longer helps",
    State.COLLAPSED: "collapsed, that latents carry no KL",
    State.OVERFITTED: "overfitted, that they do better on training images",
}


def verdicts(states: Collection[str]) -> str:
    """Explain the verdicts of these sizes."""
    said = [text for state, text in VERDICTS.items() if state in states]
    if unexplained := [text for state, text in UNEXPLAINED_VERDICTS.items() if state in states]:
        said.append(f"No size explains more than the mean image does: {'; '.join(unexplained)}.")
    return " ".join(["The verdict is the answer's word for the size.", *said])
