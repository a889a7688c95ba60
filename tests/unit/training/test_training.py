"""Training does what the published studies did, and the same each time."""

import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from tqdm import tqdm

from elbowroom.comparison.verdict import verdict
from elbowroom.core.errors import StudyError
from elbowroom.core.settings import Variant
from elbowroom.datasets.images import Images, Split, scale
from elbowroom.evaluation.evaluate import evaluate
from elbowroom.evaluation.latents import active_units
from elbowroom.training import cuda_graph, seed_run
from elbowroom.training import loop as fitting
from elbowroom.training.adam import Adam
from elbowroom.training.cuda_graph import WARM_UP, SideBySide
from elbowroom.training.loop import Fit, fit
from elbowroom.training.seed_run import Run, is_round, train_step, warmed_up
from elbowroom.vae.fast_cpu import accelerate
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import split_means, split_noise
from elbowroom.vae.trained import TrainedVAE
from elbowroom.yardsticks.judge import Judge
from tests.support import ROOT
from tests.support.images import CPU
from tests.support.settings import EVALUATION, cifar_variant, recipe, variant

SETTINGS = [variant(), cifar_variant(channels=16), variant(model="ae", beta=0.0), variant(beta=3.0)]


def run(settings: Variant, images: dict[str, Images], seed: int = 0, **changes: object) -> Fit:
    return next(fit(settings, recipe(**changes), images[settings.dataset], [seed], tqdm(disable=True)))


@pytest.mark.parametrize(("real", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("settings", SETTINGS)
def test_steps_are_the_published_steps(
    settings: Variant, real: torch.dtype, tolerance: float, small: dict[str, Images]
) -> None:
    """Losses of twenty steps against those written out as the studies have them, layer by layer, by torch's Adam.

    Our decoder is folded: of 64 z its first two layers are cheaper as one matrix. In float32 wide networks drift apart
    by more, as rounding moves their units across a ReLU's kink, whatever it is that is rounded otherwise.
    """
    torch.manual_seed(0)
    images = small[settings.dataset]
    ours = VAE(settings, images.shape).to(real).to(memory_format=torch.channels_last)
    theirs = VAE(settings, images.shape).to(real)
    theirs.load_state_dict(ours.state_dict())
    optimizer, fast = Adam(ours.parameters(), 1e-3), accelerate(ours)
    reference = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    assert fast.decoder.for_many(64).__name__ == "decode"
    for _ in range(20):
        x = scale(images.train.images[torch.randint(300, (64,))], settings.pixel_range).to(real)
        noise = torch.randn(64, settings.latent_dim, dtype=real)
        measured = train_step(fast, optimizer, settings, x, noise, settings.beta)
        mu, logvar = theirs.encode(x)
        if settings.model == "ae":
            z, kld = mu, torch.tensor(0.0)
        else:
            z = mu + (logvar / 2).exp() * noise
            kld = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())
        out = theirs.decode(z)
        if settings.likelihood == "gaussian":
            reconstruction = F.mse_loss(torch.tanh(out), x, reduction="sum")
        else:
            reconstruction = F.binary_cross_entropy_with_logits(out, x, reduction="sum")
        loss = (reconstruction + settings.beta * kld) / len(x)
        reference.zero_grad()
        loss.backward()
        reference.step()
        assert measured.loss(settings.beta).mean().item() == pytest.approx(loss.item(), rel=tolerance)


def test_adam_is_torchs_to_the_bit() -> None:
    torch.manual_seed(0)
    ours, theirs = (torch.nn.Linear(5, 3) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    optimizer = Adam(ours.parameters(), 0.01)
    reference = torch.optim.Adam(theirs.parameters(), lr=0.01, fused=True)
    for x in torch.randn(20, 8, 5):
        optimizer.step(torch.autograd.grad(ours(x).square().mean(), optimizer.parameters))
        reference.zero_grad()
        theirs(x).square().mean().backward()
        reference.step()
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor)


def test_adam_takes_gradients_as_they_lie() -> None:
    """Of a convolution, channels last, with a gradient that is not."""
    torch.manual_seed(0)
    ours, theirs = (torch.nn.Conv2d(3, 4, 3) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    ours.to(memory_format=torch.channels_last)
    optimizer, reference = Adam([ours.weight], 0.01), torch.optim.Adam([theirs.weight], lr=0.01)
    for gradient in torch.randn(3, 4, 3, 3, 3):
        optimizer.step([gradient])
        theirs.weight.grad = gradient
        reference.step()
        torch.testing.assert_close(ours.weight, theirs.weight)


def test_training_does_not_import_torchs_compiler() -> None:
    """It takes longer to import than torch itself, and a stage does without it."""
    code = """
import sys, torch
import elbowroom.training.loop
from elbowroom.training.adam import Adam
weight = torch.ones(2, requires_grad=True)
optimizer = Adam([weight], 0.1)
optimizer.step([torch.ones(2)])
sys.exit("torch._dynamo" in sys.modules)"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0  # noqa: S603


@pytest.mark.parametrize("settings", SETTINGS)
def test_training_learns(settings: Variant, small: dict[str, Images]) -> None:
    history = run(settings, small, epochs=4, batch_size=32, learning_rate=0.003).history
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


def test_the_order_of_images_is_the_same_for_every_variant(
    small: dict[str, Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variants are compared in pairs over seeds: a seed means the same images in the same order."""
    seen: list[list[torch.Tensor]] = []

    def watched(images: torch.Tensor, pixel_range: list[int]) -> torch.Tensor:
        seen[-1].append(images)
        return original(images, pixel_range)

    original = seed_run.scale
    monkeypatch.setattr(seed_run, "scale", watched)
    for settings in (variant(), variant(latent_dim=9, channels=2)):
        seen.append([])
        run(settings, small)
    assert len(seen[0]) == len(seen[1]) > 10
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))
    shuffled = torch.cat(seen[0][1:6])  # the first epoch's batches, after the snapshot before training
    assert len(shuffled) == 300
    assert not torch.equal(shuffled, small["mnist"].train.images)
    assert sorted(map(bytes, shuffled.numpy())) == sorted(map(bytes, small["mnist"].train.images.numpy()))


