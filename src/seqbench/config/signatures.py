"""What a `_target_` takes: read from our own sources without importing them, else by importing.

Importing one architecture imports torch, which takes seconds; a typo should be answered at once.
So the signatures of seqbench's own targets are read from their files with `ast`.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import dataclasses
import importlib
import inspect
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from seqbench import domains
from seqbench.config.suggest import did_you_mean, nearest
from seqbench.errors import ConfigError

_OURS = "seqbench"
_ROOT = Path(__file__).resolve().parent.parent
_BUILTIN_HINTS = ("int", "float", "bool", "str", "list", "dict", "tuple", "set", "frozenset")


class _Unknown:
    """The default of a parameter whose value cannot be told without running code."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Parameter:
    """One keyword of a target; `default` is UNKNOWN where there is none or it is computed."""

    name: str
    hint: Any = Any
    required: bool = True
    default: object = UNKNOWN


@dataclass(frozen=True)
class Signature:
    """What a target takes; `open` where it takes any keyword (`**kwargs`)."""

    target: str
    parameters: Mapping[str, Parameter]
    open: bool = False

    @property
    def name(self) -> str:
        """The target without its module."""
        return self.target.rpartition(".")[2]


@lru_cache(maxsize=None)
def signature_of(target: str) -> Signature:
    """The signature of a dotted path.

    Raises:
        ConfigError: there is no such thing, or it cannot be called.
    """
    if target.split(".")[0] == _OURS:
        return _read(target)
    return _imported(target)


# --- our own: read with ast ---------------------------------------------------------------------


def _read(target: str) -> Signature:
    module, rest = _module_of(target)
    if module is None or not rest:
        raise _not_found(target, module)
    definition = module.find(rest[0])
    if definition is None:
        raise _not_found(target, module)
    where, node = definition
    for name in rest[1:]:
        node = next((item for item in _named(node) if item.name == name), None)
        if node is None:
            raise _not_found(target, module)
    parameters, is_open = _of_definition(where, node, in_class=len(rest) > 1)
    return Signature(target, {item.name: item for item in parameters}, is_open)


def _not_found(target: str, module: _Module | None) -> ConfigError:
    near = None
    if module is not None:
        head = f"{module.name}."
        near = nearest(target.removeprefix(head), module.public())
        near = f"{head}{near}" if near else None
    else:
        modules = [_dotted(file) for file in _ROOT.rglob("*.py")]
        near = nearest(target.rpartition(".")[0], modules)
        near = f"{near}.{target.rpartition('.')[2]}" if near else None
    return ConfigError(
        "_target_", expected="a class or function", got=target, remedy=did_you_mean(near)
    )


_Definition = ast.ClassDef | ast.FunctionDef


def _named(node: ast.AST) -> Iterator[_Definition]:
    return (
        item
        for item in getattr(node, "body", [])
        if isinstance(item, ast.ClassDef | ast.FunctionDef)
    )


class _Module:
    """One of our source files: its definitions, its imports, its aliases."""

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self.file = file
        self.tree = ast.parse(file.read_text(encoding="utf-8"))
        self.definitions = {item.name: item for item in _named(self.tree)}
        self.imports = dict(self._imports())
        self.values = dict(self._values())

    def public(self) -> list[str]:
        """The names a target could mean."""
        return [name for name in (*self.definitions, *self.imports) if not name.startswith("_")]

    def find(self, name: str) -> tuple[_Module, Any] | None:
        """The class or function called `name` here, followed through imports."""
        if name in self.definitions:
            return self, self.definitions[name]
        origin = self.imports.get(name)
        if origin and origin[0].split(".")[0] == _OURS:
            other = _load(origin[0])
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
                return self._named_hint(name)
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

    def _named_hint(self, name: str) -> Any:
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
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                yield node.targets[0].id, node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                if node.value is not None:
                    yield node.target.id, node.value


def _foreign_hint(module: str, name: str) -> Any:
    if module == domains.__name__:
        return getattr(domains, name, Any)
    if module in ("typing", "collections.abc"):
        return getattr(importlib.import_module(module), name, Any)
    if (module, name) == ("pathlib", "Path"):
        return Path
    if module.split(".")[0] == _OURS and (other := _load(module)) is not None:
        return other._named_hint(name) if name in other.values else Any
    return Any


