"""Combinations of keys that cannot work, each key right by itself.

What a constructor would refuse only once data has been read is said here before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seqbench.config.baseline_mistakes import (
    baselines_read_raw_texts,
    baselines_suit_tasks,
)
from seqbench.config.language_model_mistakes import (
    clusters_are_not_tied,
    clusters_are_of_rarer_tokens,
    clusters_ascend,
    clusters_have_a_width,
    language_models_look_back,
    strides_fit_windows,
    tied_embeddings_are_learned,
    windows_fit_positions,
)
from seqbench.config.model_mistakes import (
    causal_looks_back,
    heads_divide_width,
    positions_come_in_pairs,
    window_looks_back,
)
from seqbench.config.training_mistakes import (
    budgets_have_a_width,
    budgets_mean_something,
    half_precision_on_cpu,
    lightning_knows_extras,
    one_thing_ends_training,
    rollbacks_are_of_one_process,
)
from seqbench.config.verb_mistakes import (
    claims_can_be_judged,
    columns_are_of_a_file,
    one_source_of_texts,
    only_networks_have_steps,
    something_to_report,
    study_is_a_folder,
)
from seqbench.errors import ConfigError

CrossCheck = Callable[[Mapping[str, Any]], list[ConfigError]]

CROSS_CHECKS: tuple[CrossCheck, ...] = (
    half_precision_on_cpu,
    rollbacks_are_of_one_process,
    heads_divide_width,
    positions_come_in_pairs,
    causal_looks_back,
    window_looks_back,
    only_networks_have_steps,
    baselines_read_raw_texts,
    language_models_look_back,
    tied_embeddings_are_learned,
    clusters_are_not_tied,
    clusters_ascend,
    clusters_are_of_rarer_tokens,
    clusters_have_a_width,
    windows_fit_positions,
    strides_fit_windows,
    baselines_suit_tasks,
    study_is_a_folder,
    lightning_knows_extras,
    one_source_of_texts,
    columns_are_of_a_file,
    something_to_report,
    budgets_mean_something,
    one_thing_ends_training,
    budgets_have_a_width,
    claims_can_be_judged,
)
