"""`seqbench evaluate`: a finished run again, on any split of its data or on a file."""

from __future__ import annotations

from typing import Any

from seqbench.config.compose import run_verb


def main(argv: list[str]) -> int:
    """Compose, check, restore the run, score it."""
    return run_verb("evaluate", argv, evaluate)


def evaluate(settings: dict[str, Any]) -> int:
    """Print the scores on `file`, or on `split` of the run's own data."""
    from seqbench.training.evaluate import score_file, score_split
    from seqbench.training.restore import restore

    paths = settings["paths"]
    run = restore(settings["run"], datasets=paths["datasets"], cache=paths["cache"])
    if settings["file"] is None:
        where, evaluated = settings["split"], score_split(run, settings["split"])
    else:
        where = settings["file"]
        evaluated = score_file(
            run,
            settings["file"],
            text_column=settings["text_column"],
            label_column=settings["label_column"],
        )
    print(f"{run.record.run_id} on {where}: {evaluated.size}")
    for name, value in evaluated.scores.test.items():
        print(f"  {name} {value:.4f}")
    for line in evaluated.lines:
        print(f"  {line}")
    return 0
