"""Measurements against what they must equal."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from tqdm import tqdm

from elbowroom.core.settings import Evaluation, Variant
from elbowroom.datasets.images import Images, Split, scale
from elbowroom.evaluation.evaluate import (
    HEADLINE,
    Measured,
    evaluate,
    headline,
    pictures,
    reconstruction,
    smoothness,
)
from elbowroom.evaluation.image_metrics import frechet_distance
from elbowroom.evaluation.latents import active_units, evenness, knn_accuracy, probe_accuracy
from elbowroom.results import tables
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import pixel_mean, split_means, split_noise
from elbowroom.vae.trained import TrainedVAE
from elbowroom.yardsticks.judge import Judge, extract
from tests.support import ROOT
from tests.support.images import CPU
from tests.support.settings import EVALUATION, cifar_variant, variant

SETTINGS = {
    "mnist": variant(),
    "cifar10": cifar_variant(likelihood="gaussian_optimal"),
    "linear": cifar_variant(network="linear", channels=1, likelihood="continuous_bernoulli"),
    "ae": variant(model="ae", beta=0.0),
}
COLUMNS = [
    *(f"{split}_{term}" for split in ("test", "train") for term in ("loss", "distortion", "rate")),
    *("iwae_nll_1", "iwae_nll_5", "iwae_nll_10", "iwae_nll", "effective_samples"),
    *("active_units", "active_units_kl", "psnr", "ssim", "probe_accuracy", "knn_accuracy"),
    *("fcd", "kid", "fcd_recon", "fcd_floor", "kid_floor", "pca_2d"),
    *("path_linear", "step_linear", "path_slerp", "step_slerp", "path_blend", "step_blend"),
    *("sigma2", "effective_beta", "parameters"),
]
OF_A_PRIOR = {  # which an autoencoder does not have
    *("iwae_nll_1", "iwae_nll_5", "iwae_nll_10", "iwae_nll", "effective_samples"),
    *("active_units_kl", "fcd", "kid", "effective_beta"),
}
OF_TRAIN = {
    *("train_loss", "train_distortion", "train_rate", "probe_accuracy", "knn_accuracy", "fcd_floor", "kid_floor")
}


def judge_of(images: Images) -> Judge:
    """A judge that never learnt anything: its features are as good as any, to count with."""
    torch.manual_seed(0)
    return Judge(images.shape, 10).eval().requires_grad_(False)


def measure(model: TrainedVAE, images: Images, **changes: object) -> Measured:
    evaluation = Evaluation.model_validate(EVALUATION.model_dump() | changes)
    return evaluate(model, judge_of(images), images, evaluation, tqdm(disable=True))


def lively(settings: Variant, images: Images) -> TrainedVAE:
    """An untrained model whose latents matter: He's weights, so that signals neither fade nor grow on their way."""
    torch.manual_seed(0)
    network = VAE(settings, images.shape)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter)
    if network.sigma2 is not None:
        network.sigma2.fill_(0.1)
    return TrainedVAE("v", settings, 0, images.shape, network)


class Example(NamedTuple):
    images: Images
    model: TrainedVAE
    measured: Measured


@pytest.fixture(scope="module")
def examples(small: dict[str, Images]) -> dict[str, Example]:
    """Of each of SETTINGS a model, and what is measured of it in batches of 50."""
    found = {}
    for name, settings in SETTINGS.items():
        images = small[settings.dataset]
        model = lively(settings, images)
        found[name] = Example(images, model, measure(model, images))
    return found


def linear_vae(images: Images, latent_dim: int, pixel_range: list[int]) -> TrainedVAE:
    """One whose weights are all zero, to be set."""
    settings = variant(network="linear", channels=1, latent_dim=latent_dim, pixel_range=pixel_range)
    network = VAE(settings, images.shape).requires_grad_(False)
    for parameter in network.parameters():
        parameter.zero_()
    return TrainedVAE("linear", settings, 0, images.shape, network)


