"""Combinations of keys that cannot work, each key right by itself.

What a constructor would refuse only once data has been read is said here before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seqbench.errors import ConfigError

CrossCheck = Callable[[Mapping[str, Any]], list[ConfigError]]


def half_precision_on_cpu(config: Mapping[str, Any]) -> list[ConfigError]:
    """float16 needs a GPU; bfloat16 does not."""
    trainer = config.get("trainer") or {}
    if trainer.get("accelerator") == "cpu" and trainer.get("precision") == "16-mixed":
        return [
            ConfigError(
                "trainer.precision",
                expected="32-true, bf16-mixed or 64-true with trainer.accelerator=cpu",
                got="'16-mixed'",
                remedy="use trainer.precision=bf16-mixed",
            )
        ]
    return []


def heads_divide_width(config: Mapping[str, Any]) -> list[ConfigError]:
    """Attention heads share the model's width evenly."""
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


def one_source_of_texts(config: Mapping[str, Any]) -> list[ConfigError]:
    """`predict` takes a text, a file, or what is typed."""
    if not {"text", "file", "interactive"} <= config.keys():
        return []
    said = [key for key in ("text", "file") if config[key] is not None]
    said += ["interactive"] * bool(config["interactive"])
    if len(said) == 1:
        return []
    return [
        ConfigError(
            "text",
            expected="one of text=…, file=…, interactive=true",
            got=" and ".join(said) or "none",
        )
    ]


CROSS_CHECKS: tuple[CrossCheck, ...] = (
    half_precision_on_cpu,
    heads_divide_width,
    causal_looks_back,
    one_source_of_texts,
)
