"""A search as `seqbench sweep` does it: trials, then the winner again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Literal

from optuna.exceptions import StorageInternalError
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from seqbench.config.job import Job, thaw
from seqbench.errors import ConfigError, RecordError, first_line
from seqbench.records.claim import claimed, is_held, require_locks
from seqbench.records.folder import RunFolder
from seqbench.records.identity import EXCLUDED, without
from seqbench.records.provenance import code_hash, versions
from seqbench.records.record import COMPLETED, PRUNED, RunRecord
from seqbench.records.searches import SEARCH, SearchPart, search_part
from seqbench.sweeps.composer import Composer
from seqbench.sweeps.execute import Execute, Launcher, Observer, Outcome
from seqbench.sweeps.plan import Plan
from seqbench.sweeps.tuning.data_check import is_other_data
from seqbench.sweeps.tuning.description import other_data
from seqbench.sweeps.tuning.discarded import discard, discarded
from seqbench.sweeps.tuning.objectives import Objective, kind_of
from seqbench.sweeps.tuning.results import read_counts, read_ends, read_finals, write_results
from seqbench.sweeps.tuning.search import Search
from seqbench.sweeps.tuning.settings import SWEEPER, TuningSettings, name_of
from seqbench.sweeps.tuning.space import Space
from seqbench.sweeps.tuning.trials import Redo, Trial, Trials
from seqbench.sweeps.tuning.watching import Watching

DATABASE, LOCK = "optuna.db", ".tuning.lock"  # in the study's folder
_GONE = "Record does not exist."  # what Optuna says of a study that somebody has deleted


@dataclass
class Tuning:
    """What a search will do.

    Attributes:
        tuning: the sweeper's settings.
        settings: the keys that only `sweep` has, as a plan's.
        space: what is searched.
        objectives: what is to be best.
        corners: jobs with every end of every hyperparameter: they compose, and are not run.
        composer: makes jobs.
        launcher: how they are executed.
        ticks: whether it lets the search look after running trials, and knows how many run at once.
        trials: as they stood when `search` came back.
        best: the best of them; of several objectives the Pareto front.
        chosen: by the number of a best trial, its runs on fresh seeds.
        stale: whether the trials are of other code, libraries or data, and none was added to them.
        stopped: whether the sweep was told to stop: nothing else is to be begun.
    """

    tuning: TuningSettings
    settings: dict[str, Any]
    space: Space
    objectives: tuple[Objective, ...]
    corners: tuple[Job, ...]
    composer: Composer = field(repr=False)
    launcher: Launcher = field(repr=False)
    ticks: bool
    trials: list[Trial] = field(default_factory=list)
    best: list[Trial] = field(default_factory=list)
    chosen: dict[int, list[str]] = field(default_factory=dict)
    stale: bool = False
    stopped: bool = False

    @property
    def study(self) -> str:
        """The study's name."""
        return self.corners[0].study

    @property
    def folder(self) -> Path:
        """Where its runs lie."""
        return self.corners[0].folder.parent

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """The study is this process's alone for the length of the block.

        Raises:
            RecordError: outputs cannot be written, or another process does this search.
        """
        require_locks(self.folder)
        with claimed(self.folder / LOCK):
            yield

    def goes_on(self) -> bool:
        """Whether a process is at it."""
        return is_held(self.folder / LOCK)

    def search(self, execute: Execute, observer: Observer) -> list[Outcome]:
        """Runs trials until the study has as many as it is to have, or the sweep is stopped.

        The study must be `claimed`. Whatever is refused is refused before a trial is forgotten.

        Args:
            execute: does one job; what it raises is that trial's failure.
            observer: is told as jobs start and end.

        Raises:
            ConfigError: the database cannot be reached, or is lost; no run logs the objective.
            ConfigErrors: the study that is there is another search, or one of other code or data;
                jobs that can never run.
            KeyboardInterrupt: it was stopped before its first trial.
            RecordError: outputs cannot be written.
        """
        with self._opened() as trials:
            to_come, at_once = self._begun(trials, execute)
            observer.begin((), at_once)
            if at_once >= to_come == self.tuning.n_trials > 1 and not self.tuning.at_random:
                observer.note(
                    f"all {to_come} trials are drawn before one has ended: {self.names[0]} learns "
                    "nothing from them; hydra.sweeper.parallel=N draws later"
                )
            search = Search(
                trials=trials,
                compose=self.job,
                objectives=self.objectives,
                kinds=[kind_of(job.config) for job in self.corners],
                part=asdict(self._part("trial")),
                wanted=self.tuning.n_trials,
                at_once=at_once,
                prunes=self.tuning.pruner is not None,
                redoes_stale=self._redo == "stale",
                discarded=discarded(self.folder),
                observer=observer,
                changed=lambda: self._look_at(trials),
            )
            with suppress(KeyboardInterrupt):  # its trials are gone on with another time
                watching = Watching(observer, search)
                if to_come:
                    launch = self.launcher.launch
                    self.stopped = launch(search, execute, search.ended, watching)
            return search.outcomes

    def finals(self) -> Plan | None:
        """The winner's runs on fresh seeds; None where there is no winner, or none are wanted."""
        if not self.best or not self.tuning.retrain_best:
            return None
        part = asdict(self._part("final"))
        seeds = range(1, self.tuning.retrain_best + 1)
        jobs: dict[str, Job] = {}
        self.chosen = {}
        for trial in self.best:
            again = [self.job(trial, fresh=seed) for seed in seeds]
            self.chosen[trial.number] = [job.run_id for job in again]
            jobs |= {j.run_id: replace(j, config={**j.config, SEARCH: part}) for j in again}
        self._write()
        return Plan(tuple(jobs.values()), self.settings, self.launcher)

    def job(self, trial: Trial, fresh: int = 0) -> Job:
        """The run of a trial's values; `fresh` counts on from the search's own seed.

        Raises:
            ConfigErrors: the values do not go together.
        """
        lines = self.space.lines(trial.values)
        if fresh:
            seed = self.corners[0].seed + fresh
            lines = (*(line for line in lines if not _sets_seed(line)), f"seed={seed}")
        return self.composer.job(lines)

    def jobs(self) -> list[Job]:
        """The runs of this search that there are, found by their folders."""
        found: list[Job] = []
        for path in sorted(self.folder.glob("*/config.yaml")):
            with suppress(RecordError):
                job = thaw(path)
                found += [job] if search_part(job.config) is not None else []
        return found

    @property
    def names(self) -> tuple[str, str | None]:
        """The classes of the sampler and of the pruner."""
        return name_of(self.tuning.sampler) or "", name_of(self.tuning.pruner)

    def standing(self) -> str:
        """How far the study is, by its results' file; nothing is opened or made."""
        found = read_counts(self.folder)
        words = [f"{count} {state}" for state, count in found.items() if count]
        return f"so far {', '.join(words)}" if words else "none so far"

    def to_come(self) -> int:
        """How many trials are left, as far as the results' file tells."""
        ends = [] if self._redo == "all" else read_ends(self.folder)
        again = self.settings["retry_failed"]
        told = [
            state
            for state, run_id in ends
            if state != "running" and not (again and self._may_yet_do(state, run_id))
        ]
        return max(self.tuning.n_trials - len(told), 0)

    def records(self, run_ids: Iterable[str]) -> list[RunRecord]:
        """The records of runs of this study, those that can be read."""
        found: list[RunRecord] = []
        for run_id in run_ids:
            with suppress(RecordError):
                record = RunFolder(self.folder / run_id).read_record()
                found += [] if record is None else [record]
        return found

    def _part(self, phase: Literal["trial", "final"]) -> SearchPart:
        sampler, pruner = self.names
        return SearchPart(
            phase=phase, sampler=sampler, at_random=self.tuning.at_random, pruner=pruner
        )

    def _begun(self, trials: Trials, execute: Execute) -> tuple[int, int]:
        """How many trials are to come, and how many at once; what may refuse them goes first."""
        self._look_at_data(trials, execute)
        self.stale = trials.stale
        again = self._worth_another_try(trials)
        to_come = trials.to_come(again)
        at_once = self._prepared(to_come) if to_come else 1
        if trials.is_discarded:
            if trials.count():
                discard(self.folder)
            trials.begin_anew()
        else:
            trials.retry(again)
        self.chosen = read_finals(self.folder, trials.all())
        self._look_at(trials)
        return to_come, at_once

    def _prepared(self, to_come: int) -> int:
        """How many trials run at once; a published launcher does not say, and does as it is told.

        Raises:
            ConfigErrors: jobs that can never run.
        """
        most = max(to_come, len(self.corners))
        prepared = min(self.launcher.prepare(list(islice(cycle(self.corners), most))), to_come)
        said = self.tuning.parallel
        if said is None:
            return prepared
        return min(said, prepared) if self.ticks else said

    def _look_at_data(self, trials: Trials, execute: Execute) -> None:
        """Whether the data is still what the trials saw.

        Raises:
            ConfigErrors: it is not, and trials would be added.
            KeyboardInterrupt: the look was broken off.
        """
        if trials.is_discarded or trials.stale:
            return
        done = {e.run_id: self.job(e) for e in trials.all() if e.state == "completed"}
        if is_other_data(list(done.values()), self.launcher, execute):
            trials.meet([other_data()])

    def _worth_another_try(self, trials: Trials) -> list[Trial]:
        """The failed trials that are to be done again."""
        if not self.settings["retry_failed"] or trials.is_discarded or trials.stale:
            return []
        return [each for each in trials.all() if self._may_yet_do(each.state, each.run_id)]

    @property
    def _redo(self) -> Redo | None:
        if self.corners[0].config["force"]:
            return "all"
        redo: Redo | None = self.settings["rerun"]
        return redo

    def _may_yet_do(self, state: str, run_id: str | None) -> bool:
        """Whether a failed trial is worth another try: a NaN that is on record stays one."""
        if state != "failed" or run_id is None:
            return False
        with suppress(RecordError):
            record = RunFolder(self.folder / run_id).read_record()
            return record is None or record.status not in (COMPLETED, PRUNED)
        return True

    def _look_at(self, trials: Trials) -> None:
        self.trials, self.best = trials.all(), trials.best()
        self._write()

    def _write(self) -> None:
        numbers = {trial.number for trial in self.best}  # another may have become the best
        write_results(
            self.folder,
            self.study,
            self.tuning,
            self.objectives,
            self.trials,
            self.best,
            {number: ids for number, ids in self.chosen.items() if number in numbers},
        )

    @contextmanager
    def _opened(self) -> Iterator[Trials]:
        """The study's trials."""
        with _database_errors():
            trials = Trials(
                url=self.tuning.storage or database_url(self.folder),
                name=self.study,
                settings=self.tuning,
                space=self.space,
                objectives=self.objectives,
                made_of=_made_of(self.corners[0].config, self.space.searched),
                made_by=_made_by([job.config for job in self.corners]),
                redo=self._redo,
                # The lock file in the folder tells of a database that lies there.
                shared_from=self.folder if self.tuning.storage else None,
            )
            try:
                yield trials
                self._look_at(trials)
            finally:
                trials.close()


