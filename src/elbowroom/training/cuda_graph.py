"""Functions run side by side on a card, as one CUDA graph."""

from collections.abc import Callable, Sequence

import torch

WARM_UP = 3  # calls before a capture, as PyTorch's notes on CUDA graphs have it


class SideBySide:
    """Functions of no arguments and results, called together: on the CPU in turn, on a card each on its own stream.

    On a card, from call WARM_UP + 1 on, they are replayed as one CUDA graph with a branch for each; so they must read
    and write the same tensors each time, and not wait for the device.
    https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """

    def __init__(self, functions: Sequence[Callable[[], None]], where: torch.device) -> None:
        self.functions = functions
        self.streams = [torch.cuda.Stream(where) for _ in functions] if where.type == "cuda" else []
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        self.calls += 1
        if not self.streams:
            for function in self.functions:
                function()
        elif self.calls <= WARM_UP:
            self._fork_and_join()
        else:
            if self.graph is None:
                self.graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self.graph):  # which runs nothing
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
