"""`hydra/launcher=pool`: jobs side by side on one machine, each in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from seqbench.config.job import Job
from seqbench.errors import ConfigError, ConfigErrors, RecordError, TrainingError
from seqbench.records.claim import is_held
from seqbench.records.folder import RunFolder
from seqbench.records.provenance import usable_cores, utc_now
from seqbench.records.record import COMPLETED, FAILED, RunRecord
from seqbench.sweeps.burial import bury
from seqbench.sweeps.execute import Execute, Observer, Outcome, reason_of
from seqbench.sweeps.server import PRELOAD, Server, ServerDied
from seqbench.sweeps.slots import Slot, Slots

TICK_SECONDS = 0.2
ELSEWHERE_SECONDS = 1.0  # between two looks at runs that another process has
AGAIN_SECONDS = 2.0  # before that, another signal than Ctrl-C is not a second wish to stop
STOP_SECONDS = 60.0  # for checkpoints, between being told to stop and being killed
STARTS_AT_ONCE = 32  # told before the warm process is heard again
MAX_DEATHS = 3  # of the warm process in a row, no job having ended in between

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Running:
    """A job in its slot; `outcome` is what it has said of its end."""

    job: Job
    slot: Slot
    outcome: Outcome | None = None


@dataclass
class Pool:
    """Runs jobs in slots.

    Args:
        slots: jobs on the CPU at once; None for as many as the cores allow.
        gpus: GPUs to use, by the names CUDA_VISIBLE_DEVICES takes; None for all there are.
        slots_per_gpu: jobs on one GPU at once.
        modules: what the warm process imports.
    """

    slots: int | None = None
    gpus: Sequence[str] | None = None
    slots_per_gpu: int = 1
    modules: Sequence[str] = PRELOAD
    _server: Server | None = None
    _machine: Slots = field(default_factory=lambda: Slots(usable_cores()))

    @classmethod
    def of(cls, *, slots: Any, gpus: Any, slots_per_gpu: Any) -> Pool:
        """The pool of `hydra.launcher`'s settings.

        Raises:
            ConfigErrors: those that make no sense.
        """
        names = _gpu_names(gpus)
        checks = {
            "slots": (slots is None or _is_positive(slots), "a positive integer or null", slots),
            "slots_per_gpu": (_is_positive(slots_per_gpu), "a positive integer", slots_per_gpu),
            "gpus": (
                names is None or (names and len(set(names)) == len(names)),
                "a list of GPUs, each once, or null",
                gpus,
            ),
        }
        errors = [
            ConfigError(f"hydra.launcher.{key}", expected=expected, got=str(got))
            for key, (is_right, expected, got) in checks.items()
            if not is_right
        ]
        if errors:
            raise ConfigErrors(errors)
        return cls(slots=slots, gpus=names, slots_per_gpu=slots_per_gpu)

    def warm(self) -> None:
        """Begins to import what jobs need, in the background."""
        self._server = self._server or Server(self.modules)

    def close(self) -> None:
        """Ends the warm process."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def prepare(self, jobs: Sequence[Job]) -> int:
        """Finds out what this machine has for these jobs.

        Returns:
            How many of them will run at once.

        Raises:
            ConfigErrors: jobs that it can never run.
            TrainingError: no process can be had to run jobs in.
        """
        gpus = self.gpus
        if gpus is None:
            on_cpu = all(job.config["trainer"]["accelerator"] == "cpu" for job in jobs)
            gpus = () if on_cpu or not _may_have_gpus() else self._gpus_there_are()
        self._machine = Slots(
            usable_cores(),
            tuple(map(str, gpus)),
            slots_per_gpu=self.slots_per_gpu,
            at_most=self.slots,
        )
        refused = [self._machine.refuse(job.config) for job in jobs]
        mistakes = {error.line(): error for error in refused if error is not None}
        if mistakes:
            raise ConfigErrors(list(mistakes.values()))
        self._preload({module for job in jobs for module in _own_modules(job.config)})
        return self._machine.at_once([job.config for job in jobs])

    def launch(
        self,
        jobs: Sequence[Job],
        execute: Execute,
        ended: Callable[[Outcome], None],
        observer: Observer,
        checks: Sequence[Job] = (),
    ) -> None:
        """Runs the jobs, then the checks, each of which takes one core.

        Returns after Ctrl-C or SIGTERM too, once running jobs have saved their checkpoints.

        Raises:
            TrainingError: no process can be had to run jobs in.
        """
        with stop_signals() as stops:
            shift = Shift(self, self._machine, _reference(execute), ended, observer)
            shift.work([*jobs, *checks], {job.run_id for job in checks}, stops)

    def server(self) -> Server:
        """The warm process."""
        self.warm()
        assert self._server is not None
        return self._server

    def lose_server(self) -> None:
        """The warm process has died; the next call of `server` starts another."""
        self._server = None

    def _preload(self, modules: set[str]) -> None:
        """Has what these jobs are made of imported too."""
        new = sorted(modules - set(self.modules))
        self.modules = (*self.modules, *new)
        if self._server is not None:
            with suppress(ServerDied):  # another will be started with all of them
                self._server.preload(new)

    def _gpus_there_are(self) -> Sequence[str]:
        """The GPUs' names, from a process of the warm one: this one never imports torch."""
        order = {"job": 0, "call": "seqbench.sweeps.slots:tell_gpus", "argument": None}
        found: Sequence[str] = ()
        for _ in range(MAX_DEATHS):
            with suppress(ServerDied):
                self.server().tell(do="start", env={}, log=os.devnull, **order)
                while True:
                    for message in self.server().messages(TICK_SECONDS):
                        found = message.get("said", {}).get("gpus", found)
                        if message.get("ended") == 0:
                            return found
                        if "ended" in message:
                            raise _uncounted()
            self.lose_server()
        raise _keeps_dying()


