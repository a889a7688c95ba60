"""However params.yaml is edited, it loads, and again the same after it was written, or is refused in one line."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from tests.support import ROOT

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
for section, kept in {  # one of each tests as much, and loads faster
    "datasets": "mnist",
    "networks": "notebook",
    "recipes": "notebook-mnist",
    "variants": "mnist-z128",
}.items():
    PARAMS[section] = {kept: PARAMS[section][kept]}
TEXT = yaml.safe_dump(PARAMS, sort_keys=False)
# fmt: off
NASTY = [
    "\x00", "\n", "\t", "\x1b[31m", "\x85", "\u2028", "\ufeff", "é", "\u0661", "#", "- ", ": ", "? ", "{", "}", "[",
    "]", "'", '"', "|\n", ">\n", "---\n", "...\n", "%YAML 1.1\n", "%TAG ! x\n", "&a ", "*a", "<<: *a", "&a [*a]", "~",
    "=,", "!!python/object:os.system ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!binary ", "!!timestamp ",
    "!!set ", "2001-99-99", "1e999", ".nan", "-.inf", "0o7", "1_0", "9" * 5000, "0x" + "f" * 5000, "[" * 999,
    "{a: " * 500, '"\\n"', '"\\e[2J"', '"\\ud800"', "x" * 5000,
]
# fmt: on
KEYS = {*Study.model_fields, "the whole file"}
thorough = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


def check(path: Path, text: str) -> str | None:
    """Load the text; return the error after the file's name if it is refused, else None."""
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        study = load_study(path)
    except StudyError as error:
        message = str(error)
        assert message.isprintable()
        assert len(message) < 600 + len(str(path))
        said = message.removeprefix(f"{path}: ").removeprefix(f"{path}:")
        assert said != message
        assert "found " in said
        assert ", expected " in said
        return said
    assert written_and_loaded(path, study) == [study, study]
    return None


def written_and_loaded(path: Path, study: Study) -> list[Study]:
    """Write the study by PyYAML, and by ruamel.yaml as DVC does; return what is loaded from each."""
    stream = io.StringIO()
    YAML().dump(study.model_dump(), stream)
    read = []
    for text in (yaml.safe_dump(study.model_dump()), stream.getvalue()):
        path.write_text(text, encoding="utf-8")
        read.append(load_study(path))
    return read


places = st.integers(0, len(TEXT))
pieces = st.sampled_from(NASTY) | st.text(max_size=3)
lines = st.integers(0, TEXT.count("\n"))


@st.composite
def edited_texts(draw: st.DrawFn) -> str:
    """Remove, repeat or insert characters and lines, or cut off the end."""
    text = TEXT
    for _ in range(draw(st.integers(1, 3))):
        match draw(st.sampled_from(["insert", "delete", "repeat lines", "delete lines", "cut"])):
            case "insert":
                place = draw(places)
                text = text[:place] + draw(pieces) + text[place:]
            case "delete":
                place = draw(places)
                text = text[:place] + text[place + draw(st.integers(1, 9)) :]
            case "cut":
                text = text[: draw(places)]
            case what:
                parts, place, count = text.split("\n"), draw(lines), draw(st.integers(1, 9))
                taken = parts[place : place + count]
                parts[place : place + count] = taken * 2 if what == "repeat lines" else []
                text = "\n".join(parts)
    return text


@settings(thorough, max_examples=300)
@given(text=edited_texts())
def test_an_edited_text_loads_or_is_refused_in_one_line(path: Path, text: str) -> None:
    check(path, text)


@pytest.mark.parametrize("piece", NASTY, ids=lambda piece: repr(piece)[:30])
def test_a_nasty_value_is_refused_in_one_line(path: Path, piece: str) -> None:
    check(path, TEXT.replace("latent_dim: 128", f"latent_dim: {piece}"))
    check(path, TEXT.replace("latent_dim: 128", f"{piece}: 128"))


def test_aliases_that_multiply_are_refused_at_once(path: Path) -> None:
    """Written out, they would be 3 ** 39 texts."""
    levels = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    check(path, "a0: &a0 [x]\n" + levels + TEXT)
    check(path, "a0: &a0 [x]\n" + levels + TEXT.replace("batch_size: 128", "batch_size: *a39"))


def nodes(tree: Any, where: tuple = ()) -> Iterator[tuple]:
    """Yield the path of keys to each value of a tree."""
    if where:
        yield where
    for key, value in tree.items() if isinstance(tree, dict) else ():
        yield from nodes(value, (*where, key))


NODES = list(nodes(PARAMS))
names = st.text(max_size=5) | st.sampled_from(["mnist", "epochs", "a.b", "../x", "judge", "beta"])
numbers = st.integers() | st.floats() | st.sampled_from([0, 1, 2, 2**31 - 1, 2**31, 10**400, 1e308])
values = st.recursive(
    st.none()
    | st.booleans()
    | numbers
    | st.text(max_size=9)
    | st.sampled_from(["mnist", "x\ny", "\x1b[2J", "y" * 999]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@settings(thorough, max_examples=200)
@given(node=st.sampled_from(NODES), what=st.sampled_from(["set", "set", "delete", "add"]), name=names, value=values)
def test_any_value_at_any_key_loads_or_is_refused_by_its_key(
    path: Path, node: tuple, what: str, name: str, value: object
) -> None:
    params = yaml.safe_load(TEXT)
    *folders, last = node
    parent = params
    for folder in folders:
        parent = parent[folder]
    if what == "delete":
        del parent[last]
    else:
        parent[last if what == "set" else name] = value
    if said := check(path, yaml.safe_dump(params, sort_keys=False)):
        assert said.partition(": found ")[0].partition(".")[0] in KEYS


@st.composite
def studies(draw: st.DrawFn) -> dict:
    """Make the settings of a valid study."""
    params = yaml.safe_load(TEXT)
    params["title"] = draw(st.text(min_size=1))
    whole = st.integers(1, 2**31 - 1)
    (recipe,) = params["recipes"].values()
    recipe |= {
        "epochs": draw(whole),
        "learning_rate": draw(st.floats(0, 1, exclude_min=True)),
        "seeds": draw(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=5, unique=True)),
    }
    (variant,) = params["variants"].values()
    variant |= {"latent_dim": draw(whole), "beta": draw(st.floats(0, allow_infinity=False) | st.integers(0, 2**60))}
    return params


@settings(thorough, max_examples=100)
@given(params=studies())
def test_a_valid_study_is_the_same_after_it_was_written_and_loaded(path: Path, params: dict) -> None:
    study = Study.model_validate(params)
    assert written_and_loaded(path, study) == [study, study]
