"""Call functions side by side: on a card as one CUDA graph, on the CPU in turn."""

from collections.abc import Callable, Sequence

import torch

WARM_UP = 3  # calls before a capture, as PyTorch's notes on CUDA graphs advise

Call = Callable[[], None]


def side_by_side(functions: Sequence[Call], device: torch.device) -> Call:
    """Return a function that calls all of these."""
    if device.type == "cuda":
        return GraphedCalls(functions, device)
    if len(functions) == 1:
        return functions[0]

    def in_turn() -> None:
        for function in functions:
            function()

    return in_turn


class GraphedCalls:
    """Calls functions on a card, each on a stream of its own.

    From call WARM_UP + 1 on, a CUDA graph with a branch for each function is replayed instead. So the functions must
    read and write the same tensors each time, and must not wait for the device.
    https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """

    def __init__(self, functions: Sequence[Call], device: torch.device) -> None:
        self.functions = functions
        self.streams = [torch.cuda.Stream(device) for _ in functions]
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        self.calls += 1
        if self.calls <= WARM_UP:
            self._fork_and_join()
            return
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):  # a capture runs nothing
                self._fork_and_join()
        self.graph.replay()

    def _fork_and_join(self) -> None:
        current = torch.cuda.current_stream()
        for function, stream in zip(self.functions, self.streams, strict=True):
            stream.wait_stream(current)
            with torch.cuda.stream(stream):
                function()
        for stream in self.streams:
            current.wait_stream(stream)
