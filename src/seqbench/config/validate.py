"""Every key of a composed config, checked before any data is read; all mistakes at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from hydra._internal.target_policy import _authorize_target_name
from hydra.errors import InstantiationException
from omegaconf import Container, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqbench.config.cross import CROSS_CHECKS
from seqbench.config.said_mistakes import nothing_said_in_vain
from seqbench.config.schema import INJECTED, PLAIN_NODES, PRIMARY, key_of
from seqbench.config.signature import Parameter, Signature
from seqbench.config.signatures import inspected, signature_of
from seqbench.config.suggest import did_you_mean, listed, nearest
from seqbench.config.values import described, fits
from seqbench.errors import ConfigError, ConfigErrors, first_line

# Hydra's own words inside a node.
_HYDRAS = frozenset({"_target_", "_partial_", "_args_", "_recursive_", "_convert_"})


class _Gap:
    """Stands for a value that is missing or could not be resolved: it has its own error."""


_GAP = _Gap()


def checked(
    config: DictConfig,
    verb: str,
    *,
    said: Sequence[str] = (),
    doubtful: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The config resolved into plain containers.

    Args:
        config: composed, without Hydra's own node.
        verb: whose keys it must have.
        said: the overrides that made it.
        doubtful: top-level nodes whose keys are not judged.

    Raises:
        ConfigErrors: every mistake there is.
    """
    plain, errors = resolved(config)
    refuse_mistakes(plain, verb, errors, said=said, doubtful=doubtful)
    return plain


def refuse_mistakes(
    plain: Mapping[str, Any],
    verb: str,
    found: Sequence[ConfigError] = (),
    *,
    said: Sequence[str] = (),
    doubtful: frozenset[str] = frozenset(),
) -> None:
    """Checks a resolved config, and what was `said` for it.

    Args:
        plain: the config.
        verb: whose keys it must have.
        found: what resolving it has shown already.
        said: the overrides that made it.
        doubtful: top-level nodes whose keys are not judged.

    Raises:
        ConfigErrors: every mistake there is.
    """
    errors = [*found, *mistakes(plain, verb)]
    errors = [error for error in errors if error.name.split(".")[0] not in doubtful]
    # Combinations are judged among the nodes that are right by themselves.
    wrong = {error.name.split(".")[0] for error in errors} | doubtful
    sound = {key: value for key, value in plain.items() if key not in wrong}
    errors += [error for check in CROSS_CHECKS for error in check(sound)]
    errors += nothing_said_in_vain(sound, said)
    if errors:
        raise ConfigErrors(errors)


def refuse_wrong_parts(config: Mapping[str, Any]) -> None:
    """Checks a frozen config's nodes against what they name; a part may lack what has a default.

    Raises:
        ConfigErrors: every mistake there is.
    """
    walk = _Walk(config)
    walk.parts()
    if errors := walk.report():
        raise ConfigErrors(errors)


def resolved(config: DictConfig) -> tuple[dict[str, Any], list[ConfigError]]:
    """Plain containers with interpolations looked up, and what could not be."""
    errors: list[ConfigError] = []
    plain = _plain(config, "", errors)
    assert isinstance(plain, dict)
    return plain, errors


def mistakes(plain: Mapping[str, Any], verb: str) -> list[ConfigError]:
    """Unknown keys, missing keys, values of the wrong type, targets that do not exist."""
    walk = _Walk(plain)
    walk.top(verb)
    return walk.report()


def node_mistakes(node: Mapping[str, Any], path: str) -> list[ConfigError]:
    """What is wrong with a node that is no part of a run, and with the nodes inside it.

    Args:
        node: with `_target_`, resolved.
        path: where it stands in the config.
    """
    walk = _Walk({})
    walk._nested(node, path)
    return walk.report()


def _plain(node: Any, path: str, errors: list[ConfigError]) -> Any:
    if isinstance(node, DictConfig):
        if node._is_none():
            return None
        return {str(key): _entry(node, key, _join(path, key), errors) for key in node}
    if isinstance(node, ListConfig):
        if node._is_none():
            return None
        return [_entry(node, at, f"{path}[{at}]", errors) for at in range(len(node))]
    return node


