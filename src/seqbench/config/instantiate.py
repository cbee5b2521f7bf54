"""Builds what a config node describes, and says which key it was when that fails."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate as hydra_instantiate

from seqbench.errors import ConfigError, SeqbenchError, kind_and_line


def instantiate(node: Mapping[str, Any], key: str = "", /, **injected: Any) -> Any:
    """The object of a node, nodes inside it built first.

    Args:
        node: a mapping with `_target_`.
        key: where it stands in the config, for the message of an error.
        injected: what the config cannot say (a tokenizer, a width), handed over untouched: Hydra
            would copy its keyword arguments and turn dataclasses into configs.

    Raises:
        ConfigError: the target refuses its arguments, or Hydra refuses the target.
    """
    where = key or str(node.get("_target_", "a node"))
    if "_target_" not in node:
        raise ConfigError(where, expected="a mapping with _target_", got=str(dict(node)))
    given = [name for name in injected if name in node]
    if given:
        raise ConfigError(
            f"{where}.{given[0]}",
            got=str(node[given[0]]),
            remedy="leave it out: seqbench fills it in",
        )
    try:
        build = hydra_instantiate({**node, "_partial_": True}, _convert_="all")
        if node.get("_partial_"):
            return functools.partial(build, **injected)
        return build(**injected)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, SeqbenchError):  # a nested target's, which names its key itself
            raise cause from error
        raise ConfigError(
            where, expected=_expected(node), got=kind_and_line(cause or error)
        ) from error
    except (TypeError, ValueError) as error:
        raise ConfigError(where, expected=_expected(node), got=kind_and_line(error)) from error


def _expected(node: Mapping[str, Any]) -> str:
    return f"arguments that {node['_target_']} takes"
