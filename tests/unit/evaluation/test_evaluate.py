"""What is measured of a trained seed: which metrics there are, and what they depend on and what not."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.distributions import Normal, kl_divergence
from tqdm import tqdm

from elbowroom.core.random_streams import Stream
from elbowroom.core.settings import SIGMA2, Variant
from elbowroom.datasets.images import Images, Split, scale
from elbowroom.evaluation.evaluate import evaluate, headline_metrics, pictures_decoded
from elbowroom.results import tables
from elbowroom.results.metrics import HEADLINE
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import split_means, split_noise
from elbowroom.vae.trained import TrainedVAE
from tests.support import ROOT
from tests.support.images import CPU
from tests.support.models import SETTINGS, Example, exact_linear_vae, judges_of, linear_vae, lively, measure
from tests.support.settings import EVALUATION, cifar_variant, variant

TEST_TERMS = ["test_loss", "test_distortion", "test_rate"]
TRAIN_TERMS = ["train_loss", "train_distortion", "train_rate"]
LIKELIHOOD = ["iwae_nll_1", "iwae_nll_5", "iwae_nll_10", "iwae_nll", "effective_samples"]
IN_USE = ["active_units", "active_units_kl", "used_latents", "effective_latents"]
READOUT = ["probe_accuracy", "knn_accuracy"]
SAMPLES = ["fcd", "kid", "fcd_second", "precision", "recall", "rate_fit", "fcd_fit", "fcd_recon_sampled"]
OF_TRAIN = ["fcd_floor", "kid_floor", "train_precision", "train_recall"]
DISTANCES = [*SAMPLES, "fcd_recon", *OF_TRAIN]
PATHS = ["path_linear", "step_linear", "path_slerp", "step_slerp", "path_blend", "step_blend"]
CONSTANTS = ["sigma2", "effective_beta", "parameters"]
PICTURES = ["psnr", "ssim", *READOUT, *DISTANCES, "pca_2d", *PATHS]
COLUMNS = [*TEST_TERMS, *TRAIN_TERMS, *LIKELIHOOD, *IN_USE, *PICTURES, *CONSTANTS]

NEED_A_PRIOR = {*LIKELIHOOD, "active_units_kl", "used_latents", "effective_latents", *SAMPLES, "effective_beta"}
NEED_TRAIN_IMAGES = {*TRAIN_TERMS, *READOUT, "rate_fit", "fcd_fit", *OF_TRAIN}
SHARES = {"precision", "recall", "train_precision", "train_recall"}
COUNTS = {"active_units", "active_units_kl", "used_latents", *READOUT, *SHARES}  # which different models may share


# --- all metrics ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETTINGS)
def test_columns_are_in_order_and_an_autoencoder_lacks_what_needs_a_prior(
    name: str, examples: dict[str, Example]
) -> None:
    metrics = examples[name].measured.metrics
    assert list(metrics) == COLUMNS
    missing = {key for key, value in metrics.items() if math.isnan(value)}
    if name == "ae":
        assert missing == NEED_A_PRIOR
    else:
        assert missing == ({"sigma2", "effective_beta"} if name == "linear" else set())
    assert not any(math.isinf(value) for value in metrics.values())
    for key in ("active_units", "parameters"):
        assert isinstance(metrics[key], int)


@pytest.mark.parametrize("batch_size", [7, 50])
@pytest.mark.parametrize("name", SETTINGS)
def test_no_metric_depends_on_the_batch_size(name: str, batch_size: int, examples: dict[str, Example]) -> None:
    """To 1e-5 relative; kid, which is near 0, to 1e-5 absolute. With the continuous Bernoulli to 1e-4, since PyTorch
    computes its mean around 1/2 to 1e-4 only.

    The last batch of 130 test images has 30 images in batches of 50, and 4 in batches of 7: a mean of batch means, or a
    return after the first batch, would be off.
    """
    images, model, (expected, spectrum, latent_map, truncated) = examples[name]
    found = measure(model, images, batch_size=batch_size)
    tolerance = 1e-4 if model.variant.likelihood == "continuous_bernoulli" else 1e-5
    assert found.metrics == pytest.approx(expected, rel=tolerance, abs=1e-5, nan_ok=True)
    np.testing.assert_allclose(found.spectrum, spectrum, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.latent_map, latent_map, atol=1e-4)
    np.testing.assert_allclose(found.truncated, truncated, rtol=tolerance)


@pytest.mark.parametrize("name", ["mnist", "ae"])
def test_no_metric_depends_on_what_was_measured_before(name: str, examples: dict[str, Example]) -> None:
    """Measure another variant and seed first, and draw from the global generators: no bit changes."""
    images, model, expected = examples[name]
    judges = judges_of(images)
    other = lively(variant(latent_dim=3), images)
    evaluate(replace(other, seed=7), judges, images, EVALUATION, tqdm(disable=True))
    torch.manual_seed(12345)
    np.random.seed(12345)  # noqa: NPY002 (the global generator)
    found = evaluate(model, judges, images, EVALUATION, tqdm(disable=True))
    assert found.metrics == pytest.approx(expected.metrics, rel=0, abs=0, nan_ok=True)
    np.testing.assert_array_equal(found.spectrum, expected.spectrum)
    np.testing.assert_array_equal(found.latent_map, expected.latent_map)
    assert found.truncated == expected.truncated


def test_metrics_fit_the_declared_table(examples: dict[str, Example]) -> None:
    """The table allows empty cells for what an autoencoder lacks."""
    ladder = {f"iwae_nll_{k}" for k in EVALUATION.iwae_samples}
    for name, example in examples.items():
        declared = tables.SEED_METRICS[example.model.variant.model].columns
        assert {*declared} == {"variant", "seed", *COLUMNS} - ladder
        for key, value in example.measured.metrics.items():
            if key not in ladder:
                assert declared[key].allows(pd.Series([value])).all(), (name, key)


def test_each_metric_depends_on_its_own_split(small: dict[str, Images]) -> None:
    """Other training images change no bit of the test metrics, other test images none of the train metrics, and
    swapping the splits swaps the losses, to 1 %, because z has other noise in each.
    """
    model = lively(variant(), small["mnist"])
    parts = [Split(*(tensor[first : first + 60] for tensor in small["mnist"].train)) for first in (0, 100, 200)]
    one, other, swapped, turned = (
        measure(model, Images(parts[train], parts[test], [])).metrics
        for train, test in ((0, 1), (2, 1), (1, 0), (0, 2))
    )
    for key in COLUMNS:
        if key not in NEED_TRAIN_IMAGES:
            assert one[key] == other[key], key
        elif key not in COUNTS:
            assert one[key] != other[key], key
        if key in TRAIN_TERMS:
            assert one[key] == turned[key], key
        elif key not in {*CONSTANTS, *COUNTS}:
            assert one[key] != turned[key], key
    for term, noise in (("loss", 0.01), ("distortion", 0.01), ("rate", 1e-6)):
        assert one[f"test_{term}"] == pytest.approx(swapped[f"train_{term}"], rel=noise)
        assert one[f"train_{term}"] == pytest.approx(swapped[f"test_{term}"], rel=noise)


def test_the_order_of_test_images_does_not_matter(examples: dict[str, Example]) -> None:
    """It does not matter to metrics of all test images that sample no z and compare no pairs, nor to means over sampled
    z if each image keeps its noise. 1e-5 relative.
    """
    images, model, _ = examples["mnist"]
    order = torch.randperm(130, generator=torch.Generator().manual_seed(1))
    turned = Images(images.train, Split(*(part[order] for part in images.test)), images.classes)
    expected, spectrum, *_ = measure(model, images, map_images=130)
    found = measure(model, turned, map_images=130)
    same = ["test_rate", *IN_USE, "psnr", "ssim", *READOUT, "fcd", "fcd_recon", "fcd_floor", "pca_2d"]
    assert {key: found.metrics[key] for key in same} == pytest.approx({key: expected[key] for key in same}, rel=1e-5)
    np.testing.assert_allclose(found.spectrum, spectrum, rtol=1e-5, atol=1e-6)
    assert found.metrics["test_distortion"] != expected["test_distortion"]
    settings, network, noise = model.variant, model.network, split_noise(130, 6, 0, Stream.TEST_NOISE, CPU)
    assert split_means(settings, network, turned.test.images, noise[order], 50).numbers(1.0) == pytest.approx(
        split_means(settings, network, images.test.images, noise, 50).numbers(1.0), rel=1e-5
    )


def test_the_seed_changes_what_samples_z_and_nothing_else(examples: dict[str, Example]) -> None:
    for name, (images, model, (expected, *_)) in examples.items():
        found = measure(replace(model, seed=1), images).metrics
        sampled = {"test_loss", "test_distortion", "train_loss", "train_distortion", *LIKELIHOOD, *SAMPLES}
        differing = {key for key in COLUMNS if found[key] != expected[key] and not math.isnan(found[key])}
        if name == "ae":
            assert differing == set()
        else:
            assert sampled - COUNTS <= differing <= sampled


@pytest.mark.parametrize("changes", [{}, {"sample_images": 10**6, "path_pairs": 10**6, "iwae_images": 200}])
@pytest.mark.parametrize("name", ["mnist", "ae"])
def test_progress_ends_at_its_total(name: str, changes: dict[str, int], examples: dict[str, Example]) -> None:
    """Also if settings want more images than there are: then all are taken."""
    images, model, _ = examples[name]
    evaluation = EVALUATION.model_copy(update=changes)
    told: list[int] = []

    class Bar(tqdm):
        def update(self, n: float | None = 1) -> bool | None:
            told.append(int(n or 0))
            return None

    evaluate(model, judges_of(images), images, evaluation, Bar(disable=True))
    assert sum(told) == pictures_decoded(model.variant, images, evaluation)


def test_three_images_of_each_split_are_enough(small: dict[str, Images]) -> None:
    images = Images(
        *(Split(*(part[:3] for part in split)) for split in (small["mnist"].train, small["mnist"].test)), []
    )
    metrics = measure(lively(variant(), images), images).metrics
    assert not [key for key, value in metrics.items() if math.isnan(value)]


def test_a_collapsed_model_is_measured(small: dict[str, Images]) -> None:
    """Its decoder ignores z. All pictures are the same, so no path between them has a length."""
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
        assert {key for key, value in metrics.items() if math.isnan(value)} == {*PATHS}
        assert [metrics[key] for key in (*IN_USE, "test_rate", "pca_2d")] == [0] * 6
        assert metrics["effective_samples"] == pytest.approx(10)
        assert metrics["iwae_nll_1"] == pytest.approx(metrics["iwae_nll"])
        most = torch.bincount(images.train.labels.long()).argmax()
        assert metrics["probe_accuracy"] == pytest.approx((images.test.labels == most).double().mean().item())


# --- latents in use --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_the_spectrum_equals_torchs_kl_of_each_latent(name: str, examples: dict[str, Example]) -> None:
    """Largest first. It sums to the rate, which does not depend on the noise. Both to 1e-5."""
    images, model, (metrics, spectrum, *_) = examples[name]
    with torch.no_grad():
        mu, logvar = model.network.encode(scale(images.test.images, model.variant.pixel_range))
    each = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)).mean(0)
    np.testing.assert_allclose(spectrum, each.sort(descending=True).values.numpy(), rtol=1e-5, atol=1e-6)
    assert spectrum.sum() == pytest.approx(metrics["test_rate"], rel=1e-5)
    assert metrics["active_units_kl"] == (each > 0.01).sum()


def test_an_autoencoder_has_no_kl(examples: dict[str, Example]) -> None:
    metrics, spectrum, *_ = examples["ae"].measured
    assert metrics["test_rate"] == 0
    assert spectrum.tolist() == [0.0] * SETTINGS["ae"].latent_dim


def test_latents_that_vary_with_the_image_are_active(small: dict[str, Images]) -> None:
    """Two of six latents follow the image, one is always 3 (a KL of 4.5, but no variance), three are always 0."""
    images = small["mnist"]
    model = linear_vae(images, 6, [0, 1])
    for latent, pixels in ((1, slice(0, 400)), (4, slice(400, 784))):
        model.network.encoder.mu.weight[latent, pixels] = 0.05
    model.network.encoder.mu.bias[2] = 3.0
    metrics, spectrum, *_ = measure(model, images)
    assert metrics["active_units"] == 2
    assert metrics["active_units_kl"] == 3
    assert (spectrum[:3] > 0.1).all()
    assert (spectrum[3:] == 0).all()


@pytest.mark.parametrize("pixel_range", [[0, 1], [-1, 1]])
def test_the_linear_vae_uses_as_many_latents_as_its_closed_form(
    pixel_range: list[int], small: dict[str, Images]
) -> None:
    """On the images that it is fitted to, latent j has a mean KL of ln(lambda_j / sigma^2) / 2, to 1e-4."""
    images = small["mnist"]
    model, variances = exact_linear_vae(images, 100, pixel_range)
    metrics, spectrum, *_ = measure(model, Images(images.train, images.train, images.classes))
    kl = 0.5 * np.log(np.maximum(variances[:100] / SIGMA2, 1))
    np.testing.assert_allclose(spectrum, kl, rtol=1e-4, atol=1e-5)
    assert metrics["used_latents"] == np.argmax(kl.cumsum() >= 0.95 * kl.sum()) + 1
    assert metrics["used_latents"] < metrics["active_units_kl"] == (kl > 0.01).sum()


# --- label readout ----------------------------------------------------------------------------------------------------


def test_the_readout_learns_from_the_first_training_images_only(small: dict[str, Images]) -> None:
    """A latent tells white images from black ones. The labels of the training images after the first 20 are wrong."""
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


# --- constants of the variant, and the headline -----------------------------------------------------------------------


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
    seeds["used_latents"] = [6, 7]
    seeds["fcd"] = math.nan
    numbers = headline_metrics(seeds)
    assert list(numbers) == list(HEADLINE)
    assert numbers["loss"] == 1912.35
    assert numbers["used"] == 6.5
    assert numbers["fcd"] is None
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
    assert numbers["parameters"] == 3_342_305
    assert isinstance(numbers["parameters"], int)
    seeds["used_latents"] = [6, 6]
    assert isinstance(headline_metrics(seeds)["used"], int)


def test_slow_packages_that_no_metric_needs_are_not_imported() -> None:
    """torchmetrics, torchvision and, by it, torch's compiler take longer to import than torch itself."""
    code = """
import sys
import elbowroom.evaluation.evaluate, elbowroom.yardsticks.judge
sys.exit(not {"torch._dynamo", "torchmetrics", "torchvision"}.isdisjoint(sys.modules))"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0  # noqa: S603
