"""Subcommands that use a trained model.

Only one that runs imports what it needs, so that --help is fast.
"""

from typing import Any

from elbowroom.app.arguments import (
    Options,
    adapts_images,
    command,
    count,
    gives,
    gives_pictures,
    seed,
    takes_images,
    takes_model,
)


def _sample(add: Any) -> None:
    defined = command(
        add, "sample", "Decode points of the prior: new pictures.", _run_sample,
        ["mnist-z128 --output samples.png", "mnist-z128 --count 100 --noise 7 --output samples.npz",
         "models/mnist-z128/seed-0.safetensors --output - | display"],
    )  # fmt: skip
    takes_model(defined)
    defined.add_argument(
        "--count", type=count, default=16, metavar="N", help="how many (16); another N gives other pictures"
    )
    defined.add_argument("--noise", type=seed, default=0, metavar="SEED", help="the seed of the noise (0)")
    gives_pictures(defined)


def _reconstruct(add: Any) -> None:
    defined = command(
        add, "reconstruct", "Encode images and decode them again.", _run_reconstruct,
        ["mnist-z128 seven.png --output again.png", "mnist-z128 photo.jpg --fit --invert --output again.png",
         "mnist-z128 images.npz --output again.npz"],
    )  # fmt: skip
    takes_model(defined)
    takes_images(defined)
    gives_pictures(defined)


def _interpolate(add: Any) -> None:
    defined = command(
        add, "interpolate", "Decode a straight path in latent space from one image to another.", _run_interpolate,
        ["mnist-z128 three.png eight.png --output path.png", "mnist-z128 a.png b.png --steps 50 --output path.npz"],
    )  # fmt: skip
    takes_model(defined)
    defined.add_argument("first", metavar="FIRST", help="the image that the path begins at")
    defined.add_argument("second", metavar="SECOND", help="the image that it ends at")
    adapts_images(defined)
    defined.add_argument("--steps", type=count, default=10, metavar="N", help="pictures, both ends included (10)")
    gives_pictures(defined)


def _encode(add: Any) -> None:
    defined = command(
        add, "encode", "Encode images: mu and logvar of q(z|x) for each.", _run_encode,
        ["mnist-z128 seven.png", "mnist-z128 *.png --output latents.csv",
         "mnist-z128 - --output latents.npz < seven.png"],
    )  # fmt: skip
    takes_model(defined)
    takes_images(defined)
    gives(defined, ("csv", "npz"), "-")


def _decode(add: Any) -> None:
    defined = command(
        add, "decode", "Decode latents, as `encode` writes them or your own.", _run_decode,
        ["mnist-z128 latents.csv --output pictures.png",
         "mnist-z128 z.npz --output pictures.npz", "mnist-z128 - --output - < latents.csv > pictures.png"],
    )  # fmt: skip
    takes_model(defined)
    defined.add_argument(
        "latents",
        metavar="LATENTS",
        help="a CSV with columns z_0, z_1, ... or mu_0, ..., or an NPZ with an array z or mu",
    )
    gives_pictures(defined)


def _info(add: Any) -> None:
    defined = command(
        add, "info", "Say what a model is: its settings, seed, image shape and number of parameters.", _run_info,
        ["mnist-z128", "models/mnist-z128/seed-0.safetensors"],
    )  # fmt: skip
    takes_model(defined)


def _export(add: Any) -> None:
    defined = command(
        add, "export", "Write a model as ONNX, with a card that says what it is.", _run_export,
        ["mnist-z128 --output mnist-z128-onnx", "models/mnist-z128/seed-0.safetensors --output exported"],
    )  # fmt: skip
    defined.description = (
        "Write encoder.onnx, decoder.onnx and README.md, its card. They need neither elbowroom nor PyTorch.\n"
        "Each is checked with onnxruntime. It needs the extra packages: in a clone, pip install '.[onnx]'."
    )
    takes_model(defined)
    defined.add_argument("--output", "-o", required=True, metavar="FOLDER", help="where the files go")


DEFINITIONS = (_sample, _reconstruct, _interpolate, _encode, _decode, _info, _export)


# --- what each does --------------------------------------------------------------------------------------------------


def _run_sample(options: Options) -> int:
    from elbowroom.app import models

    return models.sample(options)


def _run_reconstruct(options: Options) -> int:
    from elbowroom.app import models

    return models.reconstruct(options)


def _run_interpolate(options: Options) -> int:
    from elbowroom.app import models

    return models.interpolate(options)


def _run_encode(options: Options) -> int:
    from elbowroom.app import models

    return models.encode(options)


def _run_decode(options: Options) -> int:
    from elbowroom.app import models

    return models.decode(options)


def _run_info(options: Options) -> int:
    from elbowroom.app import info

    return info.run(options)


def _run_export(options: Options) -> int:
    from elbowroom.app import export

    return export.run(options)