# --- all of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETTINGS)
def test_columns_are_in_order_and_only_what_needs_a_prior_may_be_missing(
    name: str, examples: dict[str, Example]
) -> None:
    metrics = examples[name].measured.metrics
    assert list(metrics) == COLUMNS
    missing = {key for key, value in metrics.items() if math.isnan(value)}
    if name == "ae":
        assert missing == OF_A_PRIOR
    else:
        assert missing == ({"sigma2", "effective_beta"} if name == "linear" else set())
    assert not any(math.isinf(value) for value in metrics.values())
    for key in ("active_units", "parameters"):
        assert isinstance(metrics[key], int)


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000])
@pytest.mark.parametrize("name", SETTINGS)
def test_no_metric_depends_on_the_batch_size(name: str, batch_size: int, examples: dict[str, Example]) -> None:
    """130 test images: with 50 the last batch has 30, with 7 it has 4. A mean of batch means, or a return after the
    first batch, would be off. To 1e-5 relative, kid (which is near 0) to 1e-5 absolute; with the continuous Bernoulli
    1e-4, since PyTorch has its mean around 1/2 to 1e-4 only.
    """
    images, model, (expected, spectrum, latent_map) = examples[name]
    found = measure(model, images, batch_size=batch_size)
    tolerance = 1e-4 if model.variant.likelihood == "continuous_bernoulli" else 1e-5
    assert found.metrics == pytest.approx(expected, rel=tolerance, abs=1e-5, nan_ok=True)
    np.testing.assert_allclose(found.spectrum, spectrum, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.latent_map, latent_map, atol=1e-4)


@pytest.mark.parametrize("name", ["mnist", "ae"])
def test_no_metric_depends_on_what_was_measured_before(name: str, examples: dict[str, Example]) -> None:
    """Another variant, another seed, and whatever they drew from generators that all share: the same to the bit."""
    images, model, expected = examples[name]
    judge = judge_of(images)
    other = lively(variant(latent_dim=3), images)
    evaluate(replace(other, seed=7), judge, images, EVALUATION, tqdm(disable=True))
    torch.manual_seed(12345)
    np.random.seed(12345)  # noqa: NPY002 (the one that all share)
    found = evaluate(model, judge, images, EVALUATION, tqdm(disable=True))
    assert found.metrics == pytest.approx(expected.metrics, rel=0, abs=0, nan_ok=True)
    np.testing.assert_array_equal(found.spectrum, expected.spectrum)
    np.testing.assert_array_equal(found.latent_map, expected.latent_map)


def test_what_is_measured_is_what_tables_are_declared_to_hold(examples: dict[str, Example]) -> None:
    """And what an autoencoder lacks may be empty there."""
    ladder = {f"iwae_nll_{k}" for k in EVALUATION.iwae_samples}
    for name, example in examples.items():
        declared = tables.SEEDS[example.model.variant.model].columns
        assert {*declared} == {"variant", "seed", *COLUMNS} - ladder
        for key, value in example.measured.metrics.items():
            if key not in ladder:
                assert declared[key].allows(pd.Series([value])).all(), (name, key)


def test_test_metrics_are_of_test_images_and_train_metrics_of_train_images(small: dict[str, Images]) -> None:
    """With other training images, test metrics stay as they are, to the bit; with other test images, those of train
    do; and with the splits swapped, one has the other's.
    """
    model = lively(variant(), small["mnist"])
    parts = [Split(*(tensor[first : first + 60] for tensor in small["mnist"].train)) for first in (0, 100, 200)]
    one, other, swapped, turned = (
        measure(model, Images(parts[train], parts[test], [])).metrics
        for train, test in ((0, 1), (2, 1), (1, 0), (0, 2))
    )
    constant = {"sigma2", "effective_beta", "parameters"}
    counts = {"active_units", "active_units_kl", "probe_accuracy", "knn_accuracy"}  # which may be equal
    for key in COLUMNS:
        assert one[key] != other[key] if key in OF_TRAIN - counts else one[key] == other[key] or key in OF_TRAIN, key
        if key not in constant | counts:
            assert one[key] == turned[key] if key.startswith("train_") else one[key] != turned[key], key
    for term in ("loss", "distortion", "rate"):
        assert one[f"test_{term}"] == pytest.approx(swapped[f"train_{term}"], rel=1e-6)
        assert one[f"train_{term}"] == pytest.approx(swapped[f"test_{term}"], rel=1e-6)


