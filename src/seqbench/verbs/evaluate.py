"""`seqbench evaluate`: a finished run again, on any split of its data or on a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqbench.config.compose import run_verb

if TYPE_CHECKING:
    from seqbench.training.restore import RestoredRun


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
        where, scores = settings["split"], score_split(run, settings["split"])
    else:
        where = settings["file"]
        scores = score_file(
            run,
            settings["file"],
            text_column=settings["text_column"],
            label_column=settings["label_column"],
        )
    num_examples = sum(map(sum, scores.confusion.counts))
    print(f"{run.record.run_id} on {where}: {num_examples} examples")
    for name, value in scores.scores.items():
        print(f"  {name} {value:.4f}")
    _per_class(run, scores.per_class)
    return 0


def _per_class(run: RestoredRun, per_class: dict[str, dict[str, float | None]]) -> None:
    width = max(map(len, run.label_names))
    print(f"  {'class':<{width}}  precision  recall  f1      support")
    for name in run.label_names:
        values = [per_class[name][key] for key in ("precision", "recall", "f1")]
        shown = "  ".join("     —" if value is None else f"{value:.4f}" for value in values)
        print(f"  {name:<{width}}     {shown}  {int(per_class[name]['support'] or 0):>7}")
