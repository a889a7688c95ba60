"""Read a Python module as a list of statements, and write each as text that changes only if its meaning does.

`Module` reads a module without running it. It sorts the statements at its top level into two kinds:

- a *definition* only gives something a name: a function, a class, a constant. Nothing happens until somebody uses it;
- everything else is an *effect*: it happens when the module is imported (`matplotlib.rcParams.update(...)`).

`Statement.text` writes out the syntax tree of a statement. Comments and layout are not in a syntax tree. The text also
leaves out docstrings, imports, and the types of a function's parameters. In place of imports it writes each name as
what it stands for: `np.mean`, `numpy.mean`, and `mean` after `from numpy import mean` all become `numpy.mean`, but
`mean` after `from statistics import mean` becomes `statistics.mean`. Python 3.11 and later write the same text.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

BEGIN, END = "\x02", "\x03"  # around what a name stands for; no constant has these, as `ascii` escapes them
IGNORED = {"ctx", "kind", "type_comment"}  # fields of a syntax tree that follow from others or mean nothing
UNREAD = {("arg", "annotation"), ("FunctionDef", "returns"), ("AsyncFunctionDef", "returns")}  # a class's may be read
QUIET_DECORATORS = {"cache", "cached_property", "contextmanager", "dataclass", "lru_cache", "no_grad", "wraps"}
IMPORTS = ast.Import | ast.ImportFrom
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, eq=False)
class Statement:
    """A definition, or all effects of a module in their order.

    names: what it defines; none if it is a module's effects.
    """

    module: "Module"
    names: tuple[str, ...]
    nodes: list[ast.stmt]

    @cached_property
    def mentioned(self) -> tuple[frozenset[str], frozenset[str]]:
        """What it mentions: origins, such as `numpy.mean`, and words.

        A word is an attribute of a value (`table.mean`), or stands in a string that has no space, and so may be the
        name of any definition. The types of parameters are mentioned: what they are is used by who takes them.
        """
        origins, words = set(), set()
        waiting: list[ast.AST] = [*self.nodes]
        while waiting:
            node = waiting.pop()
            if origin := _origin(node, self.module.origins):
                origins |= {*origin.split("|")}
                continue
            if isinstance(node, ast.Attribute):
                words.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
                words |= {*re.findall(r"\w+", node.value)}
            waiting += [part for part in ast.iter_child_nodes(node) if not _does_nothing(part)]
        return frozenset(origins), frozenset(words)

    @cached_property
    def text(self) -> str:
        """Its syntax tree. What a name stands for is between BEGIN and END, in full."""
        written = [_write(node, self.module.origins, with_imports=not self.names) for node in self.nodes]
        return "\n".join(written if self.names else [*written, *self.module.unused_imports])


class Module:
    """A module's statements, and what its names stand for.

    definitions: name -> the statements that define it, of which there should be one.
    effects: all others; None if there are none.
    imports: the name of all that it imports, and that may be a module.
    origins: name -> what it stands for, as `module.name`; of a name that is imported twice both, with a `|` between.
    unused_imports: packages that are imported, but never mentioned, so for what importing them does.
    """

    def __init__(self, name: str, source: bytes) -> None:
        tree = ast.parse(source, filename=name)
        self.name = name
        self.imports: set[str] = set()
        self.origins: dict[str, str] = {}
        for bound, origin in self._imported(tree):
            known = {*self.origins[bound].split("|")} if bound in self.origins else set()
            self.origins[bound] = "|".join(sorted({*known, origin}))
        used = {part.id for part in ast.walk(tree) if isinstance(part, ast.Name)}
        used |= {bound for node in tree.body if _is_for_type_checkers(node) for bound, _ in self._imported(node)}
        unused = {origin for bound, origin in self.origins.items() if bound not in used}
        self.unused_imports = sorted(origin for origin in unused if not origin.startswith("elbowroom."))
        self.definitions: dict[str, list[Statement]] = {}
        effects = []
        for node in tree.body:
            if isinstance(node, IMPORTS) or _does_nothing(node):
                continue
            if names := tuple(_defined(node)):
                statement = Statement(self, names, [node])
                for defined in names:
                    self.definitions.setdefault(defined, []).append(statement)
                    self.origins[defined] = f"{name}.{defined}"
            elif not _is_for_type_checkers(node):
                effects.append(node)
        self.effects = Statement(self, (), effects) if effects or self.unused_imports else None

    @property
    def statements(self) -> list[Statement]:
        found = [statement for statements in self.definitions.values() for statement in statements]
        return list(dict.fromkeys([*found, self.effects] if self.effects else found))

    def _imported(self, tree: ast.AST) -> Iterator[tuple[str, str]]:
        """Yield the names that imports bind anywhere in a tree, and what they stand for."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.imports.add(alias.name)
                    first = alias.name.partition(".")[0]
                    yield (alias.asname, alias.name) if alias.asname else (first, first)
            elif isinstance(node, ast.ImportFrom) and node.module:
                self.imports.add(node.module)
                for alias in node.names:
                    self.imports.add(f"{node.module}.{alias.name}")
                    yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _does_nothing(node: ast.AST) -> bool:
    """Is it `pass`, a docstring, or another constant that stands alone?"""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _defined(node: ast.stmt) -> Iterator[str]:
    """Yield what a statement defines, if it does nothing else."""
    if isinstance(node, DEFINITIONS):
        called_by_python = node.name.startswith("__")  # a module's __getattr__
        if not called_by_python and all(_last_name(part) in QUIET_DECORATORS for part in node.decorator_list):
            yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = [part for target in targets for part in ast.walk(target)]
        if not any(isinstance(part, ast.Attribute | ast.Subscript) for part in parts):
            yield from (part.id for part in parts if isinstance(part, ast.Name))
    elif type(node).__name__ == "TypeAlias":  # from Python 3.12 on
        yield node.name.id  # type: ignore[attr-defined]


