"""Memory that ends and workers that die are the user's to mend: the error says how."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.stopping import at, record_of

from seqbench.errors import TrainingError
from seqbench.records.record import RunError
from seqbench.training.execute import execute
from seqbench.training.explained import explained

CONFIG: dict[str, Any] = {
    "choices": {"model": "lstm"},
    "model": {"_target_": "seqbench.models.lstm.LSTM"},
    "data": {"batch_size": 64, "max_tokens": 16384, "max_len": 400, "num_workers": 2},
    "trainer": {"accumulate": 2, "precision": "32-true"},
}
CPU = (
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 400000000000 bytes. Error code 12 (Cannot allocate memory)"
)
CUDA = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB"


def explanation(error: Exception, **changes: Any) -> TrainingError:
    with pytest.raises(TrainingError) as caught, explained({**CONFIG, **changes}):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(CPU),
        torch.OutOfMemoryError(CUDA),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError("std::bad_alloc"),
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_without_memory_it_names_what_decides_how_much_is_needed(error: Exception) -> None:
    found = explanation(error)
    assert found.line().startswith(
        "out of memory: expected training steps that fit, got data.batch_size=64, "
        "data.max_tokens=16384, data.max_len=400, trainer.accumulate=2, trainer.precision=32-true: "
    )
    assert found.line().endswith(
        "; try the same steps in smaller parts: data.batch_size=32 trainer.accumulate=4, "
        "or a lower data.max_tokens, which bounds a batch's size, or trainer.precision=bf16-mixed"
    )
    assert found.details["data.batch_size"] == 64
    assert (str(error).split() or ["MemoryError"])[0] in found.got


def test_what_is_as_small_as_can_be_is_not_made_smaller() -> None:
    trainer = {"accumulate": 1, "precision": "bf16-mixed"}
    found = explanation(MemoryError(), data={"batch_size": 1}, trainer=trainer)
    assert found.remedy == "use a smaller model"


def test_a_model_that_cannot_be_built_is_too_large_itself() -> None:
    model = {"_target_": "seqbench.models.lstm.LSTM", "d_hidden": 10**6, "bidirectional": True}
    config = {**CONFIG, "model": model, "inputs": {"d_embed": 64}}
    with pytest.raises(TrainingError) as caught, explained(config, building=True):
        raise RuntimeError(CPU)
    assert caught.value.details == {"model.d_hidden": 10**6, "inputs.d_embed": 64}
    assert caught.value.line().startswith(
        "out of memory: expected a model that fits, got model.d_hidden=1000000, inputs.d_embed=64: "
    )
    assert "batch_size" not in caught.value.line()


def test_a_baseline_has_no_steps() -> None:
    model = {"_target_": "seqbench.baselines.tfidf_regression.TfidfRegression"}
    found = explanation(MemoryError(), choices={"model": "baseline/tfidf_regression"}, model=model)
    assert "TfidfRegression: MemoryError" in found.line()
    assert "batch_size" not in found.line()


@pytest.mark.parametrize(
    ("said", "got"),
    [
        (
            "DataLoader worker (pid 4711) is killed by signal: Killed. ",
            "one that is killed by signal: Killed",
        ),
        (
            "DataLoader worker (pid(s) 4711, 4712) exited unexpectedly",
            "one that exited unexpectedly",
        ),
        (
            "DataLoader worker (pid 4711) is killed by signal: Bus error. It is possible that "
            "dataloader's workers are out of shared memory. Please try to raise your shared "
            "memory limit.",
            "one that is killed by signal: Bus error",
        ),
    ],
)
def test_a_dead_worker_is_told_of(said: str, got: str) -> None:
    found = explanation(RuntimeError(said))
    assert found.line() == (
        "a data worker: expected data.num_workers=2 processes that last as long as the training, "
        f"got {got}; the kernel kills for want of memory or of shared memory (/dev/shm): "
        "try data.num_workers=0"
    )
    assert found.details == {"data.num_workers": 2}


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), OSError(errno.ENOENT, "none"), ValueError("no")]
)
def test_other_errors_are_left_alone(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, explained(CONFIG):
        raise error
    assert caught.value is error


def error_of(folder: Path) -> RunError:
    record = record_of(folder)
    assert (record.status, record.scores.test) == ("failed", {})
    assert record.error is not None
    return record.error


@pytest.mark.parametrize("raised", [RuntimeError(CPU), torch.OutOfMemoryError(CUDA)])
def test_the_record_says_so(
    raised: Exception, make_job: Any, in_third_step: Callable[..., None]
) -> None:
    def fail() -> None:
        raise raised

    in_third_step(fail)
    job = make_job()
    with pytest.raises(TrainingError):
        execute(job)
    error = error_of(job.folder)
    assert error.type == "TrainingError"
    assert error.message.startswith("out of memory: ")
    assert error.details == {
        "data.batch_size": 8, "data.max_tokens": 16384, "data.max_len": 256,
        "trainer.accumulate": 1, "trainer.precision": "32-true",
    }  # fmt: skip


def in_a_child(work: Callable[[], None]) -> int:
    """The exit code of a process that does this."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_memory_that_really_ends(make_job: Any) -> None:
    job = make_job()

    def limit() -> None:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 50_000_000,) * 2)
        torch.ones(50_000_000)

    def work() -> None:
        with at("training_step", 3, limit), pytest.raises(TrainingError):
            execute(job)

    assert in_a_child(work) == 0
    error = error_of(job.folder)
    assert error.message.startswith("out of memory: expected training steps that fit, got data.ba")
    assert "data.batch_size=4 trainer.accumulate=2" in error.message


@pytest.mark.parametrize("hook", ["training_step", "validation_step"])
def test_a_worker_that_is_killed_ends_the_run(hook: str, make_job: Any) -> None:
    job = make_job("data.num_workers=1", "data.batch_size=2")
    before = multiprocessing.active_children()  # other tests' in this process

    def kill() -> None:
        newest = max(worker.pid or 0 for worker in multiprocessing.active_children())
        os.kill(newest, signal.SIGKILL)  # its end is heard at once: a second one is not reached

    with at(hook, 3, kill), pytest.raises(TrainingError, match=r"a data worker: .*got one that"):
        execute(job)
    error = error_of(job.folder)
    assert error.message.endswith("try data.num_workers=0")
    assert error.details == {"data.num_workers": 1}
    assert set(multiprocessing.active_children()) <= set(before)
