"""What baselines cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqbench.config.language_model_mistakes import LANGUAGE_MODELING
from seqbench.config.signatures import is_baseline, ours
from seqbench.errors import ConfigError


def baselines_read_raw_texts(config: Mapping[str, Any]) -> list[ConfigError]:
    """A baseline has its own way with texts: shuffled tokens would not reach it."""
    target = (config.get("model") or {}).get("_target_")
    shuffled = (config.get("data") or {}).get("shuffle_tokens") is True
    if not shuffled or target is None or not is_baseline(target):
        return []
    return [
        ConfigError(
            "data.shuffle_tokens",
            expected="false with a baseline, which reads raw texts",
            got="true",
            remedy="use model=bow for a model without word order",
        )
    ]


def baselines_suit_tasks(config: Mapping[str, Any]) -> list[ConfigError]:
    """A baseline of ours classifies, or predicts tokens; a network does either."""
    model, task = ours(config, "model").get("_target_"), ours(config, "task").get("_target_")
    if not model or not task or not is_baseline(model):
        return []
    for_text = model.startswith("seqbench.baselines.language.")
    if for_text == (task == LANGUAGE_MODELING):
        return []
    what, others = ("classifies", "model=baseline/tfidf_regression or model=baseline/majority")
    if not for_text:
        what, others = ("predicts tokens", "model=baseline/kneser_ney or model=baseline/unigram")
    return [
        ConfigError("model", expected=f"a baseline that {what}", got=model, remedy=f"use {others}")
    ]
