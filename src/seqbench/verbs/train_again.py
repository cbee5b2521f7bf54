"""`seqbench train from=…`: a recorded run again, and whether it came out equal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from seqbench.config.again import job_again
from seqbench.config.job import Job
from seqbench.errors import TrainingError
from seqbench.records.comparison import Comparison
from seqbench.records.completed import completed_run
from seqbench.records.explanation import explanations
from seqbench.records.load import StoredRun
from seqbench.records.provenance import collect_provenance
from seqbench.records.record import RunRecord
from seqbench.training.wandb_settings import announcements
from seqbench.verbs.train import summary


def train_again(path: str, said: Job) -> int:
    """Do the run again; 0 if it comes out equal, 1 if it differs or fails.

    Args:
        path: the recorded run: its folder, or its record.json.
        said: the job of the command line, for what may be said beside the record.
    """
    run = completed_run(path)
    job = job_again(run, said)
    print(f"run {job.run_id} of {run.folder.path} again, in {job.folder}", file=sys.stderr)
    before = explanations(run.record.provenance, collect_provenance(run.record.config))
    if before:
        print(f"not as it was: {'; '.join(before)}", file=sys.stderr)
    for line in announcements([job.config]):
        print(line, file=sys.stderr, flush=True)
    from seqbench.training.again import do_again  # torch takes seconds to import

    try:
        again = do_again(run, job)
    except TrainingError as error:
        print(f"seqbench: {error.line()}", file=sys.stderr)
        return 1
    if again.done.was_complete:
        since = f", but its {' and '.join(again.done.stale)} changed since" * bool(again.done.stale)
        print(f"done again already{since}; force=true trains it once more")
    print(summary(again.done.record))
    print(f"run folder: {job.folder}")
    print("\n".join(verdict(run, again.done.record, again.comparison)))
    return 0 if again.comparison.equal else 1


def verdict(run: StoredRun, now: RunRecord, found: Comparison) -> list[str]:
    """Equal, or where it differs and what else was different, in lines."""
    changed = explanations(run.record.provenance, now.provenance)
    skipped = [f"not compared: {', '.join(found.skipped)}"] * bool(found.skipped)
    same = f"{', '.join(found.same)}"
    if found.equal:
        although = [f"although other: {'; '.join(changed)}"] * bool(changed)
        return [f"equal to {run.folder.path}: {same}", *skipped, *although]
    return [
        f"different from {run.folder.path}:",
        *(f"  {line}" for line in found.differences),
        *([f"the same: {same}"] * bool(same)),
        *skipped,
        *_why(changed, now),
    ]


def _why(changed: Sequence[str], now: RunRecord) -> list[str]:
    if changed:
        return ["what explains it:", *(f"  {line}" for line in changed)]
    how = now.provenance.arithmetic
    if how is not None and not how.deterministic:
        return ["what explains it: trainer.deterministic=false lets operations differ each time"]
    return ["nothing that the records know of explains it: the same code, versions, data, machine"]
