"""Training a variant learns, and gives the same each time."""

import numpy as np
import pytest
import torch
from tqdm import tqdm

from elbowroom.core.random_streams import Stream
from elbowroom.core.settings import Variant
from elbowroom.datasets.images import Images, batches, scale
from elbowroom.evaluation.evaluate import evaluate
from elbowroom.evaluation.latents import active_units
from elbowroom.training import seed_run
from elbowroom.training.adam import Adam
from elbowroom.training.loop import train
from elbowroom.training.resumable_run import TrainedSeed
from elbowroom.vae.fast_cpu import accelerate
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import split_means, split_noise, terms
from elbowroom.vae.trained import TrainedVAE
from elbowroom.yardsticks.judge import Judge, Judges
from tests.support.images import CPU
from tests.support.settings import EVALUATION, cifar_variant, recipe, variant

SETTINGS = [variant(), cifar_variant(channels=16), variant(model="ae", beta=0.0), variant(beta=3.0)]


def run(settings: Variant, images: dict[str, Images], seed: int = 0, **changes: object) -> TrainedSeed:
    return next(train(settings, recipe(**changes), images[settings.dataset], [seed], tqdm(disable=True)))


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_seed_draws_the_initial_weights_as_anyone_would(settings: Variant, small: dict[str, Images]) -> None:
    """As torch.manual_seed(seed) and the network's constructor alone do, whatever else is drawn."""
    images = small[settings.dataset]
    torch.manual_seed(7)
    expected = VAE(settings, images.shape).state_dict()
    found = seed_run.SeedRun(settings, recipe(), images, 7).model.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_weights_order_and_noises_share_no_draws(small: dict[str, Images]) -> None:
    """Each of a run's generators is where a stream of its own begins, and no noise is another's."""
    on = seed_run.SeedRun(variant(likelihood="gaussian_optimal"), recipe(), small["mnist"], 3)
    streams = [torch.Generator().manual_seed(3), on.shuffling, on.sampling]
    assert len({bytes(stream.get_state().numpy()) for stream in streams}) == 3
    on.begin_epoch()
    noises = [on.noise, on.train_noise, on.test_noise, torch.randn(300, 6, generator=torch.Generator().manual_seed(3))]
    correlations = torch.corrcoef(torch.stack([noise[:130].flatten() for noise in noises]))
    assert correlations.fill_diagonal_(0).abs().max() < 0.15  # 4 / sqrt(780)


@pytest.mark.parametrize("settings", SETTINGS)
def test_training_learns(settings: Variant, small: dict[str, Images]) -> None:
    history = run(settings, small, epochs=4, batch_size=32, learning_rate=0.002).history
    losses = [row["loss"] for row in history if row["split"] == "test"]
    assert len(losses) == 4
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 10


def test_the_same_seed_is_the_same_to_the_bit(small: dict[str, Images]) -> None:
    torch.manual_seed(123)
    first = run(variant(), small, seed=1)
    torch.manual_seed(456)  # the caller's generator is neither read nor moved
    expected = torch.rand(1)
    torch.manual_seed(456)
    second = run(variant(), small, seed=1)
    assert torch.equal(torch.rand(1), expected)
    assert first.history == second.history
    for name, tensor in first.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name])
    for name, array in first.evolution.items():
        np.testing.assert_array_equal(array, second.evolution[name])
    assert run(variant(), small, seed=2).history != first.history


def test_a_seed_does_not_depend_on_those_beside_it(small: dict[str, Images]) -> None:
    """To the bit, on the CPU."""
    first, second = train(variant(), recipe(), small["mnist"], [3, 1], tqdm(disable=True))
    assert (first.seed, second.seed) == (3, 1)
    assert second.history == run(variant(), small, seed=1).history != first.history
    assert first.cost["seeds_together"] == second.cost["seeds_together"] == 1


