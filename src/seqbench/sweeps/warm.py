"""The warm process of a pool: what jobs need is imported once, then one process is forked a job.

    python -m seqbench.sweeps.warm SOCKET

It talks with the pool over a socket, one JSON object a line. The pool says

    {"do": "preload", "modules": […], "path": […], "argv": […]}   (then it is told: {"ready": true})
    {"do": "start", "job": 7, "call": "module:function", "argument": …, "env": {…}, "log": "…"}
    {"do": "signal", "job": 7, "number": 15, "group": false}

and is told whatever the function says, `{"job": 7, "said": …}`, and in the end
`{"job": 7, "ended": code}`, where a negative code is the signal that killed it.

Nothing here may start a thread of Python's: a fork takes along only the thread that forks. Those
that numerical libraries keep (BLAS, Arrow's allocator) are the libraries' own to take care of.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NoReturn

from seqbench.sweeps.child import STOPS, become_job, referenced
from seqbench.sweeps.messages import Unpacker, packed
from seqbench.sweeps.stopping import STOP_SECONDS
from seqbench.training.forks import end_child

Program = Callable[[], NoReturn]


@dataclass
class Child:
    """A job's process: what it says comes through `pipe`."""

    pid: int
    pipe: int
    unpacker: Unpacker = field(default_factory=Unpacker)


@dataclass
class Warm:
    """The server.

    Attributes:
        pool: the socket.
        children: by job number.
    """

    pool: socket.socket
    children: dict[int, Child] = field(default_factory=dict)
    _unpacker: Unpacker = field(default_factory=Unpacker)
    _stop: bool = False

    def __post_init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.pool, selectors.EVENT_READ, self._heard)
        # A child's end wakes the loop through a pipe, as a signal may come at any moment.
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stopping)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # a warning to all: the pool stops its jobs
        self._selector.register(self._woken, selectors.EVENT_READ, self._woke)

    def serve(self) -> Program | None:
        """Serves until the pool is gone.

        Returns:
            None in the server, once no child is left; in a forked child, the job to be done.
        """
        while not self._stop:
            for key, _ in self._selector.select():
                program: Program | None = key.data()
                if program is not None:
                    return program
        self._end_all()
        return None

    def _heard(self) -> Program | None:
        data = self.pool.recv(1 << 16)
        if not data:  # the pool was killed: its jobs checkpoint and stop
            self._stop = True
            return None
        for order in self._unpacker.unpacked(data):
            if order["do"] == "start":
                program = self._start(order)
                if program is not None:
                    return program
            elif order["do"] == "signal":
                self._signal(order["job"], order["number"], group=order["group"])
            else:
                self._preload(order)
        return None

    def _preload(self, order: dict[str, Any]) -> None:
        sys.path[:] = order["path"]
        sys.argv[:] = order["argv"]
        gc.disable()  # a collector that runs while modules come in takes a third of the time
        for name in order["modules"]:
            if ":" in name:  # a function that remembers its result
                referenced(name)()
            else:
                import_module(name)
        # What is there now is never freed: without this, a child's collector would copy its pages.
        gc.freeze()
        gc.enable()
        self._tell({"ready": True})

    def _start(self, order: dict[str, Any]) -> Program | None:
        reading, writing = os.pipe()
        # A stop that comes before the child listens waits for it.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._forget()
            return become_job(order, writing)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        os.close(writing)
        with suppress(OSError):  # the child does it too: whoever comes first
            os.setpgid(pid, pid)
        os.set_blocking(reading, False)
        job = order["job"]
        self.children[job] = Child(pid, reading)
        self._selector.register(reading, selectors.EVENT_READ, lambda: self._said(job))
        return None

    def _forget(self) -> None:
        """In the child: nothing of the server's is left open."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self.pool.close()
        os.close(self._woken)
        os.close(self._waker)
        for child in self.children.values():
            os.close(child.pipe)

    def _signal(self, job: int, number: int, *, group: bool) -> None:
        child = self.children.get(job)
        if child is not None:
            with suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(child.pid, number)

    def _said(self, job: int) -> None:
        child = self.children.get(job)
        if child is None:  # its end was heard of in the same round
            return
        with suppress(BlockingIOError):
            while data := os.read(child.pipe, 1 << 16):
                for said in child.unpacker.unpacked(data):
                    self._tell({"job": job, "said": said})
            self._selector.unregister(child.pipe)  # it has closed its end

    def _woke(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._woken, 1 << 10)
        for job, child in list(self.children.items()):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                self._ended(job, child, os.waitstatus_to_exitcode(status))

    def _ended(self, job: int, child: Child, code: int) -> None:
        with suppress(KeyError):  # unregistered where the child had closed its end
            self._said(job)
            self._selector.unregister(child.pipe)
        os.close(child.pipe)
        with suppress(ProcessLookupError):  # what a job leaves behind ends with it
            os.killpg(child.pid, signal.SIGKILL)
        del self.children[job]
        self._tell({"job": job, "ended": code})

    def _tell(self, message: dict[str, Any]) -> None:
        with suppress(OSError):  # a pool that is gone hears nothing
            self.pool.sendall(packed(message))

    def _stopping(self, *_: object) -> None:
        self._stop = True

    def _end_all(self) -> None:
        self._selector.unregister(self.pool)
        for job in list(self.children):
            self._signal(job, signal.SIGTERM, group=False)
        deadline = time.monotonic() + STOP_SECONDS
        while self.children and time.monotonic() < deadline:
            for key, _ in self._selector.select(timeout=0.2):
                key.data()
        for job in list(self.children):
            self._signal(job, signal.SIGKILL, group=True)


def main(descriptor: int) -> NoReturn:
    """Serves the pool at the other end of an inherited socket."""
    program = Warm(socket.socket(fileno=descriptor)).serve()
    if program is not None:
        program()
    end_child(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
