"""What makes the tests' DVC fast changes nothing that it reads or writes."""

import ast
import shutil
from collections import OrderedDict
from pathlib import Path

import pytest
from dvc.utils.serialize import YAMLFileCorruptedError, modify_yaml, parse_yaml

from tests.support import ROOT
from tests.support.preloaded import modify_yaml_by_libyaml, parse_python_once, parse_yaml_fast


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


def test_yaml_is_parsed_as_dvc_parses_it() -> None:
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in ("dvc.yaml", "dvc.lock", "params.yaml")}
    parse_fast = parse_yaml_fast(parse_yaml, [texts["dvc.yaml"]])
    for path, text in texts.items():
        expected = parse_yaml(text, path)
        first = parse_fast(text, path)
        assert first == expected
        first.clear()  # as DVC may do with what it gets
        assert parse_fast(text, path) == expected
    assert parse_fast("", "dvc.lock") == {}
    with pytest.raises(YAMLFileCorruptedError, match=r"dvc\.lock"):
        parse_fast("a: [", "dvc.lock")


def test_python_is_parsed_as_ast_parses_it() -> None:
    module = ROOT / "src/elbowroom/core/text.py"
    parse_once, source = parse_python_once([module]), module.read_bytes()
    assert ast.dump(parse_once(source, filename="x")) == ast.dump(ast.parse(source))
    assert parse_once(source) is parse_once(source)
    assert ast.dump(parse_once("a = 1")) == ast.dump(ast.parse("a = 1"))
    assert isinstance(parse_once(b"1", mode="eval"), ast.Expression)
