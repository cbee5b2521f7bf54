"""A job's own process, forked from the warm one: what it changes before and after the job."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

from seqbench.sweeps.messages import packed
from seqbench.training.forks import begin_child, die_with_parent, end_child

Say = Callable[[dict[str, Any]], None]

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)  # blocked while a job's process comes about


def become_job(order: dict[str, Any], pipe: int) -> Callable[[], NoReturn]:
    """Makes this forked process one that a crash or a signal of others does not reach.

    It leads a process group of its own (Ctrl-C in the terminal is the pool's to handle), ends with
    the warm process, and writes what it prints into the run's log.

    Args:
        order: the pool's, with `call`, `argument`, `env` and `log`.
        pipe: where to say what came out.

    Returns:
        What to call, once the stack of the server is left.
    """
    begin_child()
    os.setpgid(0, 0)
    os.register_at_fork(after_in_child=die_with_parent)  # ranks and data workers end with the job
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in STOPS:  # until a run installs its own
        signal.signal(number, signal.default_int_handler)
    os.environ.update(order["env"])
    print_into(order["log"])
    return partial(_work, order["call"], order["argument"], pipe)


def referenced(call: str) -> Callable[..., Any]:
    """The function that `module:name` names."""
    module, _, name = call.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def _work(call: str, argument: Any, pipe: int) -> NoReturn:
    def say(message: dict[str, Any]) -> None:
        os.write(pipe, packed(message))

    code = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        referenced(call)(argument, say)
        code = 0
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        end_child(code)


def print_into(path: str) -> None:
    """From now on this process and its children print to the end of a file."""
    try:
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    except OSError:  # a full disk: the job itself says so
        log = os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    sys.stderr.flush()
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what a crash leaves
    faulthandler.enable()
