"""Read cluster.yaml: what stages ask of a cluster. No stage depends on it, so an edit reruns nothing."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from elbowroom.cluster.client import SENT
from elbowroom.cluster.task import Resources
from elbowroom.core.errors import StudyError, short, shown
from elbowroom.core.setting_types import Count, Settings, Text

FILE = Path("cluster.yaml")
Cpus = Annotated[float, Field(gt=0, le=1024, allow_inf_nan=False)]
Gpus = Annotated[float, Field(ge=0, le=64, allow_inf_nan=False)]


class StageSettings(Settings):
    """What stages of a kind ask for. A stage computes with as many threads as it has whole CPUs, one at least."""

    cpus: Cpus = 1
    gpus: Gpus = 0


class ClusterSettings(Settings):
    """What is in cluster.yaml. checkpoints: a folder that all nodes share. retries: after a lost node or worker."""

    judge: StageSettings = StageSettings()
    train: StageSettings = StageSettings()
    evaluate: StageSettings = StageSettings()
    figures: StageSettings = StageSettings()
    explore: StageSettings = StageSettings()
    checkpoints: Text | None = None
    retries: Count = 3

    def resources(self, kind: str) -> Resources:
        """Return what a stage of this kind asks for."""
        stage = {name: getattr(self, name) for name in SENT}[kind]
        return Resources(stage.cpus, stage.gpus, self.retries)


def load_settings(path: Path = FILE) -> ClusterSettings:
    """Read cluster.yaml. Without the file, a stage gets one CPU. Raises StudyError if a setting is wrong."""
    if not path.is_file():
        return ClusterSettings()
    try:
        raw: Any = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        return ClusterSettings.model_validate({} if raw is None else raw)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise StudyError(f"{path}: found {short(str(error))}, expected YAML") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "the whole file"
        expected = first["msg"][:1].lower() + first["msg"][1:]
        raise StudyError(f"{path}: {short(key)}: found {shown(first['input'])}, expected: {expected}") from None
