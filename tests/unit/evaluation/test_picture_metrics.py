"""Metrics of reconstructions, samples and paths equal what they are by hand."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from tqdm import tqdm

from elbowroom.core.random_streams import Stream
from elbowroom.datasets.images import Images, Split, scale
from elbowroom.evaluation.image_metrics import frechet_distance
from elbowroom.evaluation.picture_metrics import reconstruction, smoothness
from elbowroom.evaluation.setup import Setup
from elbowroom.vae.objective import pixel_mean, split_noise
from elbowroom.vae.trained import TrainedVAE
from elbowroom.yardsticks.judge import Judge, Judges, extract
from tests.support.images import CPU
from tests.support.models import Example, judges_of, linear_vae, lively, measure
from tests.support.settings import EVALUATION, variant


def setup_of(model: TrainedVAE, judge: Judge, images: Images) -> Setup:
    return Setup(model, Judges(judge, judge), images, EVALUATION, tqdm(disable=True))


# --- reconstructions -----------------------------------------------------------------------------------------------


def test_psnr_and_ssim_are_means_over_images(examples: dict[str, Example]) -> None:
    """psnr by hand, 10 log10(1 / MSE), and ssim with scipy's filter (Wang et al. 2004). 1e-4 relative."""
    images, model, (metrics, *_) = examples["cifar10"]
    with torch.no_grad():
        mu, _ = model.network.encode(scale(images.test.images, [0, 1]))
        made = pixel_mean(model.variant, model.network.decode(mu))
    real = scale(images.test.images, [0, 1])
    errors = (made - real).double().square().mean((1, 2, 3)).numpy()
    assert metrics["psnr"] == pytest.approx((10 * np.log10(1 / errors)).mean(), rel=1e-4)
    assert metrics["psnr"] != pytest.approx(10 * np.log10(1 / errors.mean()), rel=1e-3)
    assert metrics["ssim"] == pytest.approx(ssim(made.double().numpy(), real.double().numpy()), rel=1e-4)


def ssim(made: np.ndarray, real: np.ndarray) -> float:
    """Mean SSIM with a Gaussian window of 11 pixels and deviation 1.5, over pictures mirrored at their edges."""

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
    """A linear decoder whose output is 7 everywhere draws white, and black for -7. 1e-5 relative."""
    images = small["mnist"]
    real = scale(images.test.images, [0, 1]).double()
    for output, picture in ((7.0, 1.0), (-7.0, 0.0)):
        model = linear_vae(images, 2, pixel_range)
        model.network.decoder.linear.bias.fill_(output)
        expected = (10 * (1 / (real - picture).square().mean((1, 2, 3))).log10()).mean().item()
        assert measure(model, images).metrics["psnr"] == pytest.approx(expected, rel=1e-5)


def test_reconstructions_are_from_mu_and_features_in_the_order_of_images(examples: dict[str, Example]) -> None:
    images, model, _ = examples["mnist"]
    judge, test = judges_of(images).first, images.test.images
    mu, _ = model.encode(test, 50)
    _, features = reconstruction(setup_of(model, judge, images), mu)
    with torch.no_grad():
        expected = judge.features(pixel_mean(model.variant, model.network.decode(mu)))
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-6)


# --- samples -------------------------------------------------------------------------------------------------------


