"""The hub: who brings a large file, what makes room, and whose output is passed on. Ray itself is a stand-in."""

from types import SimpleNamespace

import pytest

from elbowroom.cluster import hub


class Store:
    """Stands for Ray on a node whose object store has 100 bytes. A reference is the content itself."""

    def nodes(self) -> list[dict]:
        return [{"NodeID": "other", "Resources": {}}, {"NodeID": "here", "Resources": {"object_store_memory": 100}}]

    def get_runtime_context(self) -> SimpleNamespace:
        return SimpleNamespace(get_node_id=lambda: "here")

    def put(self, content: bytes) -> bytes:
        return content


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> hub.Hub:
    monkeypatch.setattr(hub, "ray", Store())
    return hub.Hub()


def test_of_several_drivers_one_is_asked_to_bring_a_file(made: hub.Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert made.missing(["a", "b"]) == ["a", "b"]
    assert made.missing(["a", "c"]) == ["c"]
    made.keep("a", b"1")
    assert made.give(["a", "b"]) == {"a": b"1"}
    assert made.missing(["a"]) == []
    monkeypatch.setattr(hub, "CLAIM", -1)  # the first driver takes too long
    assert made.missing(["b"]) == []
    made.claims.clear()
    assert made.missing(["b"]) == made.missing(["b"]) == ["b"]


def test_what_was_not_used_for_longest_makes_room_in_half_of_the_store(made: hub.Hub) -> None:
    for name in ("a", "b"):
        made.keep(name, bytes(20))
    made.give(["a"])
    made.keep("c", bytes(20))
    assert sorted(made.give(["a", "b", "c"])) == ["a", "c"]
    made.keep("d", bytes(90))  # more than half: alone
    assert sorted(made.give(["a", "c", "d"])) == ["d"]


class Called:
    """Stands for the hub as Ray's actor: a call gives its result at once."""

    def __init__(self, made: hub.Hub) -> None:
        self.made = made

    def __getattr__(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(remote=getattr(self.made, name))


def test_a_stage_may_have_more_large_files_than_the_hub_has_room_for(
    made: hub.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elbowroom.cluster import ray_place

    monkeypatch.setattr(ray_place.ray, "get", lambda result: result)
    files = {name: name.encode() * 40 for name in "abc"}
    held = ray_place.hold(Called(made), [*files], files.__getitem__)
    assert {name: bytes(content) for name, content in held.items()} == files


def test_a_later_attempt_silences_those_before_it(made: hub.Hub) -> None:
    first = made.begin("run")
    made.write("run", first, b"one ")
    second = made.begin("run")
    made.write("run", first, b"late ")
    made.write("run", second, b"two")
    assert made.read("run") == b"one two"
    assert made.read("run") == b""


def test_what_nobody_uses_is_forgotten(made: hub.Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    made.write("old", made.begin("old"), b"printed")
    monkeypatch.setattr(hub, "FORGOTTEN", -1)
    made.read("other")
    assert set(made.printed) == {"other"}