def test_the_order_of_test_images_does_not_matter(examples: dict[str, Example]) -> None:
    """To what is of all of them, and neither sampled nor of pairs: 1e-5 relative. Nor to the means of sampled z, where
    each image keeps its noise.
    """
    images, model, _ = examples["mnist"]
    order = torch.randperm(130, generator=torch.Generator().manual_seed(1))
    turned = Images(images.train, Split(*(part[order] for part in images.test)), images.classes)
    expected, spectrum, _ = measure(model, images, map_images=130)
    found = measure(model, turned, map_images=130)
    same = ["test_rate", "active_units", "active_units_kl", "psnr", "ssim", "probe_accuracy", "knn_accuracy"]
    same += ["fcd", "fcd_recon", "fcd_floor", "pca_2d"]
    assert {key: found.metrics[key] for key in same} == pytest.approx({key: expected[key] for key in same}, rel=1e-5)
    np.testing.assert_allclose(found.spectrum, spectrum, rtol=1e-5, atol=1e-6)
    assert found.metrics["test_distortion"] != expected["test_distortion"]
    settings, network, noise = model.variant, model.network, split_noise(130, 6, 0, CPU)
    assert split_means(settings, network, turned.test.images, noise[order], 50).numbers(1.0) == pytest.approx(
        split_means(settings, network, images.test.images, noise, 50).numbers(1.0), rel=1e-5
    )


def test_z_is_sampled_where_it_should_be(examples: dict[str, Example]) -> None:
    """Another seed changes what is measured of a sampled z, and nothing else."""
    for name, (images, model, (expected, _, _)) in examples.items():
        found = measure(replace(model, seed=1), images).metrics
        sampled = {"test_loss", "test_distortion", "train_loss", "train_distortion", "fcd", "kid"}
        sampled |= {"iwae_nll_1", "iwae_nll_5", "iwae_nll_10", "iwae_nll", "effective_samples"}
        differing = {key for key in COLUMNS if found[key] != expected[key] and not math.isnan(found[key])}
        assert differing == (set() if name == "ae" else sampled)


@pytest.mark.parametrize("changes", [{}, {"sample_images": 10**6, "path_pairs": 10**6, "iwae_images": 200}])
@pytest.mark.parametrize("name", ["mnist", "ae"])
def test_progress_ends_at_its_total(name: str, changes: dict[str, int], examples: dict[str, Example]) -> None:
    """Also where more images are wanted than there are: then all are taken."""
    images, model, _ = examples[name]
    evaluation = EVALUATION.model_copy(update=changes)
    told: list[int] = []

    class Bar(tqdm):
        def update(self, n: float | None = 1) -> bool | None:
            told.append(int(n or 0))
            return None

    evaluate(model, judge_of(images), images, evaluation, Bar(disable=True))
    assert sum(told) == pictures(model.variant, images, evaluation)


def test_few_images_are_enough(small: dict[str, Images]) -> None:
    """Three of each split: nothing is missing that could be there."""
    images = Images(
        *(Split(*(part[:3] for part in split)) for split in (small["mnist"].train, small["mnist"].test)), []
    )
    metrics = measure(lively(variant(), images), images).metrics
    assert not [key for key, value in metrics.items() if math.isnan(value)]


def test_a_collapsed_model_is_measured_too(small: dict[str, Images]) -> None:
    """Its decoder does not look at z: no path between its pictures, which are all the same, has a length."""
    images = small["mnist"]
    torch.manual_seed(0)
    for settings in (variant(), variant(network="linear", channels=1)):
        network = VAE(settings, images.shape)
        with torch.no_grad():
            for layer in (network.encoder.mu, network.encoder.logvar, network.decoder.linear):
                layer.weight.zero_()
            for layer in (network.encoder.mu, network.encoder.logvar):
                layer.bias.zero_()
        model = TrainedVAE("collapsed", settings, 0, images.shape, network)
        metrics = measure(model, images).metrics
        paths = {f"{kind}_{path}" for kind in ("path", "step") for path in ("linear", "slerp", "blend")}
        assert {key for key, value in metrics.items() if math.isnan(value)} == paths
        assert metrics["active_units"] == metrics["active_units_kl"] == metrics["test_rate"] == metrics["pca_2d"] == 0
        assert metrics["effective_samples"] == pytest.approx(10)
        assert metrics["iwae_nll_1"] == pytest.approx(metrics["iwae_nll"])
        most = torch.bincount(images.train.labels.long()).argmax()
        assert metrics["probe_accuracy"] == pytest.approx((images.test.labels == most).double().mean().item())


