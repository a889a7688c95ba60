"""Write a trained model's encoder and decoder as ONNX, and check that onnxruntime computes what the model does."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from elbowroom.core.errors import StudyError
from elbowroom.datasets.images import to_bytes
from elbowroom.vae import objective
from elbowroom.vae.trained import TrainedVAE

BATCHES = (1, 2, 7, 64)  # that the files are checked with
TOLERANCE = 1e-5  # of a number up to 1; of a larger one, times the number


class OnnxFiles(NamedTuple):
    """The bytes of encoder.onnx and decoder.onnx. error: the largest difference from the model that was found."""

    encoder: bytes
    decoder: bytes
    error: float


class _Encoder(nn.Module):
    """images (N, C, H, W) from 0 to 1 -> mu and logvar of q(z|x), (N, latent_dim); of an autoencoder mu alone."""

    def __init__(self, model: TrainedVAE) -> None:
        super().__init__()
        self.network, self.variant = model.network, model.variant

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        low, high = self.variant.pixel_range
        mu, logvar = self.network.encode(images * (high - low) + low)
        return (mu, logvar) if self.variant.model == "vae" else (mu,)


class _Decoder(nn.Module):
    """z (N, latent_dim) -> the means of p(x|z) as pictures (N, C, H, W) from 0 to 1."""

    def __init__(self, model: TrainedVAE) -> None:
        super().__init__()
        self.network, self.variant = model.network, model.variant

    def forward(self, z: Tensor) -> Tensor:
        return objective.pixel_mean(self.variant, self.network.decode(z)).clamp(0, 1)


def onnx_files(model: TrainedVAE) -> OnnxFiles:
    """Export a model that is on the CPU. The same model gives the same bytes, wherever it is exported.

    Raises StudyError if the packages for it are missing, or onnxruntime computes something else.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 (PyTorch's exporter needs it)
    except ImportError as error:
        raise StudyError(
            f"export: found no {error.name}, expected the extra packages: pip install '.[onnx]' in a clone"
        ) from None
    latents = ["mu", "logvar"] if model.variant.model == "vae" else ["mu"]
    encoder = _exported(_Encoder(model), torch.rand(2, *model.shape), "images", latents)
    decoder = _exported(_Decoder(model), torch.randn(2, model.variant.latent_dim), "z", ["pictures"])
    sessions = [
        onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]) for content in (encoder, decoder)
    ]
    return OnnxFiles(encoder, decoder, _largest_error(model, *sessions))


def _exported(module: nn.Module, example: Tensor, given: str, returned: list[str]) -> bytes:
    """Return a module as ONNX, for batches of any size. given, returned: the names of its input and its outputs."""
    with _quiet_exporter():
        program: Any = torch.onnx.export(
            module.eval(),
            (example,),
            dynamo=True,
            external_data=False,
            input_names=[given],
            output_names=returned,
            dynamic_shapes=({0: torch.export.Dim("N", min=1)},),
            verbose=False,
        )
    proto = program.model_proto
    for part in (proto.graph, *proto.graph.node, *proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        part.ClearField("metadata_props")  # which line of which file made it, on this machine
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence the exporter. Meanwhile leave the precision on a GPU as PyTorch has it, which the exporter insists on."""
    convolution: Any = torch.backends.cudnn.conv  # type: ignore[attr-defined]
    before, convolution.fp32_precision = convolution.fp32_precision, torch.backends.cudnn.rnn.fp32_precision  # type: ignore[attr-defined]
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(logging.NOTSET)
        convolution.fp32_precision = before


def _largest_error(model: TrainedVAE, encoder: Any, decoder: Any) -> float:
    """Return the largest difference between sessions of onnxruntime and the model, over batches of several sizes."""
    largest = 0.0
    for count in BATCHES:
        images = torch.from_numpy(to_bytes(model.sample(count, seed=count)))
        codes = model.encode(images)
        theirs = encoder.run(None, {"images": images.numpy().astype(np.float32) / 255})
        theirs += decoder.run(None, {"z": codes[0].numpy()})
        ours = [*codes[: len(theirs) - 1], model.decode(codes[0])]
        for expected, found in zip(ours, theirs, strict=True):
            if not np.allclose(found, expected.numpy(), rtol=TOLERANCE, atol=TOLERANCE):
                raise StudyError(
                    f"{model.name}: onnxruntime computes something else, expected the same within {TOLERANCE}"
                )
            largest = max(largest, float(np.abs(found - expected.numpy()).max()))
    return largest
