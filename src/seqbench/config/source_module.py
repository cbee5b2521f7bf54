"""One of our source files, read with `ast`: definitions, imports, aliases, type hints.

Importing one architecture imports torch, which takes seconds; a typo should be answered at once.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import importlib
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from seqbench import domains
from seqbench.config.signature import UNKNOWN

OURS = "seqbench"
ROOT = Path(__file__).resolve().parent.parent
_BUILTIN_HINTS = ("int", "float", "bool", "str", "list", "dict", "tuple", "set", "frozenset")


def named(node: ast.AST) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """The classes and functions defined directly in a module or class."""
    return (
        item
        for item in getattr(node, "body", [])
        if isinstance(item, ast.ClassDef | ast.FunctionDef)
    )


class SourceModule:
    """One of our source files: its definitions, its imports, its aliases."""

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self.file = file
        self.tree = ast.parse(file.read_text(encoding="utf-8"))
        self.definitions = {item.name: item for item in named(self.tree)}
        self.imports = dict(self._imports())
        self.values = dict(self._values())

    def public(self) -> list[str]:
        """The names a target could mean."""
        return [name for name in (*self.definitions, *self.imports) if not name.startswith("_")]

    def find(self, name: str) -> tuple[SourceModule, Any] | None:
        """The class or function called `name` here, followed through imports."""
        if name in self.definitions:
            return self, self.definitions[name]
        origin = self.imports.get(name)
        if origin and origin[0].split(".")[0] == OURS:
            other = load_module(origin[0])
            return other.find(origin[1]) if other else None
        return None

    def hint(self, node: ast.expr | None) -> Any:
        """An annotation as the typing object it stands for; Any where it is someone's class."""
        match node:
            case ast.Constant(value=None):
                return None
            case ast.Constant(value=str(text)):
                return self.hint(ast.parse(text, mode="eval").body)
            case ast.Name(id=name):
                return self.named_hint(name)
            case ast.Attribute(value=ast.Name(id=head), attr=name):
                module = self.imports.get(head, ("", ""))
                return _foreign_hint(module[0], name) if not module[1] else Any
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return typing.Union[self.hint(left), self.hint(right)]  # noqa: UP007 (at run time)
            case ast.Subscript(value=head, slice=inner):
                return self._subscripted(self.hint(head), inner)
            case _:
                return Any

    def value(self, node: ast.expr | None) -> object:
        """The literal an expression stands for, else UNKNOWN."""
        if isinstance(node, ast.Name):
            node = self.values.get(node.id, node)
        if node is None:
            return UNKNOWN
        try:
            return ast.literal_eval(node)
        except ValueError:
            return UNKNOWN

    def named_hint(self, name: str) -> Any:
        """The hint that a name stands for here."""
        if name in self.values:
            return self.hint(self.values[name])
        if name in self.imports:
            module, original = self.imports[name]
            return _foreign_hint(module, original)
        return getattr(builtins, name) if name in _BUILTIN_HINTS else Any

    def _subscripted(self, head: Any, inner: ast.expr) -> Any:
        if head is Any:
            return Any
        items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if head is typing.Literal:
            return typing.Literal[tuple(self.value(item) for item in items)]
        if head in (typing.Annotated, collections.abc.Callable):
            return self.hint(items[0]) if head is typing.Annotated else Any
        hints = tuple(
            ... if isinstance(item, ast.Constant) and item.value is ... else self.hint(item)
            for item in items
        )
        return head[hints if len(hints) > 1 else hints[0]]

    def _imports(self) -> Iterator[tuple[str, tuple[str, str]]]:
        package = self.name if self.file.stem == "__init__" else self.name.rpartition(".")[0]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                base = package.split(".")[: len(package.split(".")) - node.level + 1]
                parts = [*(base if node.level else []), *([node.module] if node.module else [])]
                for alias in node.names:
                    yield alias.asname or alias.name, (".".join(parts), alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.asname or alias.name.split(".")[0], (alias.name, "")

    def _values(self) -> Iterator[tuple[str, ast.expr]]:
        for node in self.tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    yield name, value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    yield name, value


def _foreign_hint(module: str, name: str) -> Any:
    if module == domains.__name__:
        return getattr(domains, name, Any)
    if module in ("typing", "collections.abc"):
        return getattr(importlib.import_module(module), name, Any)
    if (module, name) == ("pathlib", "Path"):
        return Path
    if module.split(".")[0] == OURS and (other := load_module(module)) is not None:
        return other.named_hint(name) if name in other.values else Any
    return Any


def dotted(file: Path) -> str:
    """The module's name: `seqbench.models.lstm`."""
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def load_module(name: str) -> SourceModule | None:
    """The module of that name, parsed once; None where there is no such file."""
    path = ROOT.parent.joinpath(*name.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return SourceModule(name, file)
    return None