# --- active units --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_the_spectrum_is_torchs_kl_of_each_latent(name: str, examples: dict[str, Example]) -> None:
    """Largest first; and it sums to the rate, which does not depend on the noise. Both to 1e-5."""
    images, model, (metrics, spectrum, _) = examples[name]
    with torch.no_grad():
        mu, logvar = model.network.encode(scale(images.test.images, model.variant.pixel_range))
    each = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)).mean(0)
    np.testing.assert_allclose(spectrum, each.sort(descending=True).values.numpy(), rtol=1e-5, atol=1e-6)
    assert spectrum.sum() == pytest.approx(metrics["test_rate"], rel=1e-5)
    assert metrics["active_units_kl"] == (each > 0.01).sum()


def test_an_autoencoder_has_no_kl(examples: dict[str, Example]) -> None:
    metrics, spectrum, _ = examples["ae"].measured
    assert metrics["test_rate"] == 0
    assert spectrum.tolist() == [0.0] * SETTINGS["ae"].latent_dim


def test_active_are_the_latents_that_vary_with_the_image(small: dict[str, Images]) -> None:
    """Of six: two follow the image, one is always 3 (a KL of 4.5, but no variance), three are dead."""
    images = small["mnist"]
    model = linear_vae(images, 6, [0, 1])
    for latent, pixels in ((1, slice(0, 400)), (4, slice(400, 784))):
        model.network.encoder.mu.weight[latent, pixels] = 0.05
    model.network.encoder.mu.bias[2] = 3.0
    metrics, spectrum, _ = measure(model, images)
    assert metrics["active_units"] == 2
    assert metrics["active_units_kl"] == 3
    assert (spectrum[:3] > 0.1).all()
    assert (spectrum[3:] == 0).all()


def test_the_threshold_is_a_variance_of_one_hundredth() -> None:
    unit = torch.tensor([1.0, -1.0]).repeat(50)
    mu = torch.stack([unit * 0.0099**0.5, unit * 0.0101**0.5, unit, unit * 0 + 5], dim=1)
    assert active_units(mu) == 2
    assert active_units(mu + 100) == 2


# --- reconstructions -----------------------------------------------------------------------------------------------


def test_psnr_and_ssim_are_means_of_each_images_own(examples: dict[str, Example]) -> None:
    """psnr by hand, 10 log10(1 / MSE); ssim with scipy's filter (Wang et al. 2004). 1e-4 relative."""
    images, model, (metrics, _, _) = examples["cifar10"]
    with torch.no_grad():
        mu, _ = model.network.encode(scale(images.test.images, [0, 1]))
        made = pixel_mean(model.variant, model.network.decode(mu))
    real = scale(images.test.images, [0, 1])
    errors = (made - real).double().square().mean((1, 2, 3)).numpy()
    assert metrics["psnr"] == pytest.approx((10 * np.log10(1 / errors)).mean(), rel=1e-4)
    assert metrics["psnr"] != pytest.approx(10 * np.log10(1 / errors.mean()), rel=1e-3)
    assert metrics["ssim"] == pytest.approx(ssim(made.double().numpy(), real.double().numpy()), rel=1e-4)


def ssim(made: np.ndarray, real: np.ndarray) -> float:
    """Gaussian window of 11 pixels and deviation 1.5, over a picture mirrored at its edges."""

    def smooth(pictures: np.ndarray) -> np.ndarray:
        return gaussian_filter(pictures, (0, 0, 1.5, 1.5), mode="mirror", truncate=3.5)

    a, b = smooth(made), smooth(real)
    var_a, var_b, both = smooth(made**2) - a**2, smooth(real**2) - b**2, smooth(made * real) - a * b
    c1, c2 = 0.01**2, 0.03**2
    return float((((2 * a * b + c1) * (2 * both + c2)) / ((a**2 + b**2 + c1) * (var_a + var_b + c2))).mean())


