"""`seqbench benchmark`: speed against a bare PyTorch loop in the same process."""

from __future__ import annotations

import statistics
from typing import Any

from seqbench.config.compose import run_verb
from seqbench.config.job import Job


def main(argv: list[str]) -> int:
    """Compose, check, measure, and print a Markdown table."""
    return run_verb("benchmark", argv, benchmark)


def benchmark(job: Job, settings: dict[str, Any]) -> int:
    """Measure the job's model on its data; always 0, since a figure is not a failure."""
    from seqbench.training.benchmark import compare_speed

    speeds = compare_speed(
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
    for speed in speeds:
        rate = statistics.median(speed.steps_per_second)
        ratios = " ".join(f"{ratio:.3f}" for ratio in speed.ratios)
        cells = [
            speed.name,
            f"{rate:.1f}",
            f"{1000 / rate:.2f}",
            f"{speed.median_ratio:.3f}",
            ratios,
        ]
        print(f"| {' | '.join(cells)} |")
    return 0