def test_history_is_tidy_and_ends_where_evaluation_begins(small: dict[str, Images]) -> None:
    """The last test row is of the final weights, so evaluation finds it again, with another batch size."""
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
    metrics, _, latent_map = evaluate(model, judge, small["mnist"], EVALUATION, tqdm(disable=True))
    assert metrics["test_loss"] == pytest.approx(result.history[-1]["loss"], rel=1e-5)
    assert metrics["train_loss"] < result.history[-2]["loss"]  # the mean during the epoch lags behind
    assert metrics["parameters"] == sum(p.numel() for p in result.model.parameters())
    assert latent_map.shape == (100, 2)
    assert 0 < metrics["pca_2d"] <= 1


def test_train_history_is_a_mean_over_images(small: dict[str, Images], monkeypatch: pytest.MonkeyPatch) -> None:
    """300 images in batches of 64: the last has 44, and the mean weighs it so."""
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
    """Every image once an epoch, neither flipped nor shifted, in an order of its own in each."""
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
    """By the images seen: 300 in batches of 64, so an epoch's fifth step is the one after 256."""
    betas: list[float] = []

    def watched(*arguments: object) -> object:
        betas.append(arguments[5].item())  # type: ignore[attr-defined]
        return original(*arguments)  # type: ignore[arg-type]

    original = seed_run.train_step
    monkeypatch.setattr(seed_run, "train_step", watched)
    history = run(variant(beta=3.0), small, epochs=3, warmup_epochs=2).history
    seen = [300 * epoch + batch for epoch in range(3) for batch in (0, 64, 128, 192, 256)]
    assert betas == pytest.approx([3 * min(1, images / 600) for images in seen])
    assert warmed_up(3.0, torch.tensor(0.0), 0).item() == 3.0
    for row in history:  # is of the whole beta all along
        assert row["loss"] == pytest.approx(row["distortion"] + 3 * row["rate"])  # type: ignore[operator]


def test_the_optimal_variance_is_that_of_the_train_split(small: dict[str, Images]) -> None:
    """Frozen for test; the last test row of the history is under it. Both to 1e-5."""
    settings = cifar_variant(likelihood="gaussian_optimal")
    result = run(settings, small, seed=4)
    images = small["cifar10"]
    noise = split_noise(300, 6, 4, CPU)
    with torch.no_grad():
        mu, logvar = result.model.encode(images.train.images.float() / 255)
        made = torch.sigmoid(result.model.decode(mu + (logvar / 2).exp() * noise))
    error = (made - images.train.images.float() / 255).square().mean().item()
    assert result.model.sigma2 is not None
    assert result.model.sigma2.item() == pytest.approx(error, rel=1e-5)
    means = split_means(settings, result.model, images.test.images, split_noise(130, 6, 4, CPU), 50)
    assert result.history[-1]["distortion"] == pytest.approx(means.distortion.item(), rel=1e-5)


