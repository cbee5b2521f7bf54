"""`hydra/launcher=pool`: jobs side by side on one machine, each in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from seqbench.config.job import Job
from seqbench.errors import ConfigError, ConfigErrors, TrainingError
from seqbench.records.provenance import usable_cores
from seqbench.sweeps.execute import Execute, Feed, Observer, Outcome
from seqbench.sweeps.server import MAX_DEATHS, PRELOAD, Server, ServerDied, keeps_dying
from seqbench.sweeps.shift import TICK_SECONDS, Shift
from seqbench.sweeps.slots import Slots
from seqbench.sweeps.stopping import stop_signals


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
    _machine: Slots = field(init=False)

    def __post_init__(self) -> None:
        self._machine = Slots(usable_cores(), at_most=self.slots)  # for checks, before `prepare`

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
        if self._server is None and self.modules == PRELOAD and _foreseen:
            self._server = _foreseen.pop()
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
            tuple(gpus),
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
        feed: Feed,
        execute: Execute,
        ended: Callable[[Outcome], None],
        observer: Observer,
        checks: Sequence[Job] = (),
    ) -> bool:
        """Runs the feed's jobs, then the checks, each of which takes one core.

        Comes back after Ctrl-C or SIGTERM too, once running jobs have saved their checkpoints.

        Returns:
            Whether one of them came.

        Raises:
            TrainingError: no process can be had to run jobs in.
        """
        with stop_signals() as stops:
            shift = Shift(self, self._machine, reference(execute), ended, observer)
            shift.work(feed, checks, stops)
        return bool(stops)

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
        raise keeps_dying()


_foreseen: list[Server] = []


@contextmanager
def foreseen(overrides: Sequence[str]) -> Iterator[None]:
    """Begins to import before Hydra does, where the command line looks like a sweep in a pool.

    That is half a second earlier; if no pool comes to want it within the block, it is ended.
    """
    others = ("hydra/launcher=", "dry_run=true", "watch=true", "export=")
    if not any(line.lstrip("+").startswith(others) for line in overrides):
        _foreseen.append(Server())
    try:
        yield
    finally:
        while _foreseen:
            _foreseen.pop().close()


def _own_modules(node: Any) -> Iterator[str]:
    """The modules of seqbench's own that a config names; a user's may not bear being forked."""
    if isinstance(node, Mapping):
        target = str(node.get("_target_", ""))
        if target.startswith("seqbench."):
            yield target.rpartition(".")[0]
        for value in node.values():
            yield from _own_modules(value)


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


def reference(execute: Execute) -> str:
    """A function as other processes find it.

    Raises:
        TypeError: they cannot.
    """
    module, name = getattr(execute, "__module__", ""), getattr(execute, "__qualname__", "<")
    if not name.isidentifier():
        raise TypeError(f"{execute!r} has no name by which another process could find it")
    return f"{module}:{name}"
