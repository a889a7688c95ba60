"""A seed in training that goes on from its last checkpoint after an interruption, and what it gives at the end."""

from dataclasses import asdict, dataclass

from tqdm import tqdm

from elbowroom.core.files import Arrays
from elbowroom.training.checkpoint import Checkpoints
from elbowroom.training.cost import Cost
from elbowroom.training.seed_run import SeedRun
from elbowroom.vae.model import VAE


@dataclass(frozen=True)
class TrainedSeed:
    """What training one seed gives.

    history: a row for each epoch and split; losses in nats per image, with the whole beta also during warm-up. Train:
    the mean over the epoch, while the weights moved. Test: after the epoch, the whole split, with z sampled.
    evolution: snapshots through training (snapshots.py). cost: columns of cost.csv (cost.py).
    """

    seed: int
    model: VAE
    history: list[dict[str, float | int | str]]
    evolution: Arrays
    cost: dict[str, float | str]


class ResumableRun:
    """A SeedRun, what it has cost so far, and its checkpoints. With None there are no checkpoints."""

    def __init__(self, run: SeedRun, checkpoints: Checkpoints | None) -> None:
        """Restore the newest checkpoint, if there is one."""
        self.run, self.checkpoints, self.cost = run, checkpoints, Cost()
        if checkpoints and (found := checkpoints.newest(run.recipe.epochs)):
            arrays, header = found
            self.cost = Cost(**header["cost"])
            run.restore(arrays, header)
            tqdm.write(f"seed {run.seed}: goes on after epoch {run.epoch} of {run.recipe.epochs}")

    def save(self) -> None:
        """Write a checkpoint of the last finished epoch."""
        if self.checkpoints:
            arrays, header = self.run.state()
            self.checkpoints.save(self.run.epoch, arrays, header | {"cost": asdict(self.cost)})

    def result(self) -> TrainedSeed:
        """Return what training gave, the model in evaluation mode."""
        run = self.run
        cost = self.cost.row(run.epoch * len(run.order))
        return TrainedSeed(run.seed, run.model.eval(), run.history, run.snapshots.arrays(run.epoch), cost)