def _last_name(decorator: ast.expr) -> str:
    """`@torch.no_grad()` -> no_grad"""
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_for_type_checkers(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and not node.orelse and _last_name(node.test) == "TYPE_CHECKING"


def _write(node: object, origins: dict[str, str], with_imports: bool) -> str:
    """Write a syntax tree, a list of them, or what a field of one holds."""

    def write(node: object) -> str:
        if isinstance(node, list):
            return f"[{','.join(map(write, node))}]"
        if not isinstance(node, ast.AST):
            return ascii(node)
        if origin := _origin(node, origins):
            return f"{BEGIN}{origin}{END}"
        fields = []
        for name, value in sorted(ast.iter_fields(node)):
            if isinstance(node, ast.JoinedStr):
                value = _joined(value)
            elif isinstance(value, list):
                dropped = () if with_imports else IMPORTS
                value = [part for part in value if not _does_nothing(part) and not isinstance(part, dropped)]
            if name not in IGNORED and (type(node).__name__, name) not in UNREAD and value not in (None, []):
                fields.append(f"{name}={write(value)}")
        return f"{type(node).__name__}({','.join(fields)})"

    return write(node)


def _origin(node: ast.AST, origins: dict[str, str]) -> str:
    """`np.linalg.norm` -> numpy.linalg.norm; nothing if it does not begin with a name that stands for something."""
    if isinstance(node, ast.Name):
        return origins.get(node.id, "")
    if isinstance(node, ast.Attribute) and (base := _origin(node.value, origins)):
        return "|".join(f"{origin}.{node.attr}" for origin in base.split("|"))
    return ""


def _joined(parts: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string. Pythons differ in how they divide the text between its values."""
    joined: list[ast.expr] = []
    for is_text, group in groupby(parts, lambda part: isinstance(part, ast.Constant)):
        if not is_text:
            joined += group
        elif text := "".join(str(part.value) for part in group if isinstance(part, ast.Constant)):
            joined.append(ast.Constant(text))
    return joined
