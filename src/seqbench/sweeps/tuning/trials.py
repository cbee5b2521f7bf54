"""The trials of a study in Optuna's database: asked, told, counted; taken up after a crash."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.exceptions import DuplicatedStudyError, StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from seqbench.errors import ConfigError, ConfigErrors, first_line, kind_and_line
from seqbench.records.secrets import without_secrets
from seqbench.sweeps.tuning.description import changes, description, other_makers
from seqbench.sweeps.tuning.objectives import Objective
from seqbench.sweeps.tuning.ownership import Ownership, refuse_held
from seqbench.sweeps.tuning.settings import SWEEPER, TuningSettings
from seqbench.sweeps.tuning.space import Space, Value

_RUN, _REASON = "run_id", "reason"  # of a trial
_VOID, _MADE_OF = "void", "made_of"  # of the study
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
_FIXED = "fixed_params"  # Optuna's, of a trial that was enqueued
_STATES = {
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "completed",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
_STORAGE = f"{SWEEPER}.storage"

Redo = Literal["stale", "all"]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One draw of all hyperparameters.

    Attributes:
        number: from 0.
        values: by key.
        state: "running", "completed", "pruned" or "failed".
        run_id: the run that it is; equal for equal values; None where it could not be composed.
        results: the value of each objective; empty but for a completed trial.
        validations: what running trials told, by validation, counted from 1.
        reason: why it failed.
    """

    number: int
    values: dict[str, Value]
    state: str = "running"
    run_id: str | None = None
    results: tuple[float, ...] = ()
    validations: Mapping[int, float] | None = None
    reason: str = ""