def trained_verdict(images: Images, settings: Variant, **changes: object) -> str:
    """What is said of a variant after it was trained here."""
    model = run(settings, {"mnist": images}, **changes).model
    mu, _ = TrainedVAE("v", settings, 0, images.shape, model).encode(images.test.images, 100)
    noise = split_noise(len(images.test.images), settings.latent_dim, 0, CPU)
    loss = split_means(settings, model, images.test.images, noise, 100).loss(settings.beta).item()
    pixels = images.train.images.double() / 127.5 - 1
    mean_image = (images.test.images.double() / 127.5 - 1 - pixels.mean(0)).square().sum((1, 2, 3)).mean().item()
    return verdict(settings.latent_dim, pd.Series([active_units(mu)]), pd.Series([loss]), mean_image)


def test_a_small_latent_space_is_starved_and_a_heavy_beta_collapses_it(small: dict[str, Images]) -> None:
    budget = {"epochs": 12, "batch_size": 16, "learning_rate": 0.003}
    assert trained_verdict(small["mnist"], variant(latent_dim=2), **budget) == "starved"
    assert trained_verdict(small["mnist"], variant(latent_dim=2, beta=1000.0), **budget) == "collapsed"


def test_a_linear_vae_reaches_its_closed_form_and_saturates(published: dict[str, Images]) -> None:
    """The least train loss that there is, to 0.5 % (Lucas et al. 2019), and the latents it cannot use given up.

    By our steps, with a falling learning rate: at a constant one the noise of z keeps it about 2 % above.
    """
    split, settings = (
        published["mnist"].train,
        variant(network="linear", channels=1, latent_dim=32, pixel_range=[0, 1]),
    )
    images, steps = split.images[:2000], 2500
    x = images.float() / 255
    torch.manual_seed(0)
    model = VAE(settings, (1, 28, 28))
    optimizer = Adam(model.parameters(), 0.01)
    for step in range(steps):
        optimizer.learning_rate = 0.01 * (1 + math.cos(math.pi * step / steps)) / 2
        batch = torch.randint(2000, (250,))
        train_step(model, optimizer, settings, x[batch], torch.randn(250, 32), 1.0)
    loss = split_means(settings, model, images, split_noise(2000, 32, 0, CPU), 500).loss(1).item()
    eigenvalues = torch.linalg.eigvalsh(torch.cov(x.double().flatten(1).T, correction=0))
    used = eigenvalues[eigenvalues > 0.5]
    least = (0.5 * (1 + (2 * used).log())).sum() + eigenvalues[eigenvalues <= 0.5].sum()
    assert least < loss < 1.005 * least
    active = active_units(TrainedVAE("linear", settings, 0, (1, 28, 28), model).encode(images, 500)[0])
    assert active == pytest.approx(len(used), abs=3)
    assert verdict(32, pd.Series([active]), pd.Series([loss]), 52.9) == "saturated"


def test_divergence_is_said_in_one_line(small: dict[str, Images]) -> None:
    """Where, when, what it was before, and what may help; as soon as it is seen."""
    with pytest.raises(StudyError) as error:
        run(variant(), small, seed=3, learning_rate=1.0, epochs=20)
    found = re.fullmatch(
        r"training diverged: seed 3, epoch (\d+), step (\d+): found loss (\S+) after (\S+), expected a finite one "
        r"below 784,000 nats \(a lower learning_rate in recipes.notebook-mnist may help, or warmup_epochs\)",
        str(error.value),
    )
    assert found
    epoch, step, loss, last = found.groups()
    assert 1 <= int(step) <= 5  # 300 images
    assert int(epoch) < 20
    assert not float(loss) < 784_000
    assert float(last) < 784_000


