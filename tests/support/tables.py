"""Tables as stages write them, with made-up numbers."""

import pandas as pd


def history(variants: list[str], seeds: int = 2, epochs: int = 3) -> pd.DataFrame:
    """The loss and its terms at each epoch; the mean loss over two seeds is 9.5, 5, 3.5."""
    rows = [
        {
            "variant": v,
            "seed": s,
            "split": split,
            "epoch": e,
            "loss": 9.0 / e + s,
            "distortion": 8.0 / e,
            "rate": 1.0 / e,
        }
        for v in variants
        for s in range(seeds)
        for split in ("train", "test")
        for e in range(1, epochs + 1)
    ]
    return pd.DataFrame(rows)
