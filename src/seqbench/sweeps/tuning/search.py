"""The search as a feed of jobs: it asks for a trial when there is room, and tells how it ended."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from seqbench.config.job import Job
from seqbench.errors import ConfigError, ConfigErrors, RecordError
from seqbench.records.claim import is_held
from seqbench.records.folder import RunFolder
from seqbench.records.provenance import code_hash, versions
from seqbench.records.record import COMPLETED, PRUNED, RunRecord
from seqbench.records.searches import SEARCH, is_trial
from seqbench.records.store import write_atomic
from seqbench.sweeps.execute import Observer, Outcome
from seqbench.sweeps.freezing import freeze_idle
from seqbench.sweeps.kept import forced
from seqbench.sweeps.tuning.discarded import is_among
from seqbench.sweeps.tuning.history import History, validations
from seqbench.sweeps.tuning.objectives import NoValue, Objective, kind_of
from seqbench.sweeps.tuning.trials import Trial, Trials

LOOK_SECONDS = 0.5  # between two looks at the validations of running trials

Compose = Callable[[Trial], Job]


class Search:
    """A `Feed` of trials.

    Equal values are one run: a trial whose run has a record is told what that says, and one whose
    run is under way waits for its end. A trial's record of other code is no value of this search,
    nor is any that was there when the study was begun anew: the run is done again. One of other
    code that no search has made stays, unless stale runs are to be redone.

    Args:
        trials: the study's.
        compose: the job of a trial; raises ConfigErrors for values that do not go together.
        objectives: what is to be best.
        kinds: of all runs that the space has: an objective that none of them logs is a mistake.
        part: what the config of its runs says of the search.
        wanted: trials that the study is to have in the end.
        at_once: trials under way at most: more of the same run would be drawn without news.
        prunes: whether trials may be given up.
        redoes_stale: whether every run whose record is of other code is done again.
        discarded: digests of records that were there when the study was begun anew.
        observer: is told of trials that needed no run.
        changed: is called whenever a trial has ended.
    """

    def __init__(
        self,
        *,
        trials: Trials,
        compose: Compose,
        objectives: Sequence[Objective],
        kinds: Iterable[tuple[str, ...]],
        part: dict[str, Any],
        wanted: int,
        at_once: int,
        prunes: bool,
        redoes_stale: bool,
        discarded: Mapping[str, str],
        observer: Observer,
        changed: Callable[[], None],
    ) -> None:
        self._trials, self._compose = trials, compose
        self._objectives, self._kinds, self._part = tuple(objectives), frozenset(kinds), part
        self._wanted, self._at_once, self._prunes = wanted, at_once, prunes
        self._redoes_stale, self._discarded = redoes_stale, discarded
        self._observer, self._changed = observer, changed
        self._left = trials.left_running()
        self._count = trials.count()
        self._under_way: dict[str, list[Trial]] = {}
        self._histories: dict[str, History] = {}
        self._ended: dict[str, Outcome] = {}  # in this sweep
        self._kind: dict[str, tuple[str, ...]] = {}  # of a run
        self._lacking: set[tuple[str, ...]] = set()  # kinds that do not log the objective
        self._stopped = 0  # trials that a later sweep goes on with
        self._looked = 0.0
        self.outcomes: list[Outcome] = []

    # A feed

    def take(self) -> Job | None:
        """The job of the next trial that needs one."""
        while self._num_under_way < self._at_once and not self.is_done():
            trial = self._left.pop(0) if self._left else self._trials.ask()
            job = self._begun(trial)
            if job is not None:
                return job
        return None

    def is_done(self) -> bool:
        """Whether all trials that are wanted have been asked for."""
        asked = self._count + self._stopped + self._num_under_way
        return not self._left and asked >= self._wanted

    def ended(self, outcome: Outcome) -> None:
        """Tells the trials of a run how it ended; interrupted ones stay, to be gone on with.

        Raises:
            ConfigError: no run logs the objective.
        """
        if outcome.held:  # it is gone on with another time: why, is shown now or never
            self._observer.note(f"{outcome.run_id}: {outcome.reason}")
        trials = self._under_way.pop(outcome.run_id, [])
        history = self._histories.pop(outcome.run_id, None)
        if history is not None and outcome.status in ("completed", "pruned"):
            news = self._news(outcome.run_id, history, ended=True) or []
            for trial in trials:
                self._note(trial, news)
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
        for run_id, history in list(self._histories.items()):
            news = self._news(run_id, history)
            if news is None:
                del self._histories[run_id]
                continue
            for trial in self._under_way[run_id]:
                self._note(trial, news)
            if news and self._prunes and not history.is_behind:
                self._prune_if_hopeless(self._under_way[run_id][0], history.folder, news[-1])

    def _prune_if_hopeless(
        self, trial: Trial, folder: RunFolder, newest: tuple[int, float]
    ) -> None:
        if folder.prune.exists() or not self._trials.is_hopeless(trial.number):
            return
        validation, value = newest
        said = value if math.isfinite(value) else None
        answer = {"trial": trial.number, "validation": validation, "value": said}
        with suppress(RecordError):  # then it is trained to its end
            write_atomic(folder.prune, json.dumps(answer, allow_nan=False) + "\n")

    def _news(
        self, run_id: str, history: History, *, ended: bool = False
    ) -> list[tuple[int, float]] | None:
        """New validations; None where this run, of several kinds, does not log the objective."""
        try:
            return history.news(ended=ended)
        except ConfigError as error:
            self._lacks(run_id, error)
            return None

    def _lacks(self, run_id: str, error: ConfigError) -> None:
        """A run does not log the objective: no mistake, as long as one of another kind may.

        Raises:
            ConfigError: this one, where none does.
        """
        self._lacking.add(self._kind[run_id])
        has_completed = any(each.state == "completed" for each in self._trials.all())
        if self._lacking >= self._kinds and not has_completed:
            raise error

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
        self._kind[job.run_id] = kind_of(job.config)
        trial = replace(trial, run_id=job.run_id)
        if job.run_id in self._under_way:
            self._under_way[job.run_id].append(trial)
            if job.run_id in self._histories:
                self._note(trial, self._histories[job.run_id].told)
            return None
        record = _record(job)
        if record is not None and self._is_outdated(record, job):
            job, record = forced(job), None
        known = self._known(job, record)
        if known is not None:
            self._note_recorded(trial, job)
            self._tell(trial, known)
            self.outcomes.append(known)
            self._observer.ended(known)
            return None
        self._under_way[job.run_id] = [trial]
        objective = self._watched
        if objective is not None:
            told = trial.validations or {}
            self._histories[job.run_id] = History(RunFolder(job.folder), objective, told=told)
        self._forget_answer(trial, RunFolder(job.folder))
        freeze_idle(job)
        return job

    def _forget_answer(self, trial: Trial, folder: RunFolder) -> None:
        """A "prune" that another search said, or this one when it still pruned, ends no run now."""
        if not (self._prunes and trial.validations) and not is_held(folder.lock):
            with suppress(OSError):
                folder.prune.unlink(missing_ok=True)

    def _known(self, job: Job, record: RunRecord | None) -> Outcome | None:
        """How the trial's run has ended already, if it has."""
        if job.run_id in self._ended:
            return replace(self._ended[job.run_id], already=True)
        if record is None or job.config["force"] or is_held(RunFolder(job.folder).lock):
            return None
        # A run of no search's, too, was chosen among now: nobody is to look at its test score.
        record = replace(record, config={**record.config, SEARCH: self._part})
        if record.status == COMPLETED:
            stale = _stale(record, job)
            return Outcome(job.run_id, "completed", record=record, already=True, stale=stale)
        if record.status == PRUNED and self._prunes:
            return Outcome(job.run_id, "pruned", record=record, already=True)
        return None

    def _is_outdated(self, record: RunRecord, job: Job) -> bool:
        """Whether the run is to be done again: made by other code, or before this study began."""
        if job.run_id in self._ended or is_held(RunFolder(job.folder).lock):
            return False
        minds = self._redoes_stale or is_trial(record.config)
        was_there = is_among(self._discarded, RunFolder(job.folder))
        is_stale = was_there or (minds and bool(_stale(record, job)))
        return record.status in (COMPLETED, PRUNED) and is_stale

    @property
    def _num_under_way(self) -> int:
        return sum(map(len, self._under_way.values()))

    @property
    def _watched(self) -> Objective | None:
        """The objective, if runs tell of it before they end."""
        first = self._objectives[0]
        return first if len(self._objectives) == 1 and first.is_validated else None

    def _note_recorded(self, trial: Trial, job: Job) -> None:
        """Notes the validations of a run that has ended."""
        if self._watched is not None:
            with suppress(RecordError, ConfigError):  # what the record says of it counts
                self._note(trial, validations(RunFolder(job.folder), self._watched))

    def _marked(self, job: Job) -> Job:
        return replace(job, config={**job.config, SEARCH: self._part})

    # Telling

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        if outcome.status == "interrupted" or outcome.held:
            self._stopped += 1
            return
        self._ended[outcome.run_id] = outcome
        if outcome.status == "pruned":
            if not self._trials.has_number(trial.number):
                name = self._objectives[0].name
                return self._fail(trial, NoValue.of(name, "NaN or infinity").line())
            self._trials.prune(trial.number)
        elif outcome.status == "failed" or outcome.record is None:
            return self._fail(trial, outcome.reason or "its record cannot be read")
        else:
            try:
                results = [each.of(outcome.record) for each in self._objectives]
            except NoValue as error:
                return self._fail(trial, error.line())
            except ConfigError as error:
                self._lacks(outcome.run_id, error)
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


def _stale(record: RunRecord, job: Job) -> tuple[str, ...]:
    """What is not as it was when a record was made."""
    now = {"code": code_hash(job.config), "versions": versions()}
    then = {"code": record.provenance.code, "versions": record.provenance.versions}
    return tuple(name for name in now if then[name] != now[name])
