"""`seqbench train`: one run, or a recorded one again."""

from __future__ import annotations

import sys
from typing import Any

from seqbench.config.compose import run_verb
from seqbench.config.job import Job
from seqbench.errors import TrainingError
from seqbench.records.record import RunRecord
from seqbench.training.wandb_settings import announcements


def main(argv: list[str]) -> int:
    """Compose, check, run, and say what came out."""
    return run_verb("train", argv, _train_or_again)


def _train_or_again(job: Job, settings: dict[str, Any]) -> int:
    if settings["from"] is None:
        return train(job)
    from seqbench.verbs.train_again import train_again

    return train_again(settings["from"], job)


def train(job: Job) -> int:
    """Run the job; 0 once its record is complete, 1 if the training failed."""
    for line in announcements([job.config]):
        print(line, file=sys.stderr, flush=True)
    from seqbench.training.execute import execute  # torch takes seconds to import

    try:
        done = execute(job)
    except TrainingError as error:
        print(f"seqbench: {error.line()}", file=sys.stderr)
        return 1
    if done.was_complete:
        since = f", but its {' and '.join(done.stale)} changed since" if done.stale else ""
        print(f"complete already{since}; force=true trains it again")
    print(summary(done.record))
    print(f"run folder: {job.folder}")
    return 0


def summary(record: RunRecord) -> str:
    """A completed run in a few lines: scores on test and validation, and what it cost."""
    scores, cost = record.scores, record.cost
    lines = [record.run_id]
    for split, values in (("test", scores.test), ("validation", scores.validation)):
        parts = [f"{name} {value:.4f}" for name, value in values.items() if value is not None]
        lines.append(f"  {split}: {', '.join(parts)}")
    if scores.best_epoch is not None:
        lines[-1] += f" (epoch {scores.best_epoch + 1}, the best)"
    figures = {"parameters": cost.parameters, "steps": cost.steps, "epochs": cost.epochs}
    parts = [f"{value:,} {name}" for name, value in figures.items() if value is not None]
    if cost.train_seconds is not None:
        parts.append(f"{cost.train_seconds:.1f} s of training")
    if cost.tokens_per_second is not None:
        parts.append(f"{cost.tokens_per_second:,.0f} tokens/s")
    lines.append(f"  cost: {', '.join(parts)}")
    lines += [
        f"  rollback: diverged at step {each.diverged_at}, back to step {each.back_to}, "
        f"learning rate times {each.learning_rate_scale:g}"
        for each in record.rollbacks
    ]
    lines += [f"  data: {note}" for note in record.provenance.data_notes]
    return "\n".join(lines)