@pytest.mark.parametrize("pixel_range", [[0, 1], [-1, 1]])
def test_pictures_are_clamped_and_in_0_1_whatever_the_pixel_range(
    pixel_range: list[int], small: dict[str, Images]
) -> None:
    """A linear decoder that says 7 everywhere draws white; -7, black. 1e-5 relative."""
    images = small["mnist"]
    real = scale(images.test.images, [0, 1]).double()
    for output, picture in ((7.0, 1.0), (-7.0, 0.0)):
        model = linear_vae(images, 2, pixel_range)
        model.network.decoder.linear.bias.fill_(output)
        expected = (10 * (1 / (real - picture).square().mean((1, 2, 3))).log10()).mean().item()
        assert measure(model, images).metrics["psnr"] == pytest.approx(expected, rel=1e-5)


def test_reconstructions_are_from_mu_and_their_features_in_order(examples: dict[str, Example]) -> None:
    images, model, _ = examples["mnist"]
    judge, test = judge_of(images), images.test.images
    mu, _ = model.encode(test, 50)
    _, features = reconstruction(model, judge, test, mu, 50, lambda _: None)
    with torch.no_grad():
        expected = judge.features(pixel_mean(model.variant, model.network.decode(mu)))
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-6)


# --- labels --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clusters() -> list[np.ndarray]:
    """mu and labels of train, mu and labels of test: ten clusters, far apart."""
    random = np.random.default_rng(0)
    labels, test_labels = (random.integers(0, 10, n) for n in (500, 400))
    centres = random.normal(size=(10, 12)) * 5
    mu, test_mu = (centres[part] + random.normal(size=(len(part), 12)) * 0.1 for part in (labels, test_labels))
    return [mu, labels, test_mu, test_labels]


@pytest.mark.parametrize("accuracy", [probe_accuracy, knn_accuracy])
def test_labels_that_mu_holds_are_found(accuracy: object, clusters: list[np.ndarray]) -> None:
    mu, labels, test_mu, test_labels = clusters
    assert accuracy(mu, labels, test_mu, test_labels) == 1
    assert accuracy(mu, (labels + 1) % 10, test_mu, test_labels) == 0  # it learns from train labels
    shuffled = np.random.default_rng(1).permutation(labels)
    assert accuracy(mu, shuffled, test_mu, test_labels) == pytest.approx(0.1, abs=0.08)
    assert accuracy(mu * 1e-3 + 7, labels, test_mu * 1e-3 + 7, test_labels) == 1


def test_a_probe_of_one_class_is_none() -> None:
    assert math.isnan(probe_accuracy(np.zeros((5, 2)), np.ones(5), np.zeros((5, 2)), np.ones(5)))


