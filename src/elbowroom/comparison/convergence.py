"""Is training finished? Predict from its curve what twice the epochs would gain."""

import math
from collections.abc import Sequence


def gain_of_doubling(losses: Sequence[float]) -> float:
    """Predict by how much a loss would fall if the epochs were doubled, in its unit.

    losses: of each epoch, from the first on, averaged over seeds. A loss that falls like 1/epoch, as
    a + b/E, falls by b/(2E) more; b is measured over the last third of the epochs. nan with fewer than two epochs.
    """
    epochs = len(losses)
    window = max(1, epochs // 3)
    if epochs < 2:
        return math.nan
    fall = losses[epochs - window - 1] - losses[-1]
    return fall * (epochs - window) / (2 * window)