def _entry(node: Container, key: Any, path: str, errors: list[ConfigError]) -> Any:
    if OmegaConf.is_missing(node, key):
        errors.append(ConfigError(path, expected="a value", got="none", remedy=f"say {path}=…"))
        return _GAP
    try:
        return _plain(node[key], path, errors)
    except OmegaConfBaseException as error:
        raw = OmegaConf.to_container(node, resolve=False)
        written = raw[key] if isinstance(raw, dict | list) else ""
        got = f"{written}: {first_line(error)}"
        errors.append(ConfigError(path, expected="a value", got=got))
        return _GAP


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


@dataclass
class _Unheard:
    """A key that nobody takes: judged at the end, when all valid keys are known."""

    path: str
    value: object
    owner: str
    siblings: list[str]


@dataclass
class _Walk:
    """One pass over a config: collects errors, and the path of every key that would be right."""

    plain: Mapping[str, Any]
    errors: list[ConfigError] = field(default_factory=list)
    unheard: list[_Unheard] = field(default_factory=list)
    valid: list[str] = field(default_factory=list)

    def report(self) -> list[ConfigError]:
        """Every error, in the order the keys stand in the config."""
        self.errors += [self._unknown(item) for item in self.unheard]
        order = {path: at for at, path in enumerate(_paths(self.plain))}
        return sorted(self.errors, key=lambda error: order.get(error.name, len(order)))

    def top(self, verb: str) -> None:
        """Checks the whole config of a verb."""
        keys = _schema(PRIMARY[verb])
        self._every_key(self.plain, "", keys)
        for key in keys.parameters.keys() & self.plain.keys():
            node = self.plain[key]
            if isinstance(node, Mapping) and "_target_" not in node and key in PLAIN_NODES:
                self._plain_node(node, key)
            else:
                self._nested(node, key, needs_target=_is_node(keys, key))

    def parts(self) -> None:
        """Checks what is built, without what surrounds it."""
        for key, node in self.plain.items():
            if isinstance(node, Mapping) and "_target_" in node:
                self._nested(node, key, needs_target=True)

    def _plain_node(self, node: Mapping[str, Any], key: str) -> None:
        keys = _schema(PLAIN_NODES[key], key)
        self._every_key(node, key, keys)
        for name in keys.parameters.keys() & node.keys():
            self._nested(node[name], _join(key, name), needs_target=True)

    def _every_key(self, node: Mapping[str, Any], path: str, keys: Signature) -> None:
        """Checks what the code reads by name: there a default is none (`~seed` takes it away)."""
        self._parameters(node, path, keys, frozenset())
        takes = keys.parameters.values()
        self._missing(path, [p for p in takes if not p.required and p.name not in node])

    def _nested(self, value: object, path: str, *, needs_target: bool = False) -> None:
        if isinstance(value, list):
            for at, item in enumerate(value):
                self._nested(item, f"{path}[{at}]")
        elif isinstance(value, Mapping) and "_target_" in value:
            if needs_target:
                self._no_call_words(value, path)
            self._target(value, path)
        elif isinstance(value, Mapping) and needs_target:
            self.errors.append(
                ConfigError(f"{path}._target_", expected="package.module.Class", got="nothing")
            )
        elif isinstance(value, Mapping):
            for key, item in value.items():
                self._nested(item, _join(path, key))

    def _target(self, node: Mapping[str, Any], path: str) -> None:
        target = node["_target_"]
        if isinstance(target, _Gap):
            return
        try:
            if not isinstance(target, str):
                raise ConfigError("_target_", expected="package.module.Class", got=repr(target))
            _authorize(target)
            signature = signature_of(target)
        except ConfigError as error:
            self.errors.append(
                ConfigError(
                    _join(path, "_target_"),
                    expected=error.expected,
                    got=error.got,
                    remedy=error.remedy,
                )
            )
            return
        self._parameters(node, path, signature, INJECTED.get(path, frozenset()))
        for key, value in node.items():
            self._nested(value, _join(path, key))

    def _no_call_words(self, node: Mapping[str, Any], path: str) -> None:
        """A part of the run is built by seqbench, from keywords, and at once."""
        self.errors += [
            ConfigError(_join(path, word), got=_said(node[word]), remedy="leave it out")
            for word in ("_args_", "_partial_")
            if node.get(word)
        ]

    def _parameters(
        self, node: Mapping[str, Any], path: str, signature: Signature, injected: frozenset[str]
    ) -> None:
        takes = {name: item for name, item in signature.parameters.items() if name not in injected}
        self.valid += [_join(path, name) for name in takes]
        given = {key: value for key, value in node.items() if key not in _HYDRAS}
        for key, value in given.items():
            at = _join(path, key)
            if key in injected and key in signature.parameters:
                self.errors.append(
                    ConfigError(at, got=str(value), remedy="leave it out: seqbench fills it in")
                )
            elif key in takes:
                self._value(at, value, takes[key])
            elif not signature.open:
                self.unheard += [
                    _Unheard(leaf, item, signature.name, list(takes))
                    for leaf, item in _leaves(at, value)
                ]
        if node.get("_partial_") is not True and not node.get("_args_"):
            self._missing(path, [p for p in takes.values() if p.required and p.name not in given])

    def _missing(self, path: str, parameters: list[Parameter]) -> None:
        self.errors += [
            ConfigError(
                _join(path, item.name),
                expected=described(item.hint),
                got="nothing",
                remedy=f"say {_join(path, item.name)}=…",
            )
            for item in parameters
        ]

    def _value(self, path: str, value: object, parameter: Parameter) -> None:
        if isinstance(value, Mapping) and "_target_" in value:
            return  # what it builds is known only when it is built
        if _has_gap(value) or fits(value, parameter.hint):
            return
        near = nearest(value, _words(parameter.hint)) if isinstance(value, str) else None
        self.errors.append(
            ConfigError(
                path,
                expected=described(parameter.hint),
                got=_said(value),
                remedy=did_you_mean(f"{path}={near}" if near else None),
            )
        )

    def _unknown(self, item: _Unheard) -> ConfigError:
        meant = self._meant(item.path)
        if meant:
            expected = f"a key of {item.owner}"
        else:
            expected = f"one of {item.owner}'s keys ({listed(item.siblings)})"
        return ConfigError(
            item.path, expected=expected, got=_said(item.value), remedy=did_you_mean(meant)
        )

    def _meant(self, path: str) -> str | None:
        parent, _, leaf = path.rpartition(".")
        siblings = [key for key in self.valid if key.rpartition(".")[0] == parent]
        same = [key for key in self.valid if key.rpartition(".")[2] == leaf]
        if near := nearest(leaf, [key.rpartition(".")[2] for key in siblings], cutoff=0.75):
            return _join(parent, near)
        if same:
            return nearest(path, same, cutoff=0.0)
        if near := nearest(leaf, [key.rpartition(".")[2] for key in siblings]):
            return _join(parent, near)
        leaves = [key.rpartition(".")[2] for key in self.valid]
        elsewhere = nearest(leaf, leaves, cutoff=0.75)
        if elsewhere:
            return nearest(
                path, [key for key in self.valid if key.endswith(f".{elsewhere}")], cutoff=0
            )
        return nearest(path, self.valid, cutoff=0.8)


