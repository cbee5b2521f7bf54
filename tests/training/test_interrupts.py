"""Which signal ends what, and that nothing of it stays behind."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from seqbench.errors import Stopped
from seqbench.training import interrupts as interrupts_module
from seqbench.training.interrupts import RELAYED_STOP, SIGNALS, Interrupts


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[list[object]]:
    """The handlers as they are before; they are so again after each test."""
    before = [signal.getsignal(number) for number in SIGNALS]
    yield before
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts_at_once(number: int) -> None:
    with Interrupts(), pytest.raises(Stopped) as caught:
        send(number)
    assert (caught.value.signal, caught.value.exit_code) == (number, 128 + number)
    assert str(caught.value) == f"told to stop by {signal.Signals(number).name}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_stops_are_deferred_only_the_second_does(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts_module, "AGAIN_SECONDS", 0.0)
    with Interrupts() as interrupts:
        interrupts.deferring = True
        assert not interrupts.requested
        send(number)
        assert interrupts.requested == number
        with pytest.raises(Stopped):
            send(number)


@pytest.mark.parametrize("deferring", [True, False])
def test_a_sigterm_that_comes_twice_at_once_is_one(deferring: bool) -> None:
    """Slurm sends it to a job's processes, and so does the program that started them."""
    with Interrupts() as interrupts:
        interrupts.deferring = deferring
        with contextlib.nullcontext() if deferring else pytest.raises(Stopped):
            send(signal.SIGTERM)
        send(signal.SIGTERM)
        assert interrupts.requested == signal.SIGTERM
        with pytest.raises(Stopped):  # a user's word counts at once
            send(signal.SIGINT)
            send(signal.SIGINT)


def test_who_repeats_sigterm_sooner_than_that_is_heard_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([10.0, 11.5, 13.0])
    monkeypatch.setattr(interrupts_module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with Interrupts() as interrupts:
        interrupts.deferring = True
        send(signal.SIGTERM)
        send(signal.SIGTERM)
        with pytest.raises(Stopped):
            send(signal.SIGTERM)


def test_a_warning_given_twice_is_one_stop() -> None:
    with Interrupts() as interrupts:
        interrupts.deferring = True
        send(signal.SIGUSR1)
        send(signal.SIGUSR1)
        assert interrupts.requested == signal.SIGUSR1


def test_while_a_run_records_that_it_was_stopped_only_ctrl_c_interrupts_it() -> None:
    with Interrupts():
        with pytest.raises(Stopped):
            send(signal.SIGTERM)
        send(signal.SIGTERM)
        send(signal.SIGUSR1)
        with pytest.raises(Stopped):
            send(signal.SIGINT)


def test_so_it_is_where_a_deferred_stop_is_made_one() -> None:
    with Interrupts() as interrupts:
        interrupts.deferring = True
        send(signal.SIGTERM)
        with pytest.raises(Stopped):
            interrupts.stop(interrupts.requested)
        interrupts.deferring = False
        send(signal.SIGTERM)
        send(signal.SIGUSR1)
        with pytest.raises(Stopped):
            send(signal.SIGINT)


def test_a_groups_signals_and_its_launchers_stop_are_one_stop() -> None:
    with Interrupts() as interrupts:
        interrupts.deferring = True
        send(signal.SIGINT)
        send(signal.SIGTERM)
        send(RELAYED_STOP)
        assert interrupts.requested == signal.SIGINT


def test_a_signal_that_was_ignored_counts_and_is_ignored_again() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts(), pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def as_lightning(stop: BaseException) -> None:
    """Ends as Lightning does at a KeyboardInterrupt, from then on without Ctrl-C."""
    try:
        raise stop
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(1)


def test_what_lightning_makes_of_a_stop_is_a_stop_again() -> None:
    with Interrupts() as interrupts:
        with pytest.raises(Stopped) as caught, interrupts.around_lightning():
            as_lightning(Stopped(signal.SIGUSR1))
        assert caught.value.signal == signal.SIGUSR1
        with pytest.raises(Stopped):
            send(signal.SIGINT)


def test_what_it_makes_of_a_notebooks_interrupt_or_of_sigterm_too() -> None:
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt) as caught, interrupts.around_lightning():
            as_lightning(KeyboardInterrupt())
        assert not isinstance(caught.value, Stopped)
        with pytest.raises(Stopped) as other, interrupts.around_lightning():
            sys.exit(None)  # as its SIGTERMException
        assert other.value.signal == signal.SIGTERM


def test_in_another_thread_signals_are_left_alone(handlers: list[object]) -> None:
    found: list[object] = []

    def work() -> None:
        with Interrupts() as interrupts, interrupts.around_lightning():
            found.extend(signal.getsignal(number) for number in SIGNALS)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == handlers
