"""`seqbench sweep hydra/sweeper=optuna`: trials, the winner on fresh seeds, the report."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from seqbench.records.record import COMPLETED, RunRecord
from seqbench.records.searches import STUDY
from seqbench.report.statistics.summary import summarize
from seqbench.sweeps.execute import Outcome, changed, exit_code, summary
from seqbench.sweeps.frame import number as said
from seqbench.sweeps.live import Show
from seqbench.sweeps.tuning.results import counts
from seqbench.sweeps.tuning.trials import Trial
from seqbench.sweeps.tuning.tuning import Tuning
from seqbench.sweeps.watch import watch
from seqbench.training.wandb_settings import announcements
from seqbench.verbs.sweep import execute_run, page_kept, report, took

_NAMED = 5  # failed trials that are told one by one


def tune(tuning: Tuning) -> int:
    """Search, run the winner again, report.

    Failed trials are a part of a search and no failure of it.

    Returns:
        0 if the search came to its end and all of the winner's runs completed; 1 if no trial did,
        or one of those failed; 130 if it was interrupted.
    """
    if tuning.settings["dry_run"]:
        return _describe(tuning)
    if tuning.settings["watch"]:
        return watch(tuning.study, tuning.jobs, goes_on=tuning.goes_on)
    for line in announcements(job.config for job in tuning.corners[:1]):
        print(line, file=sys.stderr, flush=True)
    started = time.monotonic()
    with tuning.claimed(), page_kept(tuning.folder, tuning.settings):
        with Show(tuning.study, (), to_come=tuning.to_come()) as show:
            outcomes = tuning.search(execute_run, show)
        at_once = show.at_once
        for line in [*_searched(tuning), *_stale(tuning, outcomes)]:
            print(line)
        code = _code(tuning)
        finals: list[Outcome] = []
        plan = None if code else tuning.finals()
        if plan is not None:
            with Show(f"{tuning.study}, the winner again", plan.jobs) as show:
                finals = plan.execute(execute_run, show)
            for line in [*summary(finals, plan.jobs), *_retrained(tuning)]:
                print(line)
            code = exit_code(finals)
    print(took([*outcomes, *finals], time.monotonic() - started, at_once))
    ended = [*_before(tuning), *outcomes, *finals]
    return report(tuning.folder, tuning.settings, ended, code)


def _before(tuning: Tuning) -> list[Outcome]:
    """The trials with a record, whichever sweep told it: of these there is a report."""
    return [
        Outcome(trial.run_id, "pruned" if trial.state == "pruned" else "completed", already=True)
        for trial in tuning.trials
        if trial.run_id is not None and trial.state in ("completed", "pruned")
    ]


def _stale(tuning: Tuning, outcomes: Sequence[Outcome]) -> list[str]:
    """What is of other code than this, and has been counted all the same."""
    if tuning.stale:
        why = "their code, libraries or data changed since"
        return [f"stale: the trials: {why}; rerun=stale does the search again"]
    stale = {each.run_id: changed(each.stale) for each in outcomes if each.stale}
    lines = [f"stale: {run_id}: {why}" for run_id, why in stale.items()]
    return [*lines, "rerun=stale does the search again"] if lines else []


def _code(tuning: Tuning) -> int:
    found = counts(tuning.trials)
    if tuning.stopped or found["running"] or len(tuning.trials) < tuning.tuning.n_trials:
        return 130
    return int(not found["completed"])


def _describe(tuning: Tuning) -> int:
    """What a dry run says."""
    settings = tuning.tuning
    for key, item in tuning.space.searched.items():
        print(f"{key}: {item}")
    for objective in tuning.objectives:
        print(f"{objective.direction} {objective.name}")
    sampler, pruner = tuning.names
    print(f"sampler {sampler}, pruner {pruner or 'none'}, seed {settings.seed}")
    again = f", then the winner on {settings.retrain_best} fresh seeds" * bool(
        settings.retrain_best
    )
    print(f"{settings.n_trials} trials{again}; {tuning.standing()}")
    return 0


def _searched(tuning: Tuning) -> list[str]:
    """How many trials ended how, why some failed, and the best."""
    words = [f"{count} {state}" for state, count in counts(tuning.trials).items() if count]
    lines = [f"{len(tuning.trials)} trials: {', '.join(words) or 'none'}"]
    failed = [trial for trial in tuning.trials if trial.state == "failed"]
    lines += [f"failed: trial {trial.number}: {trial.reason}" for trial in failed[:_NAMED]]
    if len(failed) > _NAMED:
        lines.append(f"failed: {len(failed) - _NAMED} more; see {tuning.folder / STUDY}")
    for trial in tuning.best:
        names = [objective.name for objective in tuning.objectives]
        values = zip(names, trial.results, strict=True)
        told = ", ".join(f"{name} {said(value)}" for name, value in values)
        which = "best" if len(tuning.objectives) == 1 else "on the front"
        lines.append(f"{which}: trial {trial.number}: {told}")
        lines += [f"  {key}={value}" for key, value in _values(tuning, trial).items()]
    return lines


def _values(tuning: Tuning, trial: Trial) -> dict[str, str]:
    """The values as overrides, so that they can be copied."""
    lines = [item.line(trial.values[key]) for key, item in tuning.space.searched.items()]
    return dict(line.split("=", 1) for line in lines)


def _retrained(tuning: Tuning) -> list[str]:
    """The test score of each chosen configuration over its fresh seeds, with its interval."""
    lines: list[str] = []
    for number, run_ids in tuning.chosen.items():
        records = [each for each in tuning.records(run_ids) if each.status == COMPLETED]
        lines += [f"trial {number} again: {_test(records)}"] if records else []
    return lines


def _test(records: Sequence[RunRecord]) -> str:
    primary = next(r.scores.primary for r in records if r.scores.primary is not None)
    found = summarize(record.scores.test.get(primary.name) for record in records)
    told = f"test {primary.name} {said(found.mean)}"
    if found.low is not None:
        told += f" (95 % interval {said(found.low)} to {said(found.high)})"
    return f"{told} over {found.n} fresh seed{'s' * (found.n != 1)}"
