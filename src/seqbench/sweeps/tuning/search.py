"""The search as a feed of jobs: it asks for a trial when there is room, and tells how it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from seqbench.config.job import Job, freeze
from seqbench.errors import ConfigErrors, RecordError
from seqbench.records.claim import is_held
from seqbench.records.folder import RunFolder
from seqbench.records.record import COMPLETED, PRUNED, RunRecord
from seqbench.records.searches import SEARCH
from seqbench.records.store import write_atomic
from seqbench.sweeps.execute import Observer, Outcome
from seqbench.sweeps.tuning.history import History
from seqbench.sweeps.tuning.objectives import NotFinite, Objective
from seqbench.sweeps.tuning.trials import Trial, Trials

LOOK_SECONDS = 0.5  # between two looks at the validations of running trials

Compose = Callable[[Trial], Job]


class Search:
    """A `Feed` of trials.

    Equal values are one run: a trial whose run has a record is told what that says, and one whose
    run is under way waits for its end.

    Args:
        trials: the study's.
        compose: the job of a trial; raises ConfigErrors for values that do not go together.
        objectives: what is to be best.
        part: what the config of its runs says of the search.
        wanted: trials that the study is to have in the end.
        at_once: runs under way at most.
        prunes: whether trials may be given up.
        observer: is told of trials that needed no run.
        changed: is called whenever a trial has ended.
    """

    def __init__(
        self,
        *,
        trials: Trials,
        compose: Compose,
        objectives: Sequence[Objective],
        part: dict[str, Any],
        wanted: int,
        at_once: int,
        prunes: bool,
        observer: Observer,
        changed: Callable[[], None],
    ) -> None:
        self._trials, self._compose = trials, compose
        self._objectives, self._part = tuple(objectives), part
        self._wanted, self._at_once, self._prunes = wanted, at_once, prunes
        self._observer, self._changed = observer, changed
        self._left = trials.left_running()
        self._count = trials.count()
        self._under_way: dict[str, list[Trial]] = {}
        self._histories: dict[str, History] = {}
        self._reasons: dict[str, str] = {}  # of runs that failed now
        self._stopped = 0  # trials that a later sweep goes on with
        self._looked = 0.0
        self.outcomes: list[Outcome] = []

    # A feed

    def take(self) -> Job | None:
        """The job of the next trial that needs one."""
        while len(self._under_way) < self._at_once and not self.is_done():
            trial = self._left.pop(0) if self._left else self._trials.ask()
            job = self._begun(trial)
            if job is not None:
                return job
        return None

    def is_done(self) -> bool:
        """Whether all trials that are wanted have been asked for."""
        asked = self._count + self._stopped + sum(map(len, self._under_way.values()))
        return not self._left and asked >= self._wanted

    def ended(self, outcome: Outcome) -> None:
        """Tells the trials of a run how it ended; interrupted ones stay, to be gone on with.

        Raises:
            ConfigError: no run logs the objective.
        """
        trials = self._under_way.pop(outcome.run_id, [])
        history = self._histories.pop(outcome.run_id, None)
        if history is not None and outcome.status in ("completed", "pruned"):
            for trial in trials:
                self._note(trial, history.news())
        for trial in trials:
            self._tell(trial, outcome)
        self.outcomes.append(outcome)
        self._observer.ended(outcome)

    # While jobs run

    def look(self) -> None:
        """Notes new validations of running trials, and answers "prune" where there is no hope.

        Raises:
            ConfigError: no run logs the objective.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        for run_id, history in self._histories.items():
            news = history.news()
            for trial in self._under_way[run_id]:
                self._note(trial, news)
            first = self._under_way[run_id][0]
            prune = history.folder.prune
            if news and self._prunes and not prune.exists() and self._hopeless(first):
                validation, value = news[-1]
                answer = {"trial": first.number, "validation": validation, "value": value}
                with suppress(RecordError):  # then it is trained to its end
                    write_atomic(prune, json.dumps(answer).replace("NaN", "null") + "\n")

    def _hopeless(self, trial: Trial) -> bool:
        return self._trials.is_hopeless(trial.number)

    def _note(self, trial: Trial, news: Sequence[tuple[int, float]]) -> None:
        for validation, value in news:
            self._trials.note(trial.number, validation, value)

    # Beginning

    def _begun(self, trial: Trial) -> Job | None:
        """The trial's job, frozen; None where it needs none: it has been told, or waits."""
        try:
            job = self._marked(self._compose(trial))
        except ConfigErrors as error:
            self._fail(trial, " | ".join(error.line().splitlines()))
            return None
        self._trials.name_run(trial.number, job.run_id)
        trial = replace(trial, run_id=job.run_id)
        if job.run_id in self._under_way:
            self._under_way[job.run_id].append(trial)
            return None
        record = _record(job)
        known = self._known(job, record)
        if known is not None:
            self._tell(trial, known)
            self.outcomes.append(known)
            self._observer.ended(known)
            return None
        self._under_way[job.run_id] = [trial]
        if len(self._objectives) == 1 and self._objectives[0].is_validated:
            self._histories[job.run_id] = History(RunFolder(job.folder), self._objectives[0])
        _freeze(job)
        return job

    def _known(self, job: Job, record: RunRecord | None) -> Outcome | None:
        """How the trial's run has ended already, if it has."""
        if job.run_id in self._reasons:
            return Outcome(job.run_id, "failed", self._reasons[job.run_id], record, already=True)
        if record is None or job.config["force"] or is_held(RunFolder(job.folder).lock):
            return None
        if record.status == COMPLETED:
            return Outcome(job.run_id, "completed", record=record, already=True)
        if record.status == PRUNED and self._prunes:
            return Outcome(job.run_id, "pruned", record=record, already=True)
        return None

    def _marked(self, job: Job) -> Job:
        return replace(job, config={**job.config, SEARCH: self._part})

    # Telling

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        if outcome.status == "interrupted" or outcome.held:
            self._stopped += 1
            return
        if outcome.status == "pruned":
            self._trials.prune(trial.number)
        elif outcome.status == "failed" or outcome.record is None:
            reason = outcome.reason or "its record cannot be read"
            self._reasons[outcome.run_id] = reason
            return self._fail(trial, reason)
        else:
            try:
                results = [each.of(outcome.record) for each in self._objectives]
            except NotFinite as error:
                return self._fail(trial, error.line())
            self._trials.complete(trial.number, results)
        self._count += 1
        self._changed()

    def _fail(self, trial: Trial, reason: str) -> None:
        self._trials.fail(trial.number, reason)
        self._count += 1
        self._changed()


def _record(job: Job) -> RunRecord | None:
    with suppress(RecordError):
        return RunFolder(job.folder).read_record()
    return None


def _freeze(job: Job) -> None:
    """Writes config.yaml, unless it is that of a process which runs the job now."""
    folder = RunFolder(job.folder)
    if not (is_held(folder.lock) and folder.config.exists()):
        freeze(job, folder.config)
