"""A sweep's part of Slurm's queue: jobs handed over by submitit, and what becomes of them."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqbench.config.job import Job
from seqbench.errors import ConfigError
from seqbench.records.claim import is_held
from seqbench.sweeps.burial import bury_as
from seqbench.sweeps.dispatch import News, NotTaken
from seqbench.sweeps.execute import Observer, Outcome
from seqbench.sweeps.node import Order, told
from seqbench.sweeps.slurm_commands import NoAnswer, Queued, cancel, details, queue
from seqbench.sweeps.slurm_run import SlurmRun

FOLDER = "slurm"  # in the study's, for scripts and what Slurm prints
LOCK = ".lock"  # in that, of the sweep that waits for the jobs
LOOK_SECONDS = 1.0  # between two looks for what jobs have told
LINGER_SECONDS = 10.0  # out of the queue, before a job is given up: its last word may come late
_RUNS = ("RUNNING", "COMPLETING", "STOPPED", "SUSPENDED", "STAGE_OUT", "SIGNALING")


@dataclass
class Handed:
    """A job that Slurm has.

    Attributes:
        job_id: Slurm's.
        job: the run.
        state: as last seen in the queue.
        missed: since when it is not in the queue; None while it is.
        is_mine: whether this sweep may cancel it.
    """

    job_id: str
    job: Job
    state: str = "PENDING"
    missed: float | None = None
    is_mine: bool = True


@dataclass
class SlurmQueue:
    """A `Scheduler`.

    Attributes:
        call: the function that executes a run, as `module:name`.
        flags: sbatch's options of a job.
        setup: lines of shell before it.
        python: what starts Python on a node.
        warning_seconds: before its time is up, a job is told.
        poll_seconds: between two looks at the queue.
        claim: whether no other sweep that lives has this study's jobs.
        observer: is told what the user should know.
    """

    call: str
    flags: Callable[[Job], dict[str, Any]]
    setup: Sequence[str]
    python: str
    warning_seconds: int
    poll_seconds: float
    claim: Callable[[Path], bool]
    observer: Observer
    outlives: bool = True
    _handed: dict[str, Handed] = field(default_factory=dict)
    _left: dict[str, Queued] | None = None
    _is_mine: bool = True
    _looked: float = 0.0
    _is_silent: bool = False
    _is_stopping: bool = False

    def submit(self, job: Job) -> None:
        """Hands a job to Slurm, unless an earlier sweep has left it in the queue.

        Raises:
            NotTaken: Slurm does not take it now: its controller is busy or away, or a limit of how
                many jobs may be queued is reached.
            ConfigError: what sbatch answers cannot be understood.
        """
        folder = _folder(job)
        if self._left is None:
            self._find_left(folder)
        assert self._left is not None
        found = self._left.pop(job.run_id, None)
        if found is not None:
            handed = Handed(found.job_id, job, found.state, is_mine=self._is_mine)
        else:
            handed = Handed(self._submit(job, folder), job)
        self._handed[job.run_id] = handed

    def news(self, seconds: float) -> Iterator[News]:
        """What jobs have told, and what the queue shows; the queue is looked at now and then."""
        time.sleep(min(seconds, LOOK_SECONDS))
        for handed in list(self._handed.values()):
            outcome = told(_told(handed))
            if outcome is not None and outcome.status != "interrupted":
                yield self._over(handed, outcome)  # an interrupted one may be queued again
        if time.monotonic() - self._looked >= self.poll_seconds:
            self._looked = time.monotonic()
            yield from self._look_at_queue()

    def stop(self, *, at_once: bool) -> Iterable[str]:
        """Cancels the jobs; that they are killed if they do not end is up to Slurm.

        Returns:
            The run ids of jobs that are another sweep's, and go on.
        """
        self._is_stopping = True
        theirs = [name for name, handed in self._handed.items() if not handed.is_mine]
        for name in theirs:
            del self._handed[name]
        mine = [handed.job_id for handed in self._handed.values()]
        self._looked = 0.0
        self.poll_seconds = min(self.poll_seconds, LOOK_SECONDS)
        if at_once:
            return theirs
        try:
            cancel(mine)
        except NoAnswer as error:
            ids = " ".join(mine)
            self.observer.note(f"the jobs could not be cancelled ({error}): scancel {ids}")
        return theirs

    def _find_left(self, folder: Path) -> None:
        """What is queued of this study, by whom it was submitted."""
        folder.mkdir(parents=True, exist_ok=True)
        self._is_mine = self.claim(folder)
        self._left = {}
        with suppress(NoAnswer):  # what is submitted twice by this is refused its run folder
            for each in queue():
                if (folder / f"{each.job_id}_submission.sh").exists():
                    self._left[each.name] = each

    def _submit(self, job: Job, folder: Path) -> str:
        import submitit
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        flags = self.flags(job)
        executor = submitit.SlurmExecutor(folder=folder.absolute(), python=self.python)
        executor.update_parameters(
            job_name=job.run_id,
            time=flags.pop("time"),
            setup=[*self.setup] or None,
            wckey=None,
            additional_parameters={
                "signal": f"USR1@{self.warning_seconds}",  # Interrupts.SIGNALS has it
                "requeue": True,
                **flags,
            },
            # An allocation's cores do not become its steps' by themselves.
            srun_args=[f"--cpus-per-task={flags['cpus-per-task']}"],
        )
        run = SlurmRun(Order.of(job, self.call), str(folder.absolute()))
        try:
            with redirect_stderr(io.StringIO()):  # into the table; the error says it again
                return str(executor.submit(run).job_id)
        except FailedJobError as error:
            raise NotTaken(" ".join(str(error).split())) from error
        except FailedSubmissionError as error:
            raise ConfigError(
                "hydra/launcher=slurm",
                expected="an sbatch that answers with the job's number",
                got=" ".join(str(error).split()),
            ) from error
        finally:
            _tidy(folder, job.run_id)

    def _look_at_queue(self) -> Iterator[News]:
        try:
            there = {each.job_id: each for each in queue()}
        except NoAnswer as error:
            if not self._is_silent:
                self.observer.note(f"Slurm does not answer and is asked again: {error}")
            self._is_silent = True
            return
        self._is_silent = False
        for handed in list(self._handed.values()):
            found = there.get(handed.job_id)
            if found is None:
                yield from self._missed(handed)
                continue
            handed.missed = None
            before, handed.state = handed.state, found.state
            if _runs(found.state) and not _runs(before):
                yield News(handed.job.run_id, "began")
            elif _runs(before) and not _runs(found.state):
                yield News(handed.job.run_id, "waits")

    def _missed(self, handed: Handed) -> Iterator[News]:
        """A job that is not in the queue has ended; how, it may have told, or Slurm knows.

        One that was interrupted may be on its way back into the queue.
        """
        outcome = told(_told(handed))
        handed.missed = handed.missed or time.monotonic()
        if time.monotonic() - handed.missed < LINGER_SECONDS and not self._is_stopping:
            return
        yield self._over(handed, outcome or self._end_unheard(handed))

    def _end_unheard(self, handed: Handed) -> Outcome:
        if self._is_stopping:  # what it is then called in Slurm differs, and may not be told
            return Outcome(handed.job.run_id, "interrupted")
        known: Mapping[str, str] = {}
        with suppress(NoAnswer):
            known = details(handed.job_id)
        state = known.get("JobState", "no longer known")
        if state == "CANCELLED":
            return Outcome(handed.job.run_id, "interrupted", "cancelled in Slurm")
        code = known.get("ExitCode", "unknown")
        printed = _folder(handed.job) / f"{handed.job_id}_0_log.err"
        message = f"Slurm's job {handed.job_id} ended ({state}, exit code {code}), see {printed}"
        return bury_as(handed.job, known.get("JobState", "ProcessEnd"), message)

    def _over(self, handed: Handed, outcome: Outcome) -> News:
        del self._handed[handed.job.run_id]
        if outcome.status in ("completed", "pruned"):
            for path in _folder(handed.job).glob(f"{handed.job_id}[_.]*"):
                path.unlink(missing_ok=True)
        return News(handed.job.run_id, "ended", outcome)


def has_waiting(study: Path) -> bool:
    """Whether a sweep lives that has jobs of the study in Slurm's queue."""
    return is_held(study / FOLDER / LOCK)


def _folder(job: Job) -> Path:
    return job.folder.parent / FOLDER


def _told(handed: Handed) -> Path:
    return _folder(handed.job) / f"{handed.job_id}.json"


def _runs(state: str) -> bool:
    return state in _RUNS


def _tidy(folder: Path, run_id: str) -> None:
    """Removes script and pickle of a submission from where they were before the job had a number.

    Those of a job that was not taken stay there, and of any other only a link does. Another sweep
    may be submitting other runs.
    """
    for path in (*folder.glob(".submission_file_*.sh"), *folder.glob(f"{'[0-9a-f]' * 32}.pkl")):
        with suppress(OSError):
            if run_id.encode() in path.read_bytes():
                path.unlink()
