"""A recorded run done again, and compared with its record to the last bit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seqbench.config.job import Job
from seqbench.records.comparison import Comparison, compare
from seqbench.records.folder import RunFolder
from seqbench.records.load import StoredRun
from seqbench.training.execute import Execution, execute
from seqbench.training.training_files import best_checkpoint
from seqbench.training.weights import differing_weights


@dataclass(frozen=True, kw_only=True)
class Again:
    """What came of it.

    Attributes:
        done: the run as it was done again, or found done.
        comparison: with the recorded one.
    """

    done: Execution
    comparison: Comparison


def do_again(run: StoredRun, job: Job) -> Again:
    """Execute the job of a recorded run and compare.

    Args:
        run: the recorded run.
        job: its config once more, in another folder.

    Raises:
        RecordError: a file of one of the two runs cannot be read.
        SeqbenchError: what ended the run.
    """
    done = execute(job, expected_data=run.record.provenance.data_fingerprint)
    again = StoredRun(folder=RunFolder(job.folder), record=done.record)
    return Again(done=done, comparison=_with_weights(compare(run, again), run, again))


def _with_weights(found: Comparison, run: StoredRun, again: StoredRun) -> Comparison:
    """By their hashes; tensor by tensor where those differ, or where a record has none."""
    then, now = run.record.weights, again.record.weights
    if then is None and now is None:
        return found  # baselines
    if then == now:
        return replace(found, same=(*found.same, "weights"))
    files = [best_checkpoint(each.folder) for each in (run, again)]
    gone = [file for file in files if not file.exists()]
    if not gone:
        difference = differing_weights(*files)
    elif then is None or now is None:
        return replace(found, skipped=(*found.skipped, f"weights (no {gone[0]})"))
    else:
        difference = f"hash {then[:12]} then, {now[:12]} now (no {gone[0]} to say where)"
    if difference:
        return replace(found, differences=(*found.differences, f"weights: {difference}"))
    return replace(found, same=(*found.same, "weights"))
