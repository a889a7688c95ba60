"""Digest what a stage's code does, so that DVC reruns the stage if that changes, and not if a comment does.

The stage `code` of dvc.yaml writes `code/<stage>.json` for each stage, and the stage depends on that file
(stage_digests.py). A line of it is the name of a definition that the stage may use, and a digest of its text (syntax.py
says what a definition and its text are).

Which definitions may a stage use? Start with the stage's script. Add each definition that is mentioned there, then each
that is mentioned in those, and so on, through all modules that the script imports, directly or not. No code is run, so
nobody knows which function `model.encode(x)` calls. Hence every definition called `encode` is added. So are
definitions whose name is a string, or a part of a string without spaces. Effects of imported modules always count.

A line does not name the module, so a function may move to another module. Only if two definitions that count have
the same name are both written with their modules.

What this cannot see (`globals()`, `importlib`, ...) must not be used; tests/unit/core/test_code_digest.py forbids it.
"""

import hashlib
import re
from collections import Counter
from functools import cached_property
from pathlib import Path

from elbowroom.core.errors import StudyError
from elbowroom.core.syntax import BEGIN, END, Module, Statement

SRC = Path(__file__).parents[2]  # of the code that runs
STAGE, SCRIPT = "code", "code_digests"  # what writes the digests; a script called code.py would hide Python's module

# Not followed. `load_study` hands on params.yaml, and DVC itself compares the settings a stage uses (`params:`), so
# that a new check of a figure's setting trains no model again. `check_code` lets a stage run or refuses.
# `hand_over` has another process run the same code.
CUT = frozenset({"load_study", "check_code", "hand_over"})

# What a stage runs without importing it: the notebook's cells run in a process of their own.
ALSO = {"notebook": ["elbowroom.notebook.study"]}


class Code:
    """The package `elbowroom` in a folder, and the stage scripts in `stages`, beside that folder."""

    def __init__(self, src: Path = SRC) -> None:
        self.src, self.scripts = src, src.parent / "stages"
        self._modules: dict[str, Module | None] = {}

    @cached_property
    def stages(self) -> list[str]:
        """The stages that have a digest."""
        return sorted({path.stem for path in self.scripts.glob("*.py")} - {"__init__", SCRIPT})

    def roots(self, stage: str) -> list[str]:
        """The modules that a stage begins with."""
        return ["stages", f"stages.{stage}", *ALSO.get(stage, [])]

    def of_stage(self, stage: str) -> list[str]:
        """A line for each statement that counts for a stage."""
        return self.lines(self.roots(stage))

    def lines(self, roots: list[str]) -> list[str]:
        """A line, `name digest`, for each statement that counts. roots: as for `counted`."""
        statements = self.counted(roots)
        times = Counter(name for statement in statements for name in statement.names)
        shared = {name for name, number in times.items() if number > 1}

        def spelled(origins: str) -> str:
            """What a name stands for, without the module if it is a definition that counts."""
            found = [self._find(origin) or (origin, "", "") for origin in origins.split("|")]
            return "|".join(
                f"{f'{place}.{name}' if not name or name in shared else f':{name}'}{rest}"
                for place, name, rest in found
            )

        lines = []
        for statement in statements:
            name = spelled(f"{statement.module.name}.{statement.names[0]}") if statement.names else "(on import)"
            text = re.sub(f"{BEGIN}(.+?){END}", lambda found: spelled(found[1]), statement.text)
            lines.append(f"{name.removeprefix(':')} {hashlib.sha256(text.encode()).hexdigest()[:16]}")
        return sorted(lines)

    def counted(self, roots: list[str], cut: frozenset[str] = CUT) -> list[Statement]:
        """The statements that may be used from the roots on.

        roots: modules, all of whose statements count, and definitions, as `module.name`. cut: names not followed.
        """
        modules = self._reached(roots)
        by_name: dict[str, list[Statement]] = {}
        for module in modules:
            for name, statements in module.definitions.items():
                by_name.setdefault(name, []).extend(statements)
        waiting = [module.effects for module in modules if module.effects]
        for root in roots:
            itself = self.module(root)
            waiting += itself.statements if itself else self._defining(root)
        counted: set[Statement] = set()
        while waiting:
            if (statement := waiting.pop()) in counted:
                continue
            counted.add(statement)
            origins, words = statement.mentioned
            for origin in origins:
                place, name, rest = self._find(origin) or ("", "", "")
                words |= {*rest.split(".")}
                if name and name not in cut:
                    waiting += self._defining(f"{place}.{name}")
            waiting += [found for word in words - cut for found in by_name.get(word, [])]
        return [statement for module in modules for statement in module.statements if statement in counted]

    def module(self, name: str) -> Module | None:
        """Read a module of the package or a stage's script; None if there is no such module."""
        if name not in self._modules:
            first, *parts = name.split(".")
            folder = self.scripts if first == "stages" else self.src / first
            paths = [folder.joinpath(*parts, "__init__.py"), folder.joinpath(*parts).with_suffix(".py")]
            # Leave out elbowroom/__init__.py: it is for users of the package, and no stage may use it.
            ours = first == "stages" or (first == "elbowroom" and parts)
            found = [path for path in paths if ours and path.is_file()]
            self._modules[name] = _read(name, found[0]) if found else None
        return self._modules[name]

    def _reached(self, roots: list[str]) -> list[Module]:
        """The modules that are imported from the roots on, and the packages they are in."""
        reached: dict[str, Module] = {}
        waiting = [*roots]
        while waiting:
            name = waiting.pop()
            package = name.rpartition(".")[0]
            if package and name not in reached:
                waiting.append(package)
            if (module := self.module(name)) and name not in reached:
                reached[name] = module
                waiting += module.imports
        return [reached[name] for name in sorted(reached)]

    def _find(self, origin: str) -> tuple[str, str, str] | None:
        """Find the definition that a name stands for: its module, its name, and what follows (`.attribute`), if any.

        None if it is none of the package's: it is another package's, or a module itself.
        """
        parts = origin.split(".")
        for number in range(len(parts) - 1, 0, -1):
            if module := self.module(".".join(parts[:number])):
                name, rest = parts[number], "".join(f".{part}" for part in parts[number + 1 :])
                if name in module.definitions:
                    return module.name, name, rest
                if self.module(f"{module.name}.{name}") or name not in module.origins:
                    return None
                return self._find(f"{module.origins[name]}{rest}")  # it is only imported there
        return None

    def _defining(self, definition: str) -> list[Statement]:
        """The statements that define `module.name`."""
        place, _, name = definition.rpartition(".")
        module = self.module(place)
        if not module or name not in module.definitions:
            raise StudyError(
                f"{definition}: found no such definition, expected one of the package's (core/code_digest.py)"
            )
        return module.definitions[name]


def _read(name: str, path: Path) -> Module:
    try:
        return Module(name, path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise StudyError(f"{path}: found no Python ({error}), expected a module") from None
