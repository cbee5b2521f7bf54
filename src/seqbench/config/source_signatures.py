"""Signatures of seqbench's own targets, read from their source files."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqbench.config.signature import UNKNOWN, Parameter, Signature
from seqbench.config.source_module import ROOT, SourceModule, dotted, load_module, named
from seqbench.config.suggest import did_you_mean, nearest
from seqbench.errors import ConfigError


def read_signature(target: str) -> Signature:
    """The signature of one of seqbench's own targets.

    Raises:
        ConfigError: there is no such class or function.
    """
    module, rest = _module_of(target)
    if module is None or not rest:
        raise _not_found(target, module)
    definition = module.find(rest[0])
    if definition is None:
        raise _not_found(target, module)
    where, node = definition
    for name in rest[1:]:
        node = next((item for item in named(node) if item.name == name), None)
        if node is None:
            raise _not_found(target, module)
    parameters, is_open = _of_definition(where, node, in_class=len(rest) > 1)
    return Signature(target, {item.name: item for item in parameters}, is_open)


def installed_parameters(package: str, file: str, name: str) -> list[str]:
    """Parameters of a class of an installed package, read without importing it; [] if unreadable.

    Args:
        package: e.g. "pytorch_lightning".
        file: within the package.
        name: of the class.
    """
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations if found else None) or ():
        path = Path(folder) / file
        if path.is_file():
            module = SourceModule(package, path)
            if name in module.definitions:
                return [item.name for item in _of_definition(module, module.definitions[name])[0]]
    return []


def _not_found(target: str, module: SourceModule | None) -> ConfigError:
    where, _, name = target.rpartition(".")
    if module is None or module.name != where:
        modules = [dotted(file) for file in ROOT.rglob("*.py")]
        near_module = nearest(where, modules)
        module = load_module(near_module) if near_module else None
    near = nearest(name, module.public()) if module else None
    meant = f"{module.name}.{near}" if module and near else None
    return ConfigError(
        "_target_", expected="a class or function", got=target, remedy=did_you_mean(meant)
    )


def _module_of(target: str) -> tuple[SourceModule | None, list[str]]:
    """The longest prefix of the path that is a module, and what follows it."""
    parts = target.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        if (module := load_module(".".join(parts[:cut]))) is not None:
            return module, parts[cut:]
    return None, parts


def _of_definition(
    module: SourceModule, node: Any, *, in_class: bool = False
) -> tuple[list[Parameter], bool]:
    if isinstance(node, ast.ClassDef):
        return _of_class(module, node)
    decorators = {_name(item) for item in node.decorator_list}
    return _of_function(module, node, bound=in_class and "staticmethod" not in decorators)


def _of_function(
    module: SourceModule, node: ast.FunctionDef, *, bound: bool
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


def _of_class(module: SourceModule, node: ast.ClassDef) -> tuple[list[Parameter], bool]:
    own = next((item for item in named(node) if item.name == "__init__"), None)
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


def _fields(module: SourceModule, node: ast.ClassDef) -> Iterator[Parameter]:
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
