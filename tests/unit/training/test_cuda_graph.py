"""Functions side by side on a card: they are captured as a CUDA graph, which computes what they do."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

import numpy as np
import pytest
import torch
from tqdm import tqdm

from elbowroom.core.settings import Variant
from elbowroom.datasets.images import Images, Split
from elbowroom.training import cuda_graph
from elbowroom.training.cuda_graph import WARM_UP, side_by_side
from elbowroom.training.loop import train
from elbowroom.training.seed_run import SeedRun
from tests.support.images import CPU
from tests.support.settings import cifar_variant, recipe, variant


def test_side_by_side_is_captured_after_a_warm_up_and_then_only_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the order of events with a stand-in for a card. The tests below check what a real card computes."""
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
    call = side_by_side([lambda: events.append("a"), lambda: events.append("b")], torch.device("cuda"))
    eager = ["fork", "a", "fork", "b", "join", "join"]
    for _ in range(WARM_UP):
        call()
    assert events == eager * WARM_UP
    events.clear()
    call()
    call()
    assert events == ["capture", *eager, "captured", "replay", "replay"]


def test_on_the_cpu_functions_are_called_in_turn() -> None:
    called: list[str] = []
    first, second = (partial(called.append, name) for name in "ab")
    assert side_by_side([first], CPU) is first
    both = side_by_side([first, second], CPU)
    both()
    both()
    assert called == ["a", "b", "a", "b"]


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
        """Captured steps give the losses of called ones in every epoch, also while beta warms up.

        To 1e-4 in float32, 1e-3 in bfloat16, and 0.05 nats, because gradients may be summed in another order.
        """
        images, plan = on_card(small[settings.dataset]), recipe(epochs=5, warmup_epochs=2, precision=precision)
        (captured,) = train(settings, plan, images, [0], tqdm(disable=True))
        monkeypatch.setattr(cuda_graph, "WARM_UP", 10**9)
        (called,) = train(settings, plan, images, [0], tqdm(disable=True))
        expected = [row["loss"] for row in called.history]
        near = pytest.approx(expected, rel=1e-4 if precision == "highest" else 1e-3, abs=0.05)
        assert [row["loss"] for row in captured.history] == near

    def test_seeds_side_by_side_are_those_alone(self, small: dict[str, Images]) -> None:
        """In float32, to 1e-4, because atomic additions may come in another order."""
        images, plan = on_card(small["mnist"]), recipe(epochs=4, precision="highest")
        together = list(train(variant(), plan, images, [0, 1, 2], tqdm(disable=True)))
        assert [result.cost["seeds_together"] for result in together] == [3, 3, 3]
        for result in together:
            (alone,) = train(variant(), plan, images, [result.seed], tqdm(disable=True))
            assert [row["loss"] for row in result.history] == pytest.approx(
                [r["loss"] for r in alone.history], rel=1e-4
            )

    @pytest.mark.parametrize("precision", ["high", "bf16"])
    def test_lower_precision_stays_within_the_spread_of_seeds(self, precision: str, small: dict[str, Images]) -> None:
        """The mean final test loss over seeds is off by less than the range of the seeds in float32."""
        budget = {"epochs": 4, "batch_size": 32}
        images = on_card(small["mnist"])

        def final(wanted: str) -> list[float]:
            results = train(variant(), recipe(precision=wanted, **budget), images, [0, 1, 2], tqdm(disable=True))
            return [float(result.history[-1]["loss"]) for result in results]

        exact, lower = final("highest"), final(precision)
        assert abs(np.mean(lower) - np.mean(exact)) < max(exact) - min(exact)

    @pytest.mark.parametrize("settings", EVERY)
    def test_no_step_waits_for_the_card(self, settings: Variant, small: dict[str, Images]) -> None:
        """PyTorch's sync debug mode raises an error if something waits, in called and in replayed steps."""
        on, card = SeedRun(settings, recipe(), on_card(small[settings.dataset]), 0), torch.device("cuda")
        step, end_epoch = side_by_side([partial(on.step, 64)], card), side_by_side([on.end_epoch], card)
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
            next(train(variant(), recipe(epochs=4), images, [0], tqdm(disable=True))).history[-1]["loss"]
            for images in (small["mnist"], on_card(small["mnist"]))
        ]
        assert losses[1] == pytest.approx(losses[0], rel=0.1)