def test_divergence_is_the_same_where_it_is_looked_for_once_an_epoch(small: dict[str, Images]) -> None:
    """As on a card, where steps go on after the first bad one."""
    for seed in range(3):
        with pytest.raises(StudyError) as at_once:
            run(variant(), small, seed=seed, learning_rate=1.0, epochs=20)
        late = Run(variant(), recipe(learning_rate=1.0, epochs=20), small["mnist"], seed)

        def train(late: Run = late) -> None:
            for _ in range(20):
                late.begin_epoch()
                for size in (64, 64, 64, 64, 44):
                    late.step(size)
                late.end_epoch()
                late.record()

        with pytest.raises(StudyError) as at_last:
            train()
        assert str(at_last.value) == str(at_once.value)


def test_snapshots_are_ten_to_a_decade_whatever_the_number_of_epochs() -> None:
    assert [epoch for epoch in range(101) if is_round(epoch)] == [
        *(0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 63, 79, 100)
    ]


def test_evolution_ends_with_the_final_model(small: dict[str, Images]) -> None:
    result = run(variant(), small, epochs=3)
    assert result.evolution["epochs"].tolist() == [0, 1, 2, 3]
    assert result.evolution["mu"].shape == (4, 130, 6)
    assert result.evolution["reconstructions"].shape == (4, 10, 1, 28, 28)
    x = small["mnist"].test.images.float() / 127.5 - 1
    with torch.no_grad():
        mu = result.model.encode(x)[0].numpy()
    np.testing.assert_allclose(result.evolution["mu"][-1], mu, atol=2e-3, rtol=2e-3)
    assert not np.array_equal(result.evolution["reconstructions"][0], result.evolution["reconstructions"][-1])


def test_a_seed_does_not_depend_on_those_beside_it(small: dict[str, Images]) -> None:
    """To the bit, on the CPU."""
    first, second = fit(variant(), recipe(), small["mnist"], [3, 1], tqdm(disable=True))
    assert (first.seed, second.seed) == (3, 1)
    assert second.history == run(variant(), small, seed=1).history != first.history
    assert first.cost["seeds_together"] == second.cost["seeds_together"] == 1


def test_bf16_is_computed_in_and_learns_as_well(small: dict[str, Images]) -> None:
    """Losses are sums of float32: within 1 % after 4 epochs, and not the same."""
    budget = {"epochs": 4, "batch_size": 32}
    losses = [run(variant(), small, precision=p, **budget).history[-1]["loss"] for p in ("highest", "high", "bf16")]
    assert losses[0] == losses[1] != losses[2]  # TF32 is a card's
    assert losses[2] == pytest.approx(losses[0], rel=0.01)


