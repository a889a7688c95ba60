"""Baselines of the whole published datasets equal published numbers, and what scikit-learn and torch compute."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its customary name)
from sklearn.decomposition import PCA
from torch import Tensor
from torch.distributions import ContinuousBernoulli, Normal

from elbowroom.datasets.images import Images, Split
from elbowroom.results.rows import BaselineRow
from elbowroom.results.schema import columns
from elbowroom.yardsticks.baselines import baselines, floor, mean_image
from elbowroom.yardsticks.bernoulli import CLAMP, continuous_bernoulli_logit
from elbowroom.yardsticks.pixel_statistics import pixel_means
from elbowroom.yardsticks.principal_components import CLIP, principal_components


def pixels(images: Tensor) -> Tensor:
    """(N, D), float64 in [0, 1]."""
    return images.flatten(1).double() / 255


def splits(images: Images) -> tuple[Tensor, Tensor]:
    """The train and the test images as bytes (N, D)."""
    return images.train.images.flatten(1), images.test.images.flatten(1)


def table_of(dataset: str, images: Images) -> pd.DataFrame:
    return baselines(dataset, images, principal_components(images.train.images.flatten(1)))


@pytest.fixture(scope="module")
def mnist(published: dict[str, Images]) -> pd.DataFrame:
    return table_of("mnist", published["mnist"])


@pytest.fixture(scope="module")
def small_table(small: dict[str, Images]) -> pd.DataFrame:
    return table_of("mnist", small["mnist"])


def rows(table: pd.DataFrame, baseline: str, likelihood: str = "gaussian", pixel_range: str = "[0, 1]") -> pd.DataFrame:
    family = (table.likelihood == likelihood) & (table.pixel_range == pixel_range)
    return table[family & (table.baseline == baseline)].set_index("latent_dim")


def only(table: pd.DataFrame, *which: str) -> pd.Series:
    (_, row), *others = rows(table, *which).iterrows()
    assert not others
    return row


# --- published numbers, on whole datasets -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("latent_dim", "expected"),
    [(2, 43.64), (4, 37.56), (8, 29.35), (16, 21.06), (32, 13.19), (64, 7.09), (128, 3.30), (256, 1.08)],
)
def test_pca_of_mnist(mnist: pd.DataFrame, latent_dim: int, expected: float) -> None:
    """Equal to the digits given; with pixels in [-1, 1] exactly four times as much."""
    measured = rows(mnist, "PCA").test_loss[latent_dim]
    assert measured == pytest.approx(expected, abs=0.006)
    assert rows(mnist, "PCA", "gaussian", "[-1, 1]").test_loss[latent_dim] == pytest.approx(4 * measured, rel=1e-12)


@pytest.mark.parametrize(
    ("family", "expected"),
    [(("gaussian", "[0, 1]"), 52.90), (("gaussian", "[-1, 1]"), 211.6), (("bernoulli", "[0, 1]"), 205.8)],
)
def test_mean_image_of_mnist(mnist: pd.DataFrame, family: tuple[str, str], expected: float) -> None:
    """Equal to four digits."""
    assert only(mnist, "mean image", *family).test_loss == pytest.approx(expected, rel=2.5e-4)


def test_floor_of_mnist(mnist: pd.DataFrame) -> None:
    assert only(mnist, "floor", "bernoulli").test_loss == pytest.approx(45.53, abs=0.006)


@pytest.mark.parametrize(
    ("pixel_range", "active", "loss", "distortion", "rate"),
    [("[-1, 1]", 62, 97.86, 60.05, 37.81), ("[0, 1]", 23, 38.62, 28.38, 10.24)],
)
def test_linear_vae_of_mnist(
    mnist: pd.DataFrame, pixel_range: str, active: int, loss: float, distortion: float, rate: float
) -> None:
    """Equal to the digits given, at every latent size that has room for all active latents."""
    table = rows(mnist, "linear VAE", "gaussian", pixel_range)
    assert table.active_units.tolist() == [min(d, active) for d in range(1, 513)]
    kl = np.diff(table.test_rate, prepend=0)  # of each latent
    for d in (1, 8, 512):
        assert table.used_latents.loc[d] == np.argmax(np.sort(kl[:d])[::-1].cumsum() >= 0.95 * kl[:d].sum()) + 1
    for column, expected in (("test_loss", loss), ("test_distortion", distortion), ("test_rate", rate)):
        assert table[column].loc[active:].tolist() == pytest.approx([expected] * (513 - active), abs=0.006)


def test_cifar10(published: dict[str, Images]) -> None:
    """The floor, to 1e-9: torch's cross-entropy of the images with themselves. The mean image, to four digits."""
    train, test = splits(published["cifar10"])
    means = {row.likelihood: row.test_loss for row in mean_image("cifar10", train, test)}
    assert means["bernoulli"] == pytest.approx(2118, rel=2.5e-4)
    x = pixels(test)
    expected = F.binary_cross_entropy(x, x, reduction="sum").item() / len(x)
    assert floor("cifar10", train, test).test_loss == pytest.approx(expected, rel=1e-9)
    assert expected == pytest.approx(1685, rel=0.0025)  # tabulated as "about"; measured 1681.7