def _authorize(target: str) -> None:
    _authorized(target, os.environ.get("HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE"))


@cache
def _authorized(target: str, allowed: str | None) -> None:
    """Hydra's list of what no config may build; it reads `allowed` itself."""
    try:
        _authorize_target_name(target, target, "")
    except InstantiationException as error:
        raise ConfigError(
            "_target_", expected="a target that may be built from a config", got=target
        ) from error


@cache
def _schema(keys: type, owner: str = "the configuration") -> Signature:
    found = inspected(keys)[0].values()
    named = [replace(item, name=key_of(item.name)) for item in found]
    return Signature(owner, {item.name: item for item in named})


def _is_node(signature: Signature, key: str) -> bool:
    return described(signature.parameters[key].hint) == "a mapping"


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and value and "_target_" not in value:
        for key, item in value.items():
            yield from _leaves(_join(path, key), item)
    else:
        yield path, value


def _paths(node: object, path: str = "") -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, item in node.items():
            yield _join(path, key)
            yield from _paths(item, _join(path, key))


def _has_gap(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_has_gap(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_gap(item) for item in value)
    return isinstance(value, _Gap)


def _words(hint: Any) -> list[str]:
    """The texts a hint allows, however deep its unions."""
    args = getattr(hint, "__args__", ())
    texts = [arg for arg in args if isinstance(arg, str)]
    return texts + [word for arg in args if not isinstance(arg, str) for word in _words(arg)]


def _said(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else str(value)