class Trials:
    """A study's trials; the only one that writes to the database.

    A study that is to be begun anew stays as it is until `begin_anew`: what may yet refuse the
    search comes before.

    Args:
        url: of the database.
        name: the study's.
        settings: the sweeper's.
        space: what is searched.
        objectives: what is to be best.
        made_of: what else the study's numbers depend on, by key: what is the same for all trials.
        made_by: the hash of the code, and the version of each library.
        redo: which trials that are there are to be done again: the study is begun anew for all, or
            for trials of other code or data.
        shared_from: the study's folder, where the database is not this folder's alone.

    Attributes:
        is_discarded: whether its trials are to be done again, all of them.
        stale: whether its trials are of other code, libraries or data; only of a study that has all
            its trials, so that none of now is added to them.

    Raises:
        ConfigError: the database cannot be reached; the study there is another program's, or
            another process is at it.
        ConfigErrors: the study that is there searches another space, or for something else, or has
            trials of other code to which more would be added.
    """

    def __init__(
        self,
        *,
        url: str,
        name: str,
        settings: TuningSettings,
        space: Space,
        objectives: Sequence[Objective],
        made_of: Mapping[str, Any],
        made_by: Mapping[str, str],
        redo: Redo | None = None,
        shared_from: Path | None = None,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._settings, self._space, self._objectives = settings, space, tuple(objectives)
        self._redo, self._shared_from = redo, shared_from
        self._now = description(space, objectives, made_of, made_by)
        self.is_discarded = self.stale = False
        self._storage = _reached(url)
        self._open(name)
        self._own()

    # What there is

    def all(self) -> list[Trial]:
        """Every trial that counts and was begun, by number."""
        void = _void(self._study)
        found = [each for each in self._frozen() if each.number not in void]
        return [_trial(each) for each in found if each.state in _STATES]

    def count(self) -> int:
        """How many have ended that count."""
        void = _void(self._study)
        return sum(each.state in _ENDED and each.number not in void for each in self._frozen())

    def to_come(self, again: Sequence[Trial]) -> int:
        """How many are left to do, if some that have failed are done again."""
        if self.is_discarded:
            return self._settings.n_trials
        return max(self._settings.n_trials - self.count() + len(again), self._num_running())

    def best(self) -> list[Trial]:
        """The best completed trial, the first of equals; of several objectives the Pareto front."""
        done = [each for each in self.all() if each.state == "completed"]
        signs = [1.0 if each.higher_is_better else -1.0 for each in self._objectives]
        if len(signs) == 1:
            return [max(done, key=lambda each: signs[0] * each.results[0])] if done else []
        scores = {
            each.number: [s * value for s, value in zip(signs, each.results, strict=True)]
            for each in done
        }
        front: list[Trial] = []
        for each in done:
            mine = scores[each.number]
            beaten = any(
                all(a >= b for a, b in zip(scores[other.number], mine, strict=True))
                and (scores[other.number] != mine or other.number < each.number)
                for other in done
                if other is not each
            )
            front += [] if beaten else [each]
        return front

    # Beginning

    def meet(self, makers: Sequence[ConfigError]) -> None:
        """Decides what becomes of a study whose trials are of other code, libraries or data.

        Args:
            makers: what is not as it was.

        Raises:
            ConfigErrors: these, where trials of now would be added.
        """
        told = self.count()
        if not told or self._redo == "stale":
            self.is_discarded = True
        elif told < self._settings.n_trials or self._num_running():
            raise ConfigErrors(list(makers))
        else:
            self.stale = True

    def begin_anew(self) -> None:
        """Forgets every trial that there is."""
        self._let_go()
        optuna.delete_study(storage=self._storage, study_name=self._study.study_name)
        self._open(self._study.study_name)
        self._own()
        self.is_discarded = False

    # Asking

    def left_running(self) -> list[Trial]:
        """Trials that an earlier process asked for and never told; unfinished draws are void."""
        found: list[Trial] = []
        for each in self._frozen():
            if each.state is not TrialState.RUNNING:
                continue
            if set(each.params) == set(self._space.searched):
                found.append(_trial(each))
            else:
                if _FIXED in each.system_attrs:  # its values are those of a trial that failed
                    self._enqueue(each.system_attrs[_FIXED])
                self._make_void([each.number])
                self.fail(each.number, "the sweep was killed while it was drawn")
        return found

    def retry(self, failed: Sequence[Trial]) -> None:
        """Has the values of failed trials drawn again, in place of these, as many as are wanted."""
        wished = [dict(each.values) for each in failed]
        waiting = sum(values not in wished for values in self._waiting())
        room = self._settings.n_trials - (len(self.all()) - len(failed)) - waiting
        for values in wished[: max(room, 0)]:
            self._enqueue(values)
        if room > 0:  # last: killed before, a sweep finds all as it was, or waiting already
            self._make_void([each.number for each in failed])

    def ask(self) -> Trial:
        """The next trial.

        Raises:
            ConfigError: another process has taken the study; the sampler cannot draw from this
                space, or lacks a package.
        """
        if self._ownership is not None:
            self._ownership.check()
        try:
            asked = self._study.ask(self._space.distributions)
        except (ImportError, ValueError) as error:
            raise ConfigError(
                f"{SWEEPER}.sampler",
                expected="a sampler that can draw from this space",
                got=kind_and_line(error),
            ) from error
        return Trial(number=asked.number, values=dict(asked.params))

    def name_run(self, number: int, run_id: str) -> None:
        """Notes which run the trial is."""
        self._storage.set_trial_user_attr(self._id(number), _RUN, run_id)

    # Telling

    def note(self, number: int, validation: int, value: float) -> None:
        """A running trial's value at a validation."""
        self._storage.set_trial_intermediate_value(self._id(number), validation, value)

    def is_hopeless(self, number: int) -> bool:
        """What the pruner says of it."""
        frozen = self._storage.get_trial(self._id(number))
        return bool(self._study.pruner.prune(self._study, frozen))

    def has_number(self, number: int) -> bool:
        """Whether any validation that it told of was finite; true of one that told of none."""
        values = self._storage.get_trial(self._id(number)).intermediate_values.values()
        return not values or any(map(math.isfinite, values))

    def complete(self, number: int, results: Sequence[float]) -> None:
        """The trial came to its end."""
        self._study.tell(number, list(results), skip_if_finished=True)

    def prune(self, number: int) -> None:
        """The trial was given up."""
        self._study.tell(number, state=TrialState.PRUNED, skip_if_finished=True)

    def fail(self, number: int, reason: str) -> None:
        """The trial has no value."""
        identity = self._id(number)
        if not self._storage.get_trial(identity).state.is_finished():
            self._storage.set_trial_user_attr(identity, _REASON, without_secrets(reason))
        self._study.tell(number, state=TrialState.FAIL, skip_if_finished=True)

    def close(self) -> None:
        """Lets go of the study and of its database."""
        self._let_go()
        self._storage.remove_session()

    # Inside

    def _open(self, name: str) -> None:
        try:
            self._study = self._created(name)
        except DuplicatedStudyError:
            self._study = optuna.load_study(storage=self._storage, study_name=name)
            if self._shared_from is not None:
                refuse_held(self._study, self._shared_from)
            then = self._study.user_attrs.get(_MADE_OF)
            if then is not None:
                return self._compare(then)
            self._refuse_anothers(self._study)
        self._study.set_user_attr(_MADE_OF, self._now)

    def _own(self) -> None:
        """The study becomes this process's, with what prunes and what draws."""
        study, shared = self._study, self._shared_from
        self._ownership = None if shared is None else Ownership(study, self._storage, shared)
        study.pruner = self._settings.build_pruner()
        # A seeded sampler draws from its beginning after a restart: its seed moves on.
        study.sampler = self._settings.build_sampler(self._settings.seed + len(self._frozen()))

    def _let_go(self) -> None:
        if self._ownership is not None:
            self._ownership.release()

    def _created(self, name: str) -> optuna.Study:
        directions = [each.direction for each in self._objectives]
        return optuna.create_study(storage=self._storage, study_name=name, directions=directions)

    def _refuse_anothers(self, study: optuna.Study) -> None:
        """Refuses a study without our description, but for one that was killed as it was made."""
        ways = [each.name.lower() for each in study.directions]
        is_bare = not study.user_attrs and ways == [each.direction for each in self._objectives]
        trials = study.get_trials(deepcopy=False)
        if trials or not is_bare:
            raise ConfigError(
                "study",
                expected="the name of a search of seqbench's, or one that is new to the database",
                got=f"{study.study_name}, another program's study of {len(trials)} trials",
                remedy="give the search another name with study=NAME",
            )

    def _compare(self, then: Mapping[str, Any]) -> None:
        """Whether a study of ours goes on, or is to be begun anew, since nothing is lost by it."""
        changed = changes(then, self._now)
        if changed and self.count():
            raise ConfigErrors(changed)
        if changed or self._redo == "all":
            self.is_discarded = True
        elif makers := other_makers(then, self._now):
            self.meet(makers)

    def _num_running(self) -> int:
        return sum(each.state is TrialState.RUNNING for each in self._frozen())

    def _frozen(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _waiting(self) -> list[dict[str, Value]]:
        """The values that are to be drawn again."""
        waiting = [each for each in self._frozen() if each.state is TrialState.WAITING]
        return [dict(each.system_attrs.get(_FIXED, {})) for each in waiting]

    def _enqueue(self, values: Mapping[str, Value]) -> None:
        if values not in self._waiting():
            self._study.enqueue_trial(dict(values))

    def _make_void(self, numbers: Sequence[int]) -> None:
        if numbers:
            self._study.set_user_attr(_VOID, sorted({*_void(self._study), *numbers}))

    def _id(self, number: int) -> int:
        study = self._storage.get_study_id_from_name(self._study.study_name)
        return self._storage.get_trial_id_from_study_id_trial_number(study, number)


def _void(study: optuna.Study) -> set[int]:
    return set(study.user_attrs.get(_VOID, []))


def _trial(frozen: FrozenTrial) -> Trial:
    state = _STATES[frozen.state]
    return Trial(
        number=frozen.number,
        values=dict(frozen.params),
        state=state,
        run_id=frozen.user_attrs.get(_RUN),
        results=tuple(frozen.values or ()) if state == "completed" else (),
        validations=dict(frozen.intermediate_values),
        reason=frozen.user_attrs.get(_REASON, ""),
    )


def _reached(url: str) -> RDBStorage:
    try:
        return RDBStorage(url)
    except (ImportError, SQLAlchemyError, StorageInternalError, RuntimeError, OSError) as error:
        raise ConfigError(
            _STORAGE,
            expected="the URL of a database that can be reached",
            got=f"{_shown(url)}: {without_secrets(first_line(error.__cause__ or error))}",
        ) from error


def _shown(url: str) -> str:
    try:
        shown: str = without_secrets(make_url(url).render_as_string(hide_password=True))
    except ArgumentError:
        return "no URL"
    return shown