def test_a_card_computes_in_tf32_only_while_it_trains(
    small: dict[str, Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)
    seen: list[list[str]] = []
    begin = fitting.Run.begin_epoch

    def watched(run: fitting.Run) -> None:
        seen.append([setting.fp32_precision for setting in settings])
        begin(run)

    monkeypatch.setattr(fitting.Run, "begin_epoch", watched)
    for precision in ("highest", "high", "bf16"):
        list(fit(variant(), recipe(precision=precision, epochs=1), small["mnist"], [0], tqdm(disable=True)))
        assert [setting.fp32_precision for setting in settings] == ["ieee", "ieee"]
    assert seen == [["ieee"] * 2, ["tf32"] * 2, ["tf32"] * 2]


def test_side_by_side_is_captured_after_a_warm_up_and_then_only_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of events, with a card's functions replaced: on a real card the tests below show what it computes."""
    events: list[str] = []

    class Stream:
        def __init__(self, name: object = "main") -> None:
            self.name = name

        def wait_stream(self, other: "Stream") -> None:
            events.append("fork" if other is main else "join")

    class Graph:
        def replay(self) -> None:
            events.append("replay")

    @contextmanager
    def capture(graph: Graph) -> Iterator[None]:
        events.append("capture")
        yield
        events.append("captured")

    main = Stream()
    for name, value in (
        ("Stream", Stream),
        ("CUDAGraph", Graph),
        ("graph", capture),
        ("current_stream", lambda: main),
        ("stream", nullcontext),
    ):
        monkeypatch.setattr(torch.cuda, name, value)
    call = SideBySide([lambda: events.append("a"), lambda: events.append("b")], torch.device("cuda"))
    eager = ["fork", "a", "fork", "b", "join", "join"]
    for _ in range(WARM_UP):
        call()
    assert events == eager * WARM_UP
    events.clear()
    call()
    call()
    assert events == ["capture", *eager, "captured", "replay", "replay"]


# --- on a card -------------------------------------------------------------------------------------------------------

cuda = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")]
EVERY = [  # each likelihood and model, warm-up of beta, both networks
    variant(),
    variant(model="ae", beta=0.0),
    variant(likelihood="gaussian_optimal", pixel_range=[0, 1]),
    cifar_variant(),
    cifar_variant(likelihood="continuous_bernoulli"),
]


def on_card(images: Images) -> Images:
    train, test = (
        Split(split.images.cuda().contiguous(memory_format=torch.channels_last), split.labels.cuda())
        for split in (images.train, images.test)
    )
    return Images(train, test, images.classes)


class TestOnACard:
    pytestmark = cuda

    @pytest.mark.parametrize("precision", ["highest", "bf16"])
    @pytest.mark.parametrize("settings", EVERY)
    def test_replayed_steps_are_the_steps(
        self, settings: Variant, precision: str, small: dict[str, Images], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Captured against called: losses of every epoch; beta warms up in the graph as well.

        To 1e-4 in float32, 1e-3 in bfloat16, and 0.05 nats, as gradients may be summed in another order.
        """
        images, plan = on_card(small[settings.dataset]), recipe(epochs=5, warmup_epochs=2, precision=precision)
        (captured,) = fit(settings, plan, images, [0], tqdm(disable=True))
        monkeypatch.setattr(cuda_graph, "WARM_UP", 10**9)
        (called,) = fit(settings, plan, images, [0], tqdm(disable=True))
        expected = [row["loss"] for row in called.history]
        near = pytest.approx(expected, rel=1e-4 if precision == "highest" else 1e-3, abs=0.05)
        assert [row["loss"] for row in captured.history] == near

    def test_seeds_side_by_side_are_those_alone(self, small: dict[str, Images]) -> None:
        """In float32, to 1e-4: sums by atomic additions may come in another order."""
        images, plan = on_card(small["mnist"]), recipe(epochs=4, precision="highest")
        together = list(fit(variant(), plan, images, [0, 1, 2], tqdm(disable=True)))
        assert [result.cost["seeds_together"] for result in together] == [3, 3, 3]
        for result in together:
            (alone,) = fit(variant(), plan, images, [result.seed], tqdm(disable=True))
            assert [row["loss"] for row in result.history] == pytest.approx(
                [r["loss"] for r in alone.history], rel=1e-4
            )

    @pytest.mark.parametrize("precision", ["high", "bf16"])
    def test_lower_precision_stays_within_the_spread_of_seeds(self, precision: str, small: dict[str, Images]) -> None:
        """The mean final test loss over seeds, off by less than the seeds' range in float32."""
        budget = {"epochs": 4, "batch_size": 32}
        images = on_card(small["mnist"])

        def final(wanted: str) -> list[float]:
            results = fit(variant(), recipe(precision=wanted, **budget), images, [0, 1, 2], tqdm(disable=True))
            return [float(result.history[-1]["loss"]) for result in results]

        exact, lower = final("highest"), final(precision)
        assert abs(np.mean(lower) - np.mean(exact)) < max(exact) - min(exact)

    @pytest.mark.parametrize("settings", EVERY)
    def test_no_step_waits_for_the_card(self, settings: Variant, small: dict[str, Images]) -> None:
        """PyTorch's own debug mode raises an error where something does: called, and replayed."""
        on, card = Run(settings, recipe(), on_card(small[settings.dataset]), 0), torch.device("cuda")
        step, end_epoch = SideBySide([partial(on.step, 64)], card), SideBySide([on.end_epoch], card)
        for waited, calls in ((True, 1), (False, WARM_UP - 1), (True, 1), (False, 2)):  # made ready; captured
            torch.cuda.set_sync_debug_mode("default" if waited else "error")
            try:
                on.begin_epoch()
                for _ in range(calls):
                    step()
                    end_epoch()
            finally:
                torch.cuda.set_sync_debug_mode("default")
            on.seen.zero_()

    def test_a_card_learns_as_the_cpu_does(self, small: dict[str, Images]) -> None:
        losses = [
            next(fit(variant(), recipe(epochs=4), images, [0], tqdm(disable=True))).history[-1]["loss"]
            for images in (small["mnist"], on_card(small["mnist"]))
        ]
        assert losses[1] == pytest.approx(losses[0], rel=0.1)
