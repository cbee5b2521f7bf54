"""`seqbench sweep`: every run of a study, then its report."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.config.job import Job
from seqbench.errors import SeqbenchError, kind_and_line
from seqbench.records.durations import words
from seqbench.report.live import following, render
from seqbench.sweeps.command import run_sweep
from seqbench.sweeps.estimate import estimate
from seqbench.sweeps.execute import Outcome, exit_code, summary
from seqbench.sweeps.live import Show
from seqbench.sweeps.plan import Plan
from seqbench.sweeps.slurm_queue import has_waiting
from seqbench.sweeps.state import survey
from seqbench.sweeps.table import listing
from seqbench.sweeps.watch import watch
from seqbench.training.wandb_settings import announcements
from seqbench.verbs.export import export

if TYPE_CHECKING:  # it would bring Optuna along
    from seqbench.sweeps.tuning.tuning import Tuning

REPORT = "report"  # the folder of a study's report, in the study's own


def main(argv: list[str]) -> int:
    """Compose and check every run, execute them, report."""
    return run_sweep(argv, lambda plan: sweep(plan, argv))


def sweep(plan: Plan | Tuning, argv: Sequence[str]) -> int:
    """Execute the plan; 0 if every run completed, 1 if some failed, 130 if it was interrupted."""
    if plan.settings["export"]:
        return export(plan, argv)
    if not isinstance(plan, Plan):
        from seqbench.verbs.tune import tune  # Optuna takes half a second to import

        return tune(plan)
    if plan.num_alike:
        alike = f"{plan.num_alike} of the combinations are another's run: done once"
        print(alike, file=sys.stderr, flush=True)
    if plan.settings["dry_run"]:
        return _list(plan)
    if plan.settings["watch"]:
        return watch(plan.study, plan.jobs, goes_on=lambda: has_waiting(plan.jobs[0].folder.parent))
    for line in announcements(job.config for job in plan.jobs):
        print(line, file=sys.stderr, flush=True)
    started = time.monotonic()
    folder = plan.jobs[0].folder.parent
    with page_kept(folder, plan.settings), Show(plan.study, plan.jobs) as show:
        outcomes = plan.execute(execute_run, show)
    for line in summary(outcomes, plan.jobs):
        print(line)
    print(took(outcomes, time.monotonic() - started, show.at_once))
    return report(folder, plan.settings, outcomes, exit_code(outcomes))


def execute_run(job: Job) -> Any:
    """Execute one job: what a launcher calls, in whatever process."""
    from seqbench.training.execute import execute  # torch takes seconds to import

    return execute(job)


def _list(plan: Plan) -> int:
    statuses = survey(plan.jobs)
    todo, _, _ = plan.divided(statuses)
    at_once = plan.launcher.prepare(todo) if todo else 1
    chosen = {job.run_id for job in todo}
    for line in listing(plan.jobs, statuses, estimate(plan.jobs, statuses, at_once, todo=chosen)):
        print(line)
    return 0


def took(outcomes: Sequence[Outcome], seconds: float, at_once: int) -> str:
    """Wall time, time of training, and how many ran at once."""
    costs = [outcome.record.cost for outcome in outcomes if outcome.record and not outcome.already]
    training = sum(cost.train_seconds or 0.0 for cost in costs)
    return f"{words(seconds)}; {words(training)} of training, {at_once} at once"


def page_kept(study: Path, settings: Mapping[str, Any]) -> AbstractContextManager[None]:
    """The page of a sweep that ends in a report is there as soon as a run has ended."""
    return following(study, study / REPORT) if settings["report"] else nullcontext()


def report(study: Path, settings: Mapping[str, Any], outcomes: Sequence[Outcome], code: int) -> int:
    """Makes the study's report, if it is to be made.

    Args:
        study: the study's folder.
        settings: of the sweep.
        outcomes: of its runs.
        code: the exit code so far.

    Returns:
        The exit code: 1 also if all went well but for the report.
    """
    if not settings["report"]:
        return code
    failed = _report(study, any(each.status != "interrupted" for each in outcomes))
    return code or failed


def _report(study: Path, ended: bool) -> int:
    """The study's report; 1 if it could not be made, which takes nothing from the runs.

    Where no run has ended, a page that reloads itself is made one that does not.
    """
    from seqbench.verbs.report import write

    try:
        if ended:
            write([study], study / REPORT)
        elif (study / REPORT / "report.html").exists():
            render(study, study / REPORT, live=False)
    except SeqbenchError as error:
        print(f"seqbench: {error.line()}", file=sys.stderr)
        return 1
    except Exception as error:  # a mistake of ours must not take the runs' exit code with it
        if os.environ.get("SEQBENCH_DEBUG") == "1":
            raise
        print(f"seqbench: the report could not be made ({kind_and_line(error)})", file=sys.stderr)
        return 1
    return 0
