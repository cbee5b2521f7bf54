"""`seqbench sweep`: every run of a study, then its report."""

from __future__ import annotations

import sys

from seqbench.config.job import Job
from seqbench.records.record import RunRecord
from seqbench.sweeps.command import run_sweep
from seqbench.sweeps.execute import Outcome, exit_code, summary
from seqbench.sweeps.plan import Plan


def main(argv: list[str]) -> int:
    """Compose and check every run, execute them, report."""
    return run_sweep(argv, sweep)


def sweep(plan: Plan) -> int:
    """Execute the plan; 0 if every run completed, 1 if some failed, 130 if it was interrupted."""
    if plan.settings["dry_run"]:
        for job in plan.jobs:
            print(job.folder)
        return 0
    total, done = len(plan.jobs), 0

    def tell(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        print(f"[{done}/{total}] {outcome.run_id}: {_result(outcome)}", file=sys.stderr, flush=True)

    print(f"study {plan.study}: {total} runs", file=sys.stderr, flush=True)
    outcomes = plan.execute(_execute, on_outcome=tell)
    for line in summary(outcomes):
        print(line)
    if plan.settings["report"] and any(outcome.record is not None for outcome in outcomes):
        _report(plan)
    return exit_code(outcomes)


def _execute(job: Job) -> RunRecord:
    from seqbench.training.execute import execute

    done = execute(job)
    if done.was_complete:
        since = f", but its {' and '.join(done.stale)} changed since" if done.stale else ""
        print(f"{job.run_id}: complete already{since}", file=sys.stderr, flush=True)
    return done.record


def _result(outcome: Outcome) -> str:
    if outcome.status != "completed" or not isinstance(outcome.record, RunRecord):
        return f"{outcome.status}: {outcome.reason}" if outcome.reason else outcome.status
    scores = outcome.record.scores
    if scores.primary is None:
        return "completed"
    return f"test {scores.primary.name} {scores.test[scores.primary.name]:.4f}"


def _report(plan: Plan) -> None:
    from seqbench.verbs.report import write

    study = plan.jobs[0].folder.parent
    write([study], study / "report")