def test_distances_are_to_the_first_test_images(small: dict[str, Images]) -> None:
    """If the training images are the test images, the floor is 0 (1e-6). Samples and reconstructions of a linear model
    of 20 principal components are nearer than the mean image, but not at 0.
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


def test_a_constant_model_reconstructs_constant_images(small: dict[str, Images]) -> None:
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


def test_samples_are_compared_by_both_judges(examples: dict[str, Example]) -> None:
    images, model, (metrics, *_) = examples["mnist"]
    made = model.sample(130, model.seed)
    for judge, name in zip(judges_of(images), ("fcd", "fcd_second"), strict=True):
        expected = frechet_distance(extract(judge, images.test.images, 50), judge.features(made))
        assert metrics[name] == pytest.approx(expected, rel=1e-4)


def test_sampled_reconstructions_are_farther_by_the_noise_of_z(small: dict[str, Images]) -> None:
    """Without noise they are those from mu; with it, those from z = mu + noise."""
    images = small["mnist"]
    model = lively(variant(), images)
    logvar = model.network.encoder.logvar
    with torch.no_grad():
        logvar.weight.zero_()
        logvar.bias.fill_(-40.0)
    still = measure(model, images).metrics
    assert still["fcd_recon_sampled"] == pytest.approx(still["fcd_recon"], rel=1e-4)
    with torch.no_grad():
        logvar.bias.fill_(2.0)
    noisy = measure(model, images).metrics
    judge, test = judges_of(images).first, images.test.images
    mu, _ = model.encode(test, 50)
    made = model.decode(mu + math.e * split_noise(130, 6, model.seed, Stream.TEST_NOISE, CPU))
    expected = frechet_distance(extract(judge, test, 50), judge.features(made))
    assert noisy["fcd_recon_sampled"] == pytest.approx(expected, rel=1e-4)
    assert noisy["fcd_recon"] == pytest.approx(still["fcd_recon"], rel=1e-6)


# --- paths ---------------------------------------------------------------------------------------------------------


class Pixels(Judge):
    """A judge whose features are the pixels."""

    def features(self, x: Tensor) -> Tensor:
        return x.flatten(1)


def test_a_straight_path_has_length_and_step_one(small: dict[str, Images]) -> None:
    """If features are pixels, the cross-fade is straight, and so is the linear path of a linear decoder; slerp is bent.
    1e-5.
    """
    images = small["mnist"]
    model = linear_vae(images, 3, [0, 1])
    torch.manual_seed(0)
    model.network.decoder.linear.weight.normal_().mul_(0.01)
    model.network.decoder.linear.bias.fill_(0.5)
    mu = torch.randn(130, 3)
    found = smoothness(setup_of(model, Pixels(images.shape, 10), images), mu)
    for key in ("path_blend", "step_blend", "path_linear", "step_linear"):
        assert found[key] == pytest.approx(1, abs=1e-5)
    assert found["path_slerp"] > 1.01
    assert found["step_slerp"] > 1.001


def test_paths_run_between_pairs_of_images(small: dict[str, Images]) -> None:
    """From image 0 to 1 and from 2 to 3. A cross-fade is of the two pictures that the pair is decoded to."""
    images = small["mnist"]
    model = linear_vae(images, 3, [0, 1])
    torch.manual_seed(0)
    model.network.decoder.linear.weight.normal_().mul_(0.01)
    model.network.decoder.linear.bias.fill_(0.5)
    seen: list[Tensor] = []

    class Watching(Pixels):
        def features(self, x: Tensor) -> Tensor:
            seen.append(x.clone())
            return super().features(x)

    mu = torch.randn(4, 3)
    smoothness(setup_of(model, Watching(images.shape, 10), images), mu)
    assert [len(path) for path in seen] == [5] * 6  # linear, slerp, blend
    ends = pixel_mean(model.variant, model.network.decode(mu)).unflatten(0, (2, 2))
    for path, pair in zip(seen, [*ends, *ends, *ends], strict=True):
        torch.testing.assert_close(path[[0, -1]], pair)
    for blend, pair in zip(seen[-2:], ends, strict=True):
        torch.testing.assert_close(blend[2], pair.mean(0))


def test_the_floor_has_as_many_images_as_the_samples(small: dict[str, Images]) -> None:
    """A distance depends on how many pictures are compared: 40 test images have the floor of 40 training images."""
    few = Images(small["mnist"].train, Split(*(part[:40] for part in small["mnist"].test)), [])
    judge = judges_of(few).first
    found = measure(lively(variant(), few), few).metrics["fcd_floor"]
    real, train = (extract(judge, part.images[:40], 50) for part in (few.test, few.train))
    assert found == pytest.approx(frechet_distance(real, train), rel=1e-5)
