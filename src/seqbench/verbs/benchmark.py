"""`seqbench benchmark`: speed against a bare PyTorch loop, and what safety costs."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from seqbench.config.compose import run_verb
from seqbench.config.job import Job

if TYPE_CHECKING:
    from seqbench.training.benchmark import Measured, Speed
    from seqbench.training.checkpoint_cost import CheckpointCost


def main(argv: list[str]) -> int:
    """Compose, check, measure, and print a Markdown table."""
    return run_verb("benchmark", argv, benchmark)


def benchmark(job: Job, settings: dict[str, Any]) -> int:
    """Measure the job's model on its data; always 0, since a figure is not a failure."""
    from seqbench.training.benchmark import compare_speed

    measured = compare_speed(
        job.config,
        steps=settings["steps"],
        warmup=settings["warmup"],
        rounds=settings["rounds"],
    )
    choices = job.config["choices"]
    print(
        f"{choices['model']} on {choices['data']}: {settings['rounds']} rounds of "
        f"{settings['steps']} training steps after {settings['warmup']} to warm up\n"
    )
    print("| way of training | steps/s (median) | ms a step | ratio to the bare loop | ratios |")
    print("|---|---:|---:|---:|---|")
    for speed in measured.speeds:
        print(_row(speed))
    print()
    for line in prices(measured):
        print(line)
    return 0


def prices(measured: Measured) -> list[str]:
    """What determinism and checkpoints cost, a line each."""
    if measured.determinism is None:
        first = "trainer.deterministic=true: this model has an operation that cannot do with it"
    else:
        first = f"trainer.deterministic=true: {measured.determinism:+.1%} time a step"
    lines = [first]
    if measured.checkpoints is None:
        lines.append("checkpoints: none was written; use more steps")
    else:
        lines += _of_checkpoints(measured.checkpoints)
    return lines


def _of_checkpoints(cost: CheckpointCost) -> list[str]:
    seconds = statistics.median(cost.seconds)
    lost = " ".join(f"{each:.4f}" for each in cost.lost)
    return [
        f"a checkpoint: {cost.num_bytes / 1e6:.2f} MB, {seconds:.4f} s (median of "
        f"{len(cost.seconds)}, at most {max(cost.seconds):.4f} s){_of_training(cost, cost.share)}",
        f"by time lost a round: {statistics.median(cost.lost):.4f} s a checkpoint ({lost})"
        f"{_of_training(cost, cost.share_lost)}",
    ]


def _of_training(cost: CheckpointCost, share: float | None) -> str:
    if share is None:
        return "; trainer.checkpoint_every=null: only when told to stop"
    return f"; every {cost.every:g} s: {share:.2%} of training time"


def _row(speed: Speed) -> str:
    rate = statistics.median(speed.steps_per_second)
    cells = [
        speed.name,
        f"{rate:.1f}",
        f"{1000 / rate:.2f}",
        f"{speed.median_ratio:.3f}",
        " ".join(f"{ratio:.3f}" for ratio in speed.ratios),
    ]
    return f"| {' | '.join(cells)} |"
