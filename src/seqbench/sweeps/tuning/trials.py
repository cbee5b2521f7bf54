"""The trials of a study in Optuna's database: asked, told, counted; taken up after a crash."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import distribution_to_json
from optuna.exceptions import DuplicatedStudyError, StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from seqbench.errors import ConfigError, ConfigErrors
from seqbench.sweeps.tuning.objectives import Objective
from seqbench.sweeps.tuning.settings import SWEEPER, TuningSettings
from seqbench.sweeps.tuning.space import Space, Value

_RUN, _REASON = "run_id", "reason"  # of a trial
_VOID, _MADE_OF = "void", "made_of"  # of the study
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
_STORAGE = f"{SWEEPER}.storage"
_ANOTHER = "give the search another name with study=NAME, or say what was said before"


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

    Args:
        url: of the database.
        name: the study's.
        settings: the sweeper's.
        space: what is searched.
        objectives: what is to be best.
        made_of: what else the study's numbers depend on, by key: what is the same for all trials.

    Raises:
        ConfigError: the database cannot be reached.
        ConfigErrors: the study that is there searches another space, or for something else.
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
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space, self._objectives = space, tuple(objectives)
        self._storage = _reached(url)
        self._study = self._opened(name, _description(space, objectives, made_of))
        self._study.pruner = settings.build_pruner()
        # A seeded sampler draws from its beginning after a restart: its seed moves on.
        self._study.sampler = settings.build_sampler(settings.seed + len(self._frozen()))

    # What there is

    def all(self) -> list[Trial]:
        """Every trial that counts, by number."""
        void = self._void()
        return [_trial(each) for each in self._frozen() if each.number not in void]

    def count(self) -> int:
        """How many have ended that count."""
        void = self._void()
        return sum(each.state in _ENDED and each.number not in void for each in self._frozen())

    def best(self) -> list[Trial]:
        """The best completed trial, the first of equals; of several objectives the Pareto front."""
        done = [each for each in self.all() if each.state == "completed"]
        signs = [1.0 if each.higher_is_better else -1.0 for each in self._objectives]
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
                self._make_void([each.number])
                self.fail(each.number, "the sweep was killed while it was drawn")
        return found

    def retry(self, failed: Sequence[Trial]) -> None:
        """Has the values of failed trials drawn again, in place of these."""
        self._make_void([each.number for each in failed])
        for each in failed:
            self._study.enqueue_trial(dict(each.values))

    def ask(self) -> Trial:
        """The next trial."""
        asked = self._study.ask(self._space.distributions)
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
            self._storage.set_trial_user_attr(identity, _REASON, reason)
        self._study.tell(number, state=TrialState.FAIL, skip_if_finished=True)

    def close(self) -> None:
        """Lets go of the database."""
        self._storage.remove_session()

    # Inside

    def _opened(self, name: str, description: dict[str, Any]) -> optuna.Study:
        directions = [each.direction for each in self._objectives]
        try:
            study = optuna.create_study(
                storage=self._storage, study_name=name, directions=directions
            )
        except DuplicatedStudyError:
            study = optuna.load_study(storage=self._storage, study_name=name)
            then = study.user_attrs.get(_MADE_OF)
            if then == description:
                return study
            frozen = study.get_trials(deepcopy=False)
            if then is not None and any(each.state in _ENDED for each in frozen):
                raise ConfigErrors(_changes(then, description)) from None
            # Nothing was found out yet: it may as well begin anew.
            optuna.delete_study(storage=self._storage, study_name=name)
            study = optuna.create_study(
                storage=self._storage, study_name=name, directions=directions
            )
        study.set_user_attr(_MADE_OF, description)
        return study

    def _frozen(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _void(self) -> set[int]:
        return set(self._study.user_attrs.get(_VOID, []))

    def _make_void(self, numbers: Sequence[int]) -> None:
        if numbers:
            self._study.set_user_attr(_VOID, sorted({*self._void(), *numbers}))

    def _id(self, number: int) -> int:
        study = self._storage.get_study_id_from_name(self._study.study_name)
        return self._storage.get_trial_id_from_study_id_trial_number(study, number)


def _trial(frozen: FrozenTrial) -> Trial:
    words = {
        TrialState.COMPLETE: "completed",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
    }
    state = words.get(frozen.state, "running")
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
            got=f"{_without_password(url)}: {_first_line(error)}",
        ) from error


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "no URL"


def _first_line(error: Exception) -> str:
    cause = error.__cause__ or error
    return (str(cause).splitlines() or [type(cause).__name__])[0]


def _description(
    space: Space, objectives: Sequence[Objective], made_of: Mapping[str, Any]
) -> dict[str, Any]:
    """What may not change while a study goes on."""
    plain = {
        "space": {
            key: json.loads(distribution_to_json(item)) for key, item in space.distributions.items()
        },
        "said": {key: str(item) for key, item in space.searched.items()},
        "objectives": {each.name: each.direction for each in objectives},
        "fixed": dict(made_of),
    }
    found: dict[str, Any] = json.loads(json.dumps(plain))
    return found


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[ConfigError]:
    """What is not as it was when the study began."""
    found: list[ConfigError] = []
    for key in {**then["space"], **now["space"]}:
        if then["space"].get(key) != now["space"].get(key):
            found.append(
                _changed(
                    key,
                    then["said"].get(key, "it not to be searched"),
                    now["said"].get(key, "it not to be searched"),
                )
            )
    if then["objectives"] != now["objectives"]:
        found.append(
            _changed(f"{SWEEPER}.objective", _said(then["objectives"]), _said(now["objectives"]))
        )
    if found:  # what is searched no more, or is now, is no news beside that
        return found
    for key in {**then["fixed"], **now["fixed"]}:
        before, after = then["fixed"].get(key), now["fixed"].get(key)
        if before != after:
            found.append(_changed(key, json.dumps(before), json.dumps(after)))
    return found


def _changed(key: str, then: str, now: str) -> ConfigError:
    return ConfigError(key, expected=f"{then}, as when the study began", got=now, remedy=_ANOTHER)


def _said(objectives: Mapping[str, str]) -> str:
    return ", ".join(f"{direction} {name}" for name, direction in objectives.items())
