"""`hydra.sweeper` of a search: what builds a sampler and a pruner, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from seqbench.errors import ConfigError
from seqbench.sweeps.tuning.settings import TuningSettings

PARTS = "seqbench.sweeps.tuning"
RANDOM = {"_target_": f"{PARTS}.samplers.Random"}


def settings(sampler: dict[str, Any] = RANDOM, **said: Any) -> TuningSettings:
    return TuningSettings(sampler=sampler, params={}, **said)


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        ({}, "hydra.sweeper.sampler: expected a mapping with _target_, got {}"),
        (
            {"_target_": "optuna.samplers.QMCSampler", "qmc_type": "foo"},
            "hydra.sweeper.sampler: expected arguments that make an Optuna sampler, got ValueError",
        ),
        (
            {"_target_": "optuna.samplers.GridSampler", "search_space": {"x": [1, 2]}},
            "hydra.sweeper.sampler._target_: expected a sampler that can go on for ever, got "
            "GridSampler; hydra/sweeper=grid tries every combination",
        ),
    ],
)
def test_what_is_no_sampler_is_told_in_a_line(sampler: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(sampler).build_sampler(0)
    assert caught.value.line().startswith(message)


def test_a_hyperband_that_would_prune_nothing_is_refused() -> None:
    pruner = {"_target_": f"{PARTS}.pruners.Hyperband", "first": 9, "last": 3}
    with pytest.raises(ConfigError, match="last 3 lies before first 9: nothing is pruned"):
        settings(pruner=pruner).build_pruner()


@pytest.mark.parametrize(
    ("target", "at_random"),
    [
        (f"{PARTS}.samplers.Random", True),
        ("optuna.samplers.RandomSampler", True),
        (f"{PARTS}.samplers.TPE", False),
        ("optuna.samplers.QMCSampler", False),
    ],
)
def test_which_draw_at_random(target: str, at_random: bool) -> None:
    assert settings({"_target_": target}).at_random == at_random