def test_cifar10_pixels_are_as_published(published: dict[str, Images]) -> None:
    """Means and deviations of the training images' channels equal the published ones to all eight digits."""
    images = published["cifar10"].train.images.transpose(0, 1).flatten(1)
    counts = torch.stack([channel.bincount(minlength=256) for channel in images]).double() / images.shape[1]
    grey = torch.arange(256).double() / 255
    means = counts @ grey
    deviations = (counts @ grey.square() - means.square()).sqrt()
    assert means.tolist() == pytest.approx([0.49139968, 0.48215841, 0.44653091], abs=6e-9)
    assert deviations.tolist() == pytest.approx([0.24703223, 0.24348513, 0.26158784], abs=6e-9)


# --- other libraries, on the first images --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "count"), [("mnist", 300), ("mnist", 1000), ("cifar10", 300)])
def test_pca_equals_scikit_learns(published: dict[str, Images], name: str, count: int) -> None:
    """Losses, cross-entropy of clipped pictures and psnr, with fewer images than pixels and with more. To 1e-9."""
    parts = published[name].train, published[name].test
    images = Images(*(Split(part.images[:count], part.labels[:count]) for part in parts), published[name].classes)
    train, test = (pixels(part.images).numpy() for part in (images.train, images.test))
    table = table_of(name, images)
    for latent_dim in (1, 2, 8, 64, 256):
        fitted = PCA(latent_dim, svd_solver="full").fit(train)
        errors, crossed = [], []
        for x in (train, test):
            pictures = fitted.inverse_transform(fitted.transform(x))
            errors.append(np.square(pictures - x).sum(1))
            clipped = torch.from_numpy(pictures).clamp(CLIP, 1 - CLIP)
            crossed.append(F.binary_cross_entropy(clipped, torch.from_numpy(x), reduction="sum").item() / len(x))
        row, other = rows(table, "PCA").loc[latent_dim], rows(table, "PCA", "bernoulli").loc[latent_dim]
        assert [row.train_loss, row.test_loss] == pytest.approx([error.mean() for error in errors], rel=1e-9)
        assert row.psnr == pytest.approx(np.mean(10 * np.log10(train.shape[1] / errors[1])), rel=1e-9)
        assert [other.train_loss, other.test_loss] == pytest.approx(crossed, rel=1e-9)


def test_components_beyond_those_of_train_change_nothing(small_table: pd.DataFrame) -> None:
    """300 images vary in at most 299 directions; the axes of all others are zero. To 1e-9."""
    losses = rows(small_table, "PCA").test_loss
    assert losses.loc[299:].tolist() == pytest.approx([losses.loc[299]] * 214, rel=1e-9)
    assert losses[512] > 0.1
    assert rows(small_table, "PCA").train_loss[512] == pytest.approx(0, abs=1e-9)


