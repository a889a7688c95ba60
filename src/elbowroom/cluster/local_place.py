"""The place `local`: a sandbox on this machine. It tries out what a cluster does, without one."""

from elbowroom.cluster import sandbox
from elbowroom.cluster.task import Content, Resources, Show, StageResult, StageTask


def run_stage(task: StageTask, resources: Resources, content: Content, show: Show) -> StageResult:
    return sandbox.run_stage(task, content, show)
