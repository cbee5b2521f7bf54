"""Speed of the pipeline's training steps against a bare PyTorch loop on the same batches.

All ways run in this process, in turns, so that a machine that is busy for a while slows all; the
bare loop gets its batches ready-made, the pipeline collates its own.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import pytorch_lightning as pl
import torch
from tqdm import tqdm

from seqbench.batch import TokenBatch
from seqbench.config.instantiate import instantiate
from seqbench.errors import ConfigError
from seqbench.training.assemble import build_task, set_up_data
from seqbench.training.checkpoint_cost import CheckpointCost, SaveClock
from seqbench.training.timed_training import Pipeline, bare_loop
from seqbench.training.trainer import TrainerSettings
from seqbench.training.wandb_settings import WandbSettings

BARE, PIPELINE, MIRRORED = "bare loop", "pipeline", "pipeline with W&B"
# Named by what they change: `trainer.deterministic` is the other way round than in the config.
UNLIKE = {True: "pipeline, not deterministic", False: "pipeline, deterministic"}
SAVING = "pipeline with checkpoints"
SAVES = 10  # a round at most, far more often than in a run


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What one way of training reached.

    Attributes:
        name: the way, e.g. "bare loop", "pipeline" or "pipeline with W&B".
        steps_per_second: one figure a round.
        ratios: to the bare loop's figure of the same round.
    """

    name: str
    steps_per_second: list[float]
    ratios: list[float]

    @property
    def median_ratio(self) -> float:
        """The middle one of the rounds' ratios."""
        return statistics.median(self.ratios)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a benchmark found.

    Attributes:
        speeds: one entry a way, the bare loop first.
        determinism: the time of a step with deterministic algorithms over that without, less 1;
            the median over rounds. None where this model cannot do with them.
        checkpoints: what they cost; None where the rounds were too short for one.
    """

    speeds: list[Speed]
    determinism: float | None
    checkpoints: CheckpointCost | None


def compare_speed(config: Mapping[str, Any], *, steps: int, warmup: int, rounds: int) -> Measured:
    """Measure all ways, `rounds` times in turn.

    Args:
        config: a resolved run config.
        steps: steps that are timed in each round.
        warmup: steps before them that are not.
        rounds: how often.

    Raises:
        ConfigError: the training split has fewer batches than `steps` and `warmup` need.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    settings: TrainerSettings = instantiate(config["trainer"], "trainer")
    # cuBLAS reads its workspace once, and one of the ways needs it.
    replace(settings, deterministic=True).apply()
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    datamodule = set_up_data(config)
    batches: list[TokenBatch] = list(islice(datamodule.train_dataloader(), warmup + steps))
    if len(batches) < warmup + steps:
        raise ConfigError(
            "steps",
            expected=f"at most {len(batches) - warmup} beside warmup={warmup}",
            got=str(steps),
            remedy="the training split has no more batches in an epoch",
        )
    task = build_task(config, datamodule.spec)
    pipeline = Pipeline(
        config=config,
        settings=settings,
        task=task,
        datamodule=datamodule,
        steps=steps,
        warmup=warmup,
    )
    other = UNLIKE[settings.deterministic]
    found: dict[str, list[float]] = {}
    costs: list[_RoundCost] = []

    def saving() -> float:
        without = steps / found[PIPELINE][-1]
        seconds, clock = pipeline.with_checkpoints(every=without / SAVES)
        costs.append(_RoundCost(clock=clock, lost=seconds - without))
        return steps / seconds

    ways: dict[str, Callable[[], float]] = {
        BARE: lambda: bare_loop(copy.deepcopy(task), batches, settings, warmup),
        PIPELINE: lambda: steps / pipeline.seconds(),
        SAVING: saving,  # next to what it is compared with: a machine has moods
        other: lambda: steps / pipeline.seconds(deterministic=not settings.deterministic),
        MIRRORED: lambda: steps / pipeline.seconds(wandb=WandbSettings(mode="offline")),
    }
    with _determinism_left_alone():
        for _ in tqdm(range(rounds), desc="benchmark", unit="round"):
            for name in list(ways):
                try:
                    found.setdefault(name, []).append(ways[name]())
                except RuntimeError as error:
                    if name != other or "deterministic" not in str(error):
                        raise
                    del ways[name], found[name]
    speeds = [
        Speed(
            name=name,
            steps_per_second=values,
            ratios=[value / bare for value, bare in zip(values, found[BARE], strict=True)],
        )
        for name, values in found.items()
    ]
    return Measured(
        speeds=speeds,
        determinism=_price(found, other, settings.deterministic),
        checkpoints=_cost(costs, settings.checkpoint_every),
    )


def _price(found: Mapping[str, Sequence[float]], other: str, deterministic: bool) -> float | None:
    if other not in found:
        return None
    ratios = [one / two for one, two in zip(found[PIPELINE], found[other], strict=True)]
    return statistics.median(1 / ratio if deterministic else ratio for ratio in ratios) - 1


@contextlib.contextmanager
def _determinism_left_alone() -> Iterator[None]:
    """Each way sets it for the whole process."""
    before = torch.are_deterministic_algorithms_enabled()
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


@dataclass(frozen=True, kw_only=True)
class _RoundCost:
    """A round with checkpoints: each of them timed, and how much longer it took than without."""

    clock: SaveClock
    lost: float


def _cost(costs: Sequence[_RoundCost], every: float | None) -> CheckpointCost | None:
    saved = [cost for cost in costs if cost.clock.seconds]
    if not saved:
        return None
    return CheckpointCost(
        num_bytes=saved[-1].clock.num_bytes,
        seconds=[seconds for cost in saved for seconds in cost.clock.seconds],
        lost=[cost.lost / len(cost.clock.seconds) for cost in saved],
        every=every,
    )
