"""`elbowroom info`: say what a model is, by its file alone."""

import math
from argparse import Namespace

from elbowroom.core import files
from elbowroom.core.settings import Variant
from elbowroom.vae.model_files import Header, check_seed, find_model, read_header


def run(options: Namespace) -> int:
    """Print what the file says, after checking that it is as it was written."""
    path, _, seed = find_model(options.model, options.study, options.seed)
    arrays, header = files.load_arrays(path)
    check_seed(path, header.get("seed"), seed)
    numbers = sum(math.prod(array.shape) for name, array in arrays.items() if name != "sigma2")
    print("\n".join(lines(str(path), read_header(path, header), numbers)))
    return 0


def lines(path: str, header: Header, parameters: int) -> list[str]:
    """List a model's file, name, seed, image shape, number of parameters and settings, one a line."""
    colours, height, width = header.shape
    rows = {
        "file": path,
        "variant": header.name,
        "seed": header.seed,
        "images": f"{colours} channel{'s' * (colours > 1)}, {height} x {width} pixels",
        "parameters": f"{parameters:,}",
    }
    rows |= {key: getattr(header.variant, key) for key in Variant.model_fields if key != "layers"}
    widest = max(map(len, rows))
    return [f"{key.ljust(widest)}  {value}" for key, value in rows.items()]