def test_mean_image_equals_torchs(small: dict[str, Images], small_table: pd.DataFrame) -> None:
    """Squared error, cross-entropy and Gaussian likelihood of the constant picture. To 1e-9."""
    train, test = (pixels(part.images) for part in (small["mnist"].train, small["mnist"].test))
    mean = train.mean(0)
    for split, x in (("train", train), ("test", test)):
        constant = mean.expand_as(x)
        for low, high, pixel_range in ((0, 1, "[0, 1]"), (-1, 1, "[-1, 1]")):
            scaled, shown, fitted = (low + (high - low) * values for values in (x, constant, train))
            error = F.mse_loss(shown, scaled, reduction="sum").item() / len(x)
            row = only(small_table, "mean image", "gaussian", pixel_range)
            assert row[f"{split}_loss"] == pytest.approx(error, rel=1e-9)
            sigma = (fitted - fitted.mean(0)).square().mean().sqrt()
            row = only(small_table, "mean image", "gaussian_optimal", pixel_range)
            expected = -Normal(shown, sigma).log_prob(scaled).sum().item() / len(x)
            assert row[f"{split}_loss"] == pytest.approx(expected, rel=1e-9)
        clamped = constant.clamp(CLAMP, 1 - CLAMP)
        expected = F.binary_cross_entropy(clamped, x, reduction="sum").item() / len(x)
        assert only(small_table, "mean image", "bernoulli")[f"{split}_loss"] == pytest.approx(expected, rel=1e-9)


def test_mean_image_of_the_optimal_variance(mnist: pd.DataFrame) -> None:
    """D/2 (ln(2 pi sigma^2) + 1) on train, where sigma^2 is the mean squared error of a pixel. To 1e-12."""
    for pixel_range in ("[0, 1]", "[-1, 1]"):
        sigma2 = only(mnist, "mean image", "gaussian", pixel_range).train_loss / 784
        expected = 784 / 2 * (math.log(2 * math.pi * sigma2) + 1)
        measured = only(mnist, "mean image", "gaussian_optimal", pixel_range).train_loss
        assert measured == pytest.approx(expected, rel=1e-12)


def test_mean_image_of_the_continuous_bernoulli(small: dict[str, Images], small_table: pd.DataFrame) -> None:
    """It equals torch's likelihood of each image in float32, which is how variants are measured. To 1e-5."""
    train, test = small["mnist"].train.images, small["mnist"].test.images
    logit = continuous_bernoulli_logit(pixel_means(train.flatten(1))).float()
    for split, x in (("train", train), ("test", test)):
        expected = -ContinuousBernoulli(logits=logit).log_prob(pixels(x).float()).sum(1).double().mean().item()
        row = only(small_table, "mean image", "continuous_bernoulli")
        assert row[f"{split}_loss"] == pytest.approx(expected, rel=1e-5)


# --- the linear VAE ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pixel_range", [[0, 1], [-1, 1]])
def test_linear_vae_equals_its_encoder_and_decoder_written_out(
    small: dict[str, Images], small_table: pd.DataFrame, pixel_range: list[int]
) -> None:
    """Build the optimum as matrices and integrate z out: E|x - Wz|^2 = |x - W mu|^2 + tr(W S W'). To 1e-9."""
    low, high = pixel_range
    train, test = (low + (high - low) * pixels(part.images) for part in (small["mnist"].train, small["mnist"].test))
    mean = train.mean(0)
    _, singular, axes = torch.linalg.svd(train - mean, full_matrices=False)
    variances = singular.square() / len(train)
    for latent_dim in (1, 5, 100):
        kept = variances[:latent_dim]
        kept = kept[kept > 0.5]
        decoder = axes[: len(kept)].T * (kept - 0.5).sqrt()
        posterior = torch.linalg.inv(torch.eye(len(kept)).double() + decoder.T @ decoder / 0.5)
        row = rows(small_table, "linear VAE", "gaussian", str(pixel_range)).loc[latent_dim]
        assert row.active_units == len(kept)
        for split, x in (("train", train - mean), ("test", test - mean)):
            mu = x @ decoder @ posterior / 0.5
            error = (x - mu @ decoder.T).square().sum(1).mean() + (decoder @ posterior @ decoder.T).trace()
            rate = (mu.square().sum(1).mean() + posterior.trace() - len(kept) - posterior.logdet()) / 2
            assert row[f"{split}_loss"] == pytest.approx((error + rate).item(), rel=1e-9)
        assert row.test_distortion == pytest.approx(error.item(), rel=1e-9)
        assert row.test_rate == pytest.approx(rate.item(), rel=1e-9)


