"""What models of ours cannot be built as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqbench.config.signatures import ours
from seqbench.errors import ConfigError


def is_solved_for(config: Mapping[str, Any]) -> bool:
    """Whether a budget will take the place of the model's widths."""
    return (config.get("budget") or {}).get("params") is not None


def heads_divide_width(config: Mapping[str, Any]) -> list[ConfigError]:
    """Attention heads share the model's width evenly."""
    if is_solved_for(config):
        return []
    model = config.get("model") or {}
    width, heads = model.get("d_model"), model.get("num_heads")
    if isinstance(width, int) and isinstance(heads, int) and width % heads:
        return [
            ConfigError(
                "model.num_heads",
                expected=f"a divisor of model.d_model={width}",
                got=str(heads),
                remedy="change one of the two",
            )
        ]
    return []


def positions_come_in_pairs(config: Mapping[str, Any]) -> list[ConfigError]:
    """Sinusoidal and rotary positions are pairs of sine and cosine."""
    if is_solved_for(config):
        return []
    model = ours(config, "model")
    width, heads, kind = (model.get(key) for key in ("d_model", "num_heads", "positions"))
    if not isinstance(width, int) or not isinstance(heads, int) or width % heads:
        return []
    even = {
        "sinusoidal": ("model.d_model", width),
        "rotary": ("model.d_model / heads", width // heads),
    }
    if kind not in even or even[kind][1] % 2 == 0:
        return []
    name, got = even[kind]
    return [ConfigError(name, expected=f"an even number with model.positions={kind}", got=str(got))]


def causal_looks_back(config: Mapping[str, Any]) -> list[ConfigError]:
    """A causal model neither reads backwards nor pools positions."""
    model = config.get("model") or {}
    if model.get("causal") is not True:
        return []
    errors = []
    if model.get("bidirectional") is True:
        errors.append(
            ConfigError("model.bidirectional", expected="false with model.causal=true", got="true")
        )
    if isinstance(model.get("pool"), int) and model["pool"] > 1:
        errors.append(
            ConfigError("model.pool", expected="1 with model.causal=true", got=str(model["pool"]))
        )
    return errors


def window_looks_back(config: Mapping[str, Any]) -> list[ConfigError]:
    """A window is of positions before; without causality there is nothing to limit."""
    model = ours(config, "model")
    if model.get("window") is None or model.get("causal") is not False:
        return []
    return [
        ConfigError(
            "model.window",
            expected="null unless model.causal=true",
            got=str(model["window"]),
            remedy="set model.causal=true or model.window=null",
        )
    ]
