"""The tests' DVC writes the dvc.lock that DVC itself writes."""

import shutil
from collections import OrderedDict
from pathlib import Path

from dvc.utils.serialize import modify_yaml

from tests.support import ROOT
from tests.support.preloaded import modify_yaml_by_libyaml


def test_a_lock_is_written_as_dvc_writes_it(tmp_path: Path) -> None:
    widths = [1, 4]
    added = OrderedDict(cmd='a "b" $PPID', params={"a.yaml": OrderedDict(one=[widths, widths], two=-0.5, three="5")})
    written = []
    for modify in (modify_yaml, modify_yaml_by_libyaml):
        path = Path(shutil.copy(ROOT / "studies/quickstart/dvc.lock", tmp_path))
        with modify(path) as lock:
            lock["stages"].pop("compare")
            lock["stages"].update({"train@new": added})
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert b"train@new" in written[0]