@dataclass
class Shift:
    """One pass over a list of jobs.

    Attributes:
        queue: not started.
        checks: ids of complete runs, which are only looked at.
        running: by number.
        elsewhere: held by a process that is not ours.
    """

    pool: Pool
    machine: Slots
    call: str
    ended: Callable[[Outcome], None]
    observer: Observer
    queue: list[Job] = field(default_factory=list)
    checks: set[str] = field(default_factory=set)
    running: dict[int, Running] = field(default_factory=dict)
    elsewhere: list[Job] = field(default_factory=list)
    _number: int = 0
    _deaths: int = 0
    _looked: float = 0.0
    _is_stopping: bool = False
    _began: str = field(default_factory=utc_now)

    def work(self, jobs: Sequence[Job], checks: set[str], stops: list[int]) -> None:
        """Until no job is left, or `stops` has grown by a signal."""
        self.queue[:], self.checks = jobs, checks
        obeyed, deadline = 0, float("inf")
        while self.running or (not stops and (self.queue or self.elsewhere)):
            if len(stops) > obeyed or time.monotonic() > deadline:
                self._stop_running(at_once=obeyed > 0)
                obeyed, deadline = len(stops), time.monotonic() + STOP_SECONDS
                continue
            try:
                if not stops:
                    self._fill_slots()
                for message in self.pool.server().messages(TICK_SECONDS):
                    self._hear(message)
            except ServerDied:
                self._requeue()
            if not stops:
                self._look_elsewhere()
            self.observer.tick()

    def _fill_slots(self) -> None:
        started = 0
        for job in list(self.queue):
            if started >= STARTS_AT_ONCE:
                return  # it is heard before it is told more: neither waits for the other
            slot = self._slot(job)
            if slot is None:
                continue  # a smaller one may fit
            self.queue.remove(job)
            done = self._done_elsewhere(job)
            if done is not None:
                self.machine.give_back(slot)
                self.ended(done)
                continue
            started += 1
            self._number += 1
            self.running[self._number] = Running(job, slot)
            self.pool.server().tell(
                do="start",
                job=self._number,
                call="seqbench.sweeps.execute:work",
                argument=[self.call, str(job.folder)],
                env=slot.env,
                log=str(RunFolder(job.folder).log),
            )
            self.observer.started(job)

    def _slot(self, job: Job) -> Slot | None:
        is_check = job.run_id in self.checks
        return self.machine.take_core() if is_check else self.machine.take(job.config)

    def _done_elsewhere(self, job: Job) -> Outcome | None:
        """What another sweep has made of the job since this one began, if it is an end."""
        if job.run_id in self.checks:
            return None
        record = read_record(job)
        if record is None or (record.provenance.finished or "") <= self._began:
            return None
        if record.status == COMPLETED:
            return Outcome(job.run_id, "completed", record=record, already=True)
        if record.status == FAILED:
            return Outcome(job.run_id, "failed", reason_of(record), record, already=True)
        return None

    def _hear(self, message: dict[str, Any]) -> None:
        running = self.running.get(message["job"])
        if running is None:
            return
        if "said" in message:
            said = message["said"]
            outcome = Outcome(**{**said, "stale": tuple(said["stale"])})
            self.running[message["job"]] = replace(running, outcome=outcome)
        elif "ended" in message:
            self._deaths = 0
            del self.running[message["job"]]
            self.machine.give_back(running.slot)
            self._end(running, message["ended"])

    def _end(self, running: Running, code: int) -> None:
        job, outcome = running.job, running.outcome
        if outcome is not None and outcome.held:
            self.elsewhere.append(job)
            self.observer.elsewhere(job)
            return
        if outcome is None:
            outcome = Outcome(job.run_id, "interrupted") if self._is_stopping else bury(job, code)
        self.ended(replace(outcome, record=read_record(job)))

    def _stop_running(self, *, at_once: bool) -> None:
        """The first time jobs are asked to checkpoint and stop; then they are killed."""
        self._is_stopping = True
        if not self.pool.server().is_ready:  # nothing has begun
            self.pool.close()
            self.running.clear()
            return
        number = signal.SIGKILL if at_once else signal.SIGTERM
        with suppress(ServerDied):  # heard of in the loop
            for each in self.running:
                self.pool.server().tell(do="signal", job=each, number=int(number), group=at_once)
        if not at_once and self.running:
            self.observer.note(f"stopping: {len(self.running)} running jobs save their checkpoints")

    def _requeue(self) -> None:
        """The warm process has died, and its jobs with it, through no fault of theirs."""
        self._deaths += 1
        self.pool.lose_server()
        for running in self.running.values():
            self.machine.give_back(running.slot)
        self.queue[:0] = [running.job for running in self.running.values()]
        self.running.clear()
        if self._deaths >= MAX_DEATHS:
            raise _keeps_dying()
        self.observer.note("the process that starts jobs was killed: its jobs are started again")

    def _look_elsewhere(self) -> None:
        if time.monotonic() - self._looked < ELSEWHERE_SECONDS:
            return
        self._looked = time.monotonic()
        for job in list(self.elsewhere):
            if is_held(RunFolder(job.folder).lock):
                continue
            self.elsewhere.remove(job)
            self.queue.append(job)


