from __future__ import annotations

import pytest
import torch

from seqbench.records.record import Arithmetic
from seqbench.training.arithmetic import STEERING, arithmetic
from seqbench.training.trainer import TrainerSettings


@pytest.fixture(autouse=True)
def _nothing_steers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*STEERING, "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


def settings(**changes: object) -> TrainerSettings:
    found = TrainerSettings(accelerator="cpu", **changes)  # type: ignore[arg-type]
    found.apply()
    return found


def test_how_a_run_computes_by_default() -> None:
    assert arithmetic(settings()) == Arithmetic(
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        threads=1,
        world_size=1,
        deterministic=True,
    )


def test_threads_are_those_that_torch_has() -> None:
    before = torch.get_num_threads()
    assert arithmetic(settings(threads=2)).threads == 2
    torch.set_num_threads(before)


def test_processes_are_those_asked_for_or_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert arithmetic(settings(devices=2)).world_size == 2
    monkeypatch.setenv("WORLD_SIZE", "8")  # on several nodes
    assert arithmetic(settings(devices=2)).world_size == 8


def test_lightnings_own_word_wins() -> None:
    assert not arithmetic(settings(deterministic=False)).deterministic
    assert not arithmetic(settings(extra={"deterministic": False})).deterministic
    assert arithmetic(settings(deterministic=False, extra={"deterministic": "warn"})).deterministic


def test_what_steers_libraries_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # of no account on a CPU
    assert arithmetic(settings()).environment == {"MKL_CBWR": "COMPATIBLE"}