def database_url(folder: Path) -> str:
    """The URL of a study's own database, whatever characters the path of its folder has."""
    return URL.create("sqlite", database=str(folder.resolve() / DATABASE)).render_as_string()


def _made_of(config: Mapping[str, Any], searched: Mapping[str, Any]) -> dict[str, Any]:
    """What is the same for all trials and can change a result, by dotted key."""
    counted = dict(_leaves(without(config, frozenset(EXCLUDED)), ""))
    return {
        key: value
        for key, value in counted.items()
        if not any(key == each or key.startswith(f"{each}.") for each in searched)
    }


def _made_by(configs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What made the trials: the hash of the code that any of them names, and each library."""
    return {"code": code_hash({"jobs": list(configs)}), **versions()}


def _leaves(node: Mapping[str, Any], at: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{at}{key}.")
        else:
            yield f"{at}{key}", value


def _sets_seed(line: str) -> bool:
    return line.lstrip("+").startswith("seed=")


@contextmanager
def _database_errors() -> Iterator[None]:
    """What the database refuses in the middle of a search, as an error of ours."""
    try:
        yield
    except (StorageInternalError, SQLAlchemyError, KeyError) as error:
        if isinstance(error, KeyError) and error.args != (_GONE,):
            raise
        raise ConfigError(
            f"{SWEEPER}.storage",
            expected="a database that stays",
            got=first_line(error),
            remedy="the same command goes on once it is back",
        ) from error