def read_record(job: Job) -> RunRecord | None:
    """The job's record; None where there is none that can be read."""
    with suppress(RecordError):
        return RunFolder(job.folder).read_record()
    return None


def _own_modules(node: Any) -> Iterator[str]:
    """The modules of seqbench's own that a config names; a user's may not bear being forked."""
    if isinstance(node, Mapping):
        target = str(node.get("_target_", ""))
        if target.startswith("seqbench."):
            yield target.rpartition(".")[0]
        for value in node.values():
            yield from _own_modules(value)


def _is_nohup(number: int) -> bool:
    """Whether the user has seen to it that the end of the terminal is not the sweep's."""
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN


def _gpu_names(gpus: Any) -> list[str] | None:
    """GPUs as CUDA_VISIBLE_DEVICES names them, from 0, "0,1" or [0, 1]; an empty list is wrong."""
    if gpus is None:
        return None
    items = str(gpus).split(",") if isinstance(gpus, int | str) else gpus
    is_list = isinstance(items, Sequence) and all(isinstance(item, int | str) for item in items)
    return [str(item).strip() for item in items] if is_list else []


def _is_positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _may_have_gpus() -> bool:
    """Asked before torch, which takes seconds to import: without a driver there are none."""
    drivers = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # CUDA, CUDA under Windows, ROCm
    return sys.platform != "linux" or any(map(os.path.exists, drivers))


def _uncounted() -> TrainingError:
    return TrainingError(
        "hydra.launcher.gpus",
        expected="torch to count the GPUs",
        got="an error of its own",
        remedy="name them: hydra.launcher.gpus=[0,1]",
    )


def _keeps_dying() -> TrainingError:
    return TrainingError(
        "hydra/launcher=pool",
        expected="a process that starts jobs",
        got=f"its end, {MAX_DEATHS} times in a row",
        remedy="the machine may be short of memory: try fewer at once with hydra.launcher.slots=1",
    )


def _reference(execute: Execute) -> str:
    """A function as other processes find it.

    Raises:
        TypeError: they cannot.
    """
    module, name = getattr(execute, "__module__", ""), getattr(execute, "__qualname__", "<")
    if not name.isidentifier():
        raise TypeError(f"{execute!r} has no name by which another process could find it")
    return f"{module}:{name}"


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that grows by each signal that asks this process to stop, for the block's length.

    Installed explicitly, as a shell starts a job in the background with Ctrl-C ignored.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    since = [0.0]

    def note(number: int, _: object) -> None:
        # A closing terminal hangs up twice, a service manager may send several at once.
        if not received:
            since[0] = time.monotonic()
        elif number != signal.SIGINT and time.monotonic() - since[0] < AGAIN_SECONDS:
            return
        received.append(number)

    wanted = [number for number in _STOPPING if not _is_nohup(number)]
    before: dict[int, Callable[..., Any] | int | None] = {
        number: signal.signal(number, note) for number in wanted
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