# --- the table -----------------------------------------------------------------------------------------------------


def test_columns_and_which_cells_are_empty(small_table: pd.DataFrame) -> None:
    table = small_table
    assert [*table.columns, "axes_error"] == list(columns(BaselineRow))  # which only approximate components have
    sizes = table.groupby("baseline", sort=False).size().to_dict()
    assert sizes == {"mean image": 6, "PCA": 2 * 512 + 10, "linear VAE": 2 * 512, "floor": 1}
    assert not table.duplicated(["baseline", "likelihood", "pixel_range", "latent_dim"]).any()
    assert table[["train_loss", "test_loss", "test_distortion"]].notna().all(axis=None)
    assert table.latent_dim.notna().equals(table.baseline.isin(["PCA", "linear VAE"]))
    for count in ("active_units", "used_latents"):
        assert table[count].notna().equals(table.baseline == "linear VAE")
    assert table.test_rate.notna().equals(table.baseline.isin(["mean image", "linear VAE"]))
    pictured = table.baseline.isin(["mean image", "PCA"]) & (table.likelihood == "gaussian")
    assert table.psnr.notna().equals(pictured)
    by_range = [rows(table, "PCA", "gaussian", pixel_range).psnr for pixel_range in ("[0, 1]", "[-1, 1]")]
    assert by_range[0].equals(by_range[1])


def test_losses_are_distortion_plus_rate(mnist: pd.DataFrame) -> None:
    """To 1e-12. More latents never make the linear VAE worse on train, and it is never better than PCA."""
    total = mnist.test_distortion + mnist.test_rate.fillna(0)
    assert total.tolist() == pytest.approx(mnist.test_loss.tolist(), rel=1e-12)
    for pixel_range in ("[0, 1]", "[-1, 1]"):
        linear, pca = (rows(mnist, name, "gaussian", pixel_range).train_loss for name in ("linear VAE", "PCA"))
        assert (linear.diff().dropna() <= 0).all()
        assert (linear > pca).all()
    assert (rows(mnist, "PCA", "bernoulli").test_loss > only(mnist, "floor", "bernoulli").test_loss).all()


def test_pictures_that_components_rebuild_exactly_have_no_psnr(small: dict[str, Images]) -> None:
    """Of 256 pixels: 300 training images span all directions."""
    images = small["cifar10"]
    cut = [Split(part.images[:, :1, 8:24, 8:24].contiguous(), part.labels) for part in (images.train, images.test)]
    pca = rows(table_of("grey", Images(*cut, images.classes)), "PCA")
    assert pca.test_loss.iloc[-1] == pytest.approx(0, abs=1e-9)
    assert math.isnan(pca.psnr.iloc[-1])
    assert pca.psnr[:200].between(1, 100).all()


def test_a_single_training_image(small: dict[str, Images]) -> None:
    """A single image varies in no direction: PCA stays at the mean image, no latent is active, no loss is infinite."""
    images = small["mnist"]
    table = table_of(
        "mnist", Images(images.train._replace(images=images.train.images[:1]), images.test, images.classes)
    )
    assert np.isfinite(table[["train_loss", "test_loss"]]).all(axis=None)
    assert (rows(table, "linear VAE").active_units == 0).all()
    mean = only(table, "mean image").test_loss
    assert rows(table, "PCA").test_loss.tolist() == pytest.approx([mean] * 512, rel=1e-9)