def _dotted(file: Path) -> str:
    parts = file.relative_to(_ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@lru_cache(maxsize=None)
def _load(name: str) -> _Module | None:
    path = _ROOT.parent.joinpath(*name.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return _Module(name, file)
    return None


def _module_of(target: str) -> tuple[_Module | None, list[str]]:
    """The longest prefix of the path that is a module, and what follows it."""
    parts = target.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        if (module := _load(".".join(parts[:cut]))) is not None:
            # The package itself is no near miss for a module that does not exist.
            return (module, parts[cut:]) if cut > 1 or len(parts) == 2 else (None, parts[cut:])
    return None, parts


def _of_definition(
    module: _Module, node: Any, *, in_class: bool = False
) -> tuple[list[Parameter], bool]:
    if isinstance(node, ast.ClassDef):
        return _of_class(module, node)
    decorators = {_name(item) for item in node.decorator_list}
    return _of_function(module, node, bound=in_class and "staticmethod" not in decorators)


def _of_function(
    module: _Module, node: ast.FunctionDef, *, bound: bool
) -> tuple[list[Parameter], bool]:
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    missing = len(positional) - len(args.defaults)
    pairs = list(zip(positional, [*[None] * missing, *args.defaults], strict=True))
    pairs = pairs[1:] if bound else pairs
    pairs += list(zip(args.kwonlyargs, args.kw_defaults, strict=True))
    found = [
        Parameter(item.arg, module.hint(item.annotation), default is None, module.value(default))
        for item, default in pairs
    ]
    return found, args.kwarg is not None


def _of_class(module: _Module, node: ast.ClassDef) -> tuple[list[Parameter], bool]:
    own = next((item for item in _named(node) if item.name == "__init__"), None)
    if isinstance(own, ast.FunctionDef):
        return _of_function(module, own, bound=True)
    inherited: dict[str, Parameter] = {}
    is_open = False
    for base in reversed(node.bases):
        found = module.find(_name(base))
        if found is not None and isinstance(found[1], ast.ClassDef):
            parameters, base_open = _of_class(found[0], found[1])
            inherited.update((item.name, item) for item in parameters)
            is_open = is_open or base_open
    if "dataclass" in {_name(item) for item in node.decorator_list}:
        inherited.update((item.name, item) for item in _fields(module, node))
    return list(inherited.values()), is_open


def _fields(module: _Module, node: ast.ClassDef) -> Iterator[Parameter]:
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        hint = item.annotation
        if isinstance(hint, ast.Subscript) and _name(hint.value) == "ClassVar":
            continue
        if not (isinstance(item.value, ast.Call) and _name(item.value.func) == "field"):
            value = module.value(item.value)
            yield Parameter(item.target.id, module.hint(hint), item.value is None, value)
            continue
        options = {word.arg: word.value for word in item.value.keywords}
        if module.value(options.get("init")) is False:
            continue
        required = not {"default", "default_factory"} & options.keys()
        value = module.value(options.get("default"))
        if "default_factory" in options:
            factory = options["default_factory"]
            empty = {"list": list, "dict": dict, "tuple": tuple}.get(_name(factory))
            value = empty() if empty else UNKNOWN
            if isinstance(factory, ast.Lambda):
                value = module.value(factory.body)
        yield Parameter(item.target.id, module.hint(hint), required, value)


def _name(node: ast.expr) -> str:
    """The last name of a dotted or called or subscripted expression."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            return _name(inner)
        case _:
            return ""


# --- everyone else's: imported --------------------------------------------------------------------


def _imported(target: str) -> Signature:
    thing = _locate(target)
    if not callable(thing):
        raise ConfigError("_target_", expected="a class or function", got=target)
    return Signature(target, *inspected(thing))


def inspected(thing: Any) -> tuple[dict[str, Parameter], bool]:
    """Parameters of an imported callable, and whether it takes any keyword."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):  # some builtins tell nothing
        return {}, True
    try:
        hints = typing.get_type_hints(
            thing.__init__ if inspect.isclass(thing) else thing, include_extras=True
        )
    except Exception:  # a foreign annotation may name anything
        hints = {}
    found: dict[str, Parameter] = {}
    for item in signature.parameters.values():
        if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD):
            continue
        required = item.default is item.empty
        default = UNKNOWN if required else item.default
        if dataclasses.is_dataclass(thing) and repr(default) == "<factory>":
            default = _made(thing, item.name)
        found[item.name] = Parameter(item.name, hints.get(item.name, Any), required, default)
    kinds = {item.kind for item in signature.parameters.values()}
    return found, inspect.Parameter.VAR_KEYWORD in kinds


def _made(thing: Any, name: str) -> object:
    factory = thing.__dataclass_fields__[name].default_factory
    return UNKNOWN if factory is dataclasses.MISSING else factory()


def _locate(target: str) -> Any:
    parts = target.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise ConfigError("_target_", expected="package.module.Class", got=target)
    thing: Any = None
    for cut in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:cut])
        try:
            thing = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name and (name == error.name or name.startswith(f"{error.name}.")):
                continue
            raise _broken(target, error) from error
        except Exception as error:
            raise _broken(target, error) from error
        for at, part in enumerate(parts[cut:], cut):
            if not hasattr(thing, part):
                near = nearest(part, [name for name in dir(thing) if not name.startswith("_")])
                meant = ".".join([*parts[:at], near]) if near else None
                raise ConfigError(
                    "_target_", expected="what exists", got=target, remedy=did_you_mean(meant)
                )
            thing = getattr(thing, part)
        return thing
    raise ConfigError(
        "_target_",
        expected="a module that can be imported",
        got=target,
        remedy=f"install {parts[0]}, or run where it lies",
    )


def _broken(target: str, error: Exception) -> ConfigError:
    return ConfigError(
        "_target_",
        expected="a module that can be imported",
        got=f"{target}, which raises {type(error).__name__}: {error}",
    )