def test_the_order_of_images_is_the_same_for_every_variant(
    small: dict[str, Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variants are compared seed by seed, so a seed must mean the same images in the same order."""
    seen: list[list[torch.Tensor]] = []

    def watched(images: torch.Tensor, pixel_range: list[int]) -> torch.Tensor:
        seen[-1].append(images)
        return original(images, pixel_range)

    original = seed_run.scale
    monkeypatch.setattr(seed_run, "scale", watched)
    for settings in (variant(), variant(latent_dim=9, channels=2)):
        seen.append([])
        run(settings, small)
    assert len(seen[0]) == len(seen[1]) == 10
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))
    shuffled = torch.cat(seen[0][:5])  # the batches of the first epoch
    assert len(shuffled) == 300
    assert not torch.equal(shuffled, small["mnist"].train.images)
    assert sorted(map(bytes, shuffled.numpy())) == sorted(map(bytes, small["mnist"].train.images.numpy()))


def test_history_is_tidy_and_ends_where_evaluation_begins(small: dict[str, Images]) -> None:
    """The last test row is measured with the final weights: evaluation finds the same, with another batch size."""
    result = run(variant(), small, seed=4)
    assert [(row["epoch"], row["split"]) for row in result.history] == [
        (1, "train"),
        (1, "test"),
        (2, "train"),
        (2, "test"),
    ]
    for row in result.history:
        assert row["loss"] == pytest.approx(row["distortion"] + row["rate"])
    judge = Judge((1, 28, 28), 10).eval()
    model = TrainedVAE("v", variant(), 4, (1, 28, 28), result.model)
    found = evaluate(model, Judges(judge, judge), small["mnist"], EVALUATION, tqdm(disable=True))
    metrics = found.metrics
    assert metrics["test_loss"] == pytest.approx(result.history[-1]["loss"], rel=1e-5)
    assert metrics["train_loss"] < result.history[-2]["loss"]  # the mean during the epoch lags behind
    assert metrics["parameters"] == sum(p.numel() for p in result.model.parameters())
    assert found.latent_map.shape == (100, 2)
    assert 0 < metrics["pca_2d"] <= 1


def test_train_history_is_a_mean_over_images(small: dict[str, Images], monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of 300 images in batches of 64 has 44, and weighs as much in the mean."""
    steps: list[tuple[int, float]] = []

    def watched(*arguments: object) -> object:
        measured = original(*arguments)
        steps.append((len(measured.rate), measured.rate.mean().item()))
        return measured

    original = seed_run.train_step
    monkeypatch.setattr(seed_run, "train_step", watched)
    history = run(variant(), small, epochs=1).history
    assert [count for count, _ in steps] == [64] * 4 + [44]
    assert history[0]["rate"] == pytest.approx(sum(n * rate for n, rate in steps) / 300, rel=1e-5)


def test_training_sees_the_images_as_they_are(small: dict[str, Images], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every image once an epoch, neither flipped nor shifted, in another order each epoch."""
    seen: list[torch.Tensor] = []

    def watched(model: VAE, optimizer: Adam, settings: Variant, x: torch.Tensor, *rest: object) -> object:
        seen.append(((x + 1) * 127.5).round().byte())
        return original(model, optimizer, settings, x, *rest)  # type: ignore[arg-type]

    original = seed_run.train_step
    monkeypatch.setattr(seed_run, "train_step", watched)
    run(variant(), small, epochs=2)
    epochs = torch.cat(seen).flatten(1).view(2, 300, 784)
    assert not torch.equal(epochs[0], epochs[1])
    images = sorted(image.tobytes() for image in small["mnist"].train.images.flatten(1).numpy())
    for epoch in epochs:
        assert sorted(image.tobytes() for image in epoch.numpy()) == images


def test_beta_warms_up_linearly(small: dict[str, Images], monkeypatch: pytest.MonkeyPatch) -> None:
    """beta follows the images seen: with 300 in batches of 64, the fifth step of an epoch comes after 256."""
    betas: list[float] = []

    def watched(*arguments: object) -> object:
        betas.append(arguments[5].item())  # type: ignore[attr-defined]
        return original(*arguments)  # type: ignore[arg-type]

    original = seed_run.train_step
    monkeypatch.setattr(seed_run, "train_step", watched)
    history = run(variant(beta=3.0), small, epochs=3, warmup_epochs=2).history
    seen = [300 * epoch + batch for epoch in range(3) for batch in (0, 64, 128, 192, 256)]
    assert betas == pytest.approx([3 * min(1, images / 600) for images in seen])
    for row in history:  # has the whole beta from the start
        assert row["loss"] == pytest.approx(row["distortion"] + 3 * row["rate"])  # type: ignore[operator]


def test_the_optimal_variance_is_that_of_the_train_split(small: dict[str, Images]) -> None:
    """And the last test row of the history is measured with it. Both to 1e-5."""
    settings = cifar_variant(likelihood="gaussian_optimal")
    result = run(settings, small, seed=4)
    images = small["cifar10"]
    noise = split_noise(300, 6, 4, Stream.TRAIN_NOISE, CPU)
    with torch.no_grad():
        mu, logvar = result.model.encode(images.train.images.float() / 255)
        made = torch.sigmoid(result.model.decode(mu + (logvar / 2).exp() * noise))
    error = (made - images.train.images.float() / 255).square().mean().item()
    assert result.model.sigma2 is not None
    assert result.model.sigma2.item() == pytest.approx(error, rel=1e-5)
    test_noise = split_noise(130, 6, 4, Stream.TEST_NOISE, CPU)
    means = split_means(settings, result.model, images.test.images, test_noise, 50)
    assert result.history[-1]["distortion"] == pytest.approx(means.distortion.item(), rel=1e-5)


def test_bf16_is_computed_in_and_learns_as_well(small: dict[str, Images]) -> None:
    """The loss after 4 epochs is within 1 % of that in float32, and not the same."""
    budget = {"epochs": 4, "batch_size": 32}
    losses = [run(variant(), small, precision=p, **budget).history[-1]["loss"] for p in ("highest", "high", "bf16")]
    assert losses[0] == losses[1] != losses[2]  # the CPU has no TF32
    assert losses[2] == pytest.approx(losses[0], rel=0.01)


def test_training_in_bf16_warns_where_that_is_slow(
    small: dict[str, Images], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    run(variant(), small, precision="bf16", epochs=1)
    assert capfd.readouterr().out == ""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True}, raising=False)
    run(variant(), small, precision="high", epochs=1)
    assert capfd.readouterr().out == ""
    run(variant(), small, precision="bf16", epochs=1)
    assert capfd.readouterr().out.startswith("warning: precision: found bf16 on a CPU without instructions for it")


def test_float32_is_trained_by_the_plain_loop_to_the_bit(small: dict[str, Images]) -> None:
    """By the accelerated model itself, and Adam: nothing of what bfloat16 needs takes part."""
    images, settings = small["mnist"], variant(likelihood="gaussian_optimal")
    on = seed_run.SeedRun(settings, recipe(), images, 3)
    model = VAE(settings, images.shape).to(memory_format=torch.channels_last)
    model.load_state_dict(on.model.state_dict())
    adam, network = Adam(model.parameters(), recipe().learning_rate), accelerate(model)
    on.begin_epoch()
    for batch in batches(300, 64):
        on.step(len(on.order[batch]))
        x, noise = scale(images.train.images[on.order[batch]], settings.pixel_range), on.noise[batch]
        terms(settings, network.train(), x, noise).loss(1.0).mean().backward()
        adam.step()
        adam.zero_grad()
    for ours, theirs in zip(on.model.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_card_computes_in_tf32_only_while_it_trains(
    small: dict[str, Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)
    seen: list[list[str]] = []
    begin = seed_run.SeedRun.begin_epoch

    def watched(run: seed_run.SeedRun) -> None:
        seen.append([setting.fp32_precision for setting in settings])
        begin(run)

    monkeypatch.setattr(seed_run.SeedRun, "begin_epoch", watched)
    for precision in ("highest", "high", "bf16"):
        list(train(variant(), recipe(precision=precision, epochs=1), small["mnist"], [0], tqdm(disable=True)))
        assert [setting.fp32_precision for setting in settings] == ["ieee", "ieee"]
    assert seen == [["ieee"] * 2, ["tf32"] * 2, ["tf32"] * 2]


def used_and_gained(images: Images, settings: Variant, **changes: object) -> tuple[int, float]:
    """Train a variant; return its active latents and by how much its loss is below the mean image's, nats."""
    model = run(settings, {"mnist": images}, **changes).model
    mu, _ = TrainedVAE("v", settings, 0, images.shape, model).encode(images.test.images, 100)
    noise = split_noise(len(images.test.images), settings.latent_dim, 0, Stream.TEST_NOISE, CPU)
    loss = split_means(settings, model, images.test.images, noise, 100).loss(settings.beta).item()
    pixels = images.train.images.double() / 127.5 - 1
    mean_image = (images.test.images.double() / 127.5 - 1 - pixels.mean(0)).square().sum((1, 2, 3)).mean().item()
    return active_units(mu), mean_image - loss


def test_a_small_latent_space_is_used_whole_and_a_heavy_beta_collapses_it(small: dict[str, Images]) -> None:
    budget = {"epochs": 12, "batch_size": 16, "learning_rate": 0.003}
    active, gained = used_and_gained(small["mnist"], variant(latent_dim=2), **budget)
    assert active == 2
    assert gained > 0
    active, gained = used_and_gained(small["mnist"], variant(latent_dim=2, beta=1000.0), **budget)
    assert active == 0 or gained <= 0