def test_a_probe_that_did_not_converge_says_so(
    clusters: list[np.ndarray], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    probe_accuracy(*clusters)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("elbowroom.evaluation.latents.MAX_STEPS", 1)
    probe_accuracy(*clusters)
    assert "not converged after 1 steps" in capsys.readouterr().err


def test_the_readout_learns_from_as_many_training_images_as_settings_say(small: dict[str, Images]) -> None:
    """mu is the picture's own pixels: two latents that tell ten black from ten white training images. Beyond them all
    labels are wrong; and the test images have labels of their own.
    """
    shape = (20, 1, 28, 28)
    white = torch.zeros(shape, dtype=torch.uint8)
    white[::2] = 255
    labels = torch.tensor([1, 0] * 10, dtype=torch.uint8)
    train = Split(torch.cat([white, white]), torch.cat([labels, 1 - labels]))
    images = Images(train, Split(white, labels), [])
    model = linear_vae(images, 2, [0, 1])
    model.network.encoder.mu.weight[0] = 0.01
    metrics = measure(model, images, probe_images=20).metrics
    assert metrics["probe_accuracy"] == metrics["knn_accuracy"] == 1
    turned = Images(Split(train.images, 1 - train.labels), images.test, [])
    metrics = measure(model, turned, probe_images=20).metrics
    assert metrics["probe_accuracy"] == metrics["knn_accuracy"] == 0


# --- samples -------------------------------------------------------------------------------------------------------


def test_distances_are_to_the_first_test_images(small: dict[str, Images]) -> None:
    """Of test images as training images the floor is 0 (1e-6). The linear model of 20 principal components, sampled or
    reconstructing, is nearer than one that always draws the mean image, and no nearer than 0.
    """
    images = Images(small["mnist"].test, small["mnist"].test, [])
    model = linear_vae(images, 20, [0, 1])
    x = scale(images.test.images, [0, 1]).flatten(1)
    model.network.decoder.linear.bias.copy_(x.mean(0))
    blank = measure(model, images, sample_images=60).metrics
    _, deviations, axes = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    deviations = deviations[:20] / len(x) ** 0.5
    model.network.decoder.linear.weight.copy_(axes[:20].T * deviations)
    model.network.encoder.mu.weight.copy_(axes[:20] / deviations.unsqueeze(1))
    model.network.encoder.mu.bias.copy_(-model.network.encoder.mu.weight @ x.mean(0))
    metrics = measure(model, images, sample_images=60).metrics
    assert metrics["fcd_floor"] == blank["fcd_floor"] == pytest.approx(0, abs=1e-6)
    for key in ("fcd", "kid", "fcd_recon"):
        assert 0 < metrics[key] < 0.8 * blank[key]
    assert metrics["fcd_recon"] < metrics["fcd"]


def test_of_constant_images_a_constant_model_reconstructs_all(small: dict[str, Images]) -> None:
    grey = torch.full((40, 1, 28, 28), 51, dtype=torch.uint8)
    images = Images(small["mnist"].train, Split(grey, torch.arange(40, dtype=torch.uint8) % 10), [])
    model = linear_vae(images, 2, [0, 1])
    model.network.decoder.linear.bias.fill_(0.2)
    metrics = measure(model, images).metrics
    assert metrics["ssim"] == pytest.approx(1, abs=1e-4)
    assert metrics["fcd"] == pytest.approx(0, abs=1e-6)
    assert metrics["fcd_recon"] == pytest.approx(0, abs=1e-6)
    assert metrics["fcd_floor"] > 0
    assert math.isnan(metrics["path_blend"])  # its ends coincide


# --- paths ---------------------------------------------------------------------------------------------------------


class Pixels(nn.Module):
    """A judge whose features are the pixels."""

    def features(self, x: Tensor) -> Tensor:
        return x.flatten(1)


@pytest.mark.parametrize(
    ("path", "length", "step"),
    [
        ([[0, 0], [1, 0], [2, 0], [3, 0]], 1, 1),
        ([[0, 0], [1, 0], [1, 1]], math.sqrt(2), 1),
        ([[0, 0], [1, 0], [4, 0]], 1, 1.5),
        ([[0, 0], [2, 0], [1, 0]], 3, 4 / 3),
    ],
    ids=["even", "bent", "uneven", "back"],
)
def test_evenness_of_known_paths(path: list[list[float]], length: float, step: float) -> None:
    features = torch.tensor([path, path], dtype=torch.float32) + 3
    assert evenness(features) == pytest.approx((length, step))
    coinciding = torch.full_like(features, 7.0)
    coinciding[:, 1] = 8.0
    assert evenness(torch.cat([features, coinciding])) == pytest.approx((length, step))
    assert all(math.isnan(value) for value in evenness(coinciding))


def test_a_straight_path_has_length_and_step_one(small: dict[str, Images]) -> None:
    """Where features are pixels, the cross-fade is straight, and so is the linear path of a linear decoder, while slerp
    is bent. 1e-5.
    """
    images = small["mnist"]
    model = linear_vae(images, 3, [0, 1])
    torch.manual_seed(0)
    model.network.decoder.linear.weight.normal_().mul_(0.01)
    model.network.decoder.linear.bias.fill_(0.5)
    mu = torch.randn(130, 3)
    found = smoothness(model, Pixels(), mu, EVALUATION, lambda _: None)  # type: ignore[arg-type]
    for key in ("path_blend", "step_blend", "path_linear", "step_linear"):
        assert found[key] == pytest.approx(1, abs=1e-5)
    assert found["path_slerp"] > 1.01
    assert found["step_slerp"] > 1.001


def test_paths_are_between_pairs_of_images(small: dict[str, Images]) -> None:
    """Images 0 and 1, 2 and 3: two pairs are all that four have. The cross-fade is of a pair's own decoded pictures."""
    model = linear_vae(small["mnist"], 3, [0, 1])
    torch.manual_seed(0)
    model.network.decoder.linear.weight.normal_().mul_(0.01)
    model.network.decoder.linear.bias.fill_(0.5)
    seen: list[Tensor] = []

    class Watching(Pixels):
        def features(self, x: Tensor) -> Tensor:
            seen.append(x.clone())
            return super().features(x)

    mu = torch.randn(4, 3)
    smoothness(model, Watching(), mu, EVALUATION, lambda _: None)  # type: ignore[arg-type]
    assert [len(path) for path in seen] == [5] * 6  # linear, slerp, blend
    ends = pixel_mean(model.variant, model.network.decode(mu)).unflatten(0, (2, 2))
    for path, pair in zip(seen, [*ends, *ends, *ends], strict=True):
        torch.testing.assert_close(path[[0, -1]], pair)
    for blend, pair in zip(seen[-2:], ends, strict=True):
        torch.testing.assert_close(blend[2], pair.mean(0))


def test_the_floor_has_as_many_images_as_the_samples(small: dict[str, Images]) -> None:
    """A distance depends on how many are compared: with 40 test images the floor is that of 40 training images."""
    few = Images(small["mnist"].train, Split(*(part[:40] for part in small["mnist"].test)), [])
    judge = judge_of(few)
    found = measure(lively(variant(), few), few).metrics["fcd_floor"]
    real, train = (extract(judge, part.images[:40], 50) for part in (few.test, few.train))
    assert found == pytest.approx(frechet_distance(real, train), rel=1e-5)


# --- settings of the variant, and the headline ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sigma2", "beta"),
    [
        (variant(), 0.5, 0.25),
        (variant(pixel_range=[0, 1], beta=3.0), 0.5, 3.0),
        (variant(likelihood="gaussian_optimal", pixel_range=[0, 1]), 0.02, 0.04),
        (cifar_variant(), None, None),
        (variant(model="ae", beta=0.0), 0.5, None),
    ],
    ids=["gaussian", "in-0-1", "optimal", "bernoulli", "ae"],
)
def test_sigma2_and_effective_beta(
    settings: Variant, sigma2: float | None, beta: float | None, small: dict[str, Images]
) -> None:
    images = small[settings.dataset]
    model = lively(settings, images)
    if model.network.sigma2 is not None:
        model.network.sigma2.fill_(0.02)
    metrics = measure(model, images).metrics
    for found, expected in ((metrics["sigma2"], sigma2), (metrics["effective_beta"], beta)):
        assert math.isnan(found) if expected is None else found == pytest.approx(expected)


def test_the_headline_is_the_mean_over_seeds_to_six_digits() -> None:
    seeds = pd.DataFrame([dict.fromkeys(HEADLINE.values(), value) for value in (1912.34567, 1912.34569)])
    seeds["parameters"] = 3_342_305
    seeds["active_units"] = [6, 7]
    seeds["fcd"] = math.nan
    numbers = headline(seeds)
    assert list(numbers) == list(HEADLINE)
    assert numbers["loss"] == 1912.35
    assert numbers["active"] == 6.5
    assert numbers["fcd"] is None
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
    assert numbers["parameters"] == 3_342_305
    assert isinstance(numbers["parameters"], int)
    seeds["active_units"] = [6, 6]
    assert isinstance(headline(seeds)["active"], int)


def test_what_metrics_need_not_is_not_imported() -> None:
    """torchmetrics, torchvision and, by it, torch's compiler take longer to import than torch itself."""
    code = """
import sys
import elbowroom.evaluation.evaluate, elbowroom.yardsticks.judge
sys.exit(not {"torch._dynamo", "torchmetrics", "torchvision"}.isdisjoint(sys.modules))"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0  # noqa: S603
