"""The Ray launcher without Ray: settings, and what runs ask for."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from tests.sweeps.seen import MakeJobs, Seen

from seqbench.errors import ConfigError, ConfigErrors, TrainingError
from seqbench.sweeps import ray
from seqbench.sweeps.execute import attempt
from seqbench.sweeps.feed import Listed
from seqbench.sweeps.ray import Ray

SETTINGS: dict[str, Any] = {
    "address": None, "at_once": None, "grows": False, "cpus": None, "gpus_per_run": None,
    "resources": {}, "extra": {},
}  # fmt: skip


def test_settings_that_make_no_sense() -> None:
    wrong = {
        "address": "", "at_once": 0, "grows": 1, "cpus": -1, "gpus_per_run": "half",
        "resources": {"a": 0}, "extra": 3,
    }  # fmt: skip
    with pytest.raises(ConfigErrors) as caught:
        Ray.of(**{**SETTINGS, **wrong})
    assert {error.name.rpartition(".")[2] for error in caught.value.errors} == set(wrong)
    with pytest.raises(ConfigError, match=r"gpus_per_run: expected a share of one GPU, or whole"):
        Ray.of(**{**SETTINGS, "gpus_per_run": 1.5})


def test_ray_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"expected Ray, got none .* 'seqbench\[ray\]'"):
        Ray.of(**SETTINGS).prepare([])


@pytest.mark.parametrize(
    ("address", "error", "said"),
    [
        (
            None,
            Exception("The current node timed out during startup."),
            "got null, one on this machine: Exception: The current node timed out during startup.; "
            "the same command tries it again",
        ),
        (
            "head:6379",
            ConnectionError("no route"),
            "got head:6379: ConnectionError: no route; hydra.launcher.address=null starts one on "
            "this machine",
        ),
    ],
)
def test_a_ray_that_does_not_come_up(
    address: str | None, error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(**_: Any) -> None:
        raise error

    pretended = SimpleNamespace(is_initialized=lambda: False, init=init)
    monkeypatch.setitem(sys.modules, "ray", pretended)
    monkeypatch.setattr(ray, "find_spec", lambda name: object())
    with pytest.raises(TrainingError) as caught:
        Ray.of(**{**SETTINGS, "address": address}).prepare([])
    start = "hydra.launcher.address: expected a Ray cluster that answers, "
    assert caught.value.line() == start + said


def _pretend(monkeypatch: pytest.MonkeyPatch, machines: list[dict[str, float]]) -> None:
    """Has Ray be there, with a cluster of these machines."""

    def look(self: Ray) -> None:
        self._machines = machines

    monkeypatch.setattr(ray, "find_spec", lambda name: object())
    monkeypatch.setattr(Ray, "_join", lambda self: None)
    monkeypatch.setattr(Ray, "_look_at_machines", look)


MACHINES = [{"CPU": 4.0, "GPU": 2.0}, {"CPU": 8.0}]


@pytest.mark.parametrize(
    ("settings", "trainer", "cpus", "gpus", "room"),
    [
        ({}, {}, 1, 0, 12),
        ({}, {"threads": 2, "devices": 2}, 4, 0, 3),
        ({}, {"threads": 16}, 8, 0, 1),  # all that the largest has
        ({}, {"accelerator": "auto"}, 1, 1, 2),
        ({}, {"accelerator": "cuda", "devices": 2}, 2, 2, 1),
        ({"gpus_per_run": 0.5}, {"accelerator": "auto"}, 1, 0.5, 4),
        ({"gpus_per_run": 0.5}, {}, 1, 0, 12),  # trainer.accelerator=cpu
        ({"cpus": 3}, {}, 3, 0, 3),
        ({"at_once": 50}, {}, 1, 0, 50),
    ],
)
def test_what_a_run_asks_for_and_how_many_fit(
    settings: dict[str, Any],
    trainer: dict[str, Any],
    cpus: float,
    gpus: float,
    room: int,
    make_jobs: MakeJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    launcher = Ray.of(**{**SETTINGS, **settings})
    _pretend(monkeypatch, MACHINES)
    jobs = make_jobs(3, **trainer)
    assert launcher.prepare(jobs) == min(room, 3)
    assert launcher._request(jobs[0]) == {"num_cpus": cpus, "num_gpus": gpus, "resources": {}}
    assert launcher._at_once == room


def test_what_no_machine_can_run(make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "find_spec", lambda name: object())
    monkeypatch.setattr(Ray, "_join", lambda self: None)
    monkeypatch.setattr(
        Ray, "_look_at_machines", lambda self: setattr(self, "_machines", [{"CPU": 2.0}])
    )
    with pytest.raises(ConfigErrors) as caught:
        Ray.of(**SETTINGS).prepare(make_jobs(2, accelerator="cuda"))
    assert caught.value.line() == (
        "trainer.accelerator: expected cpu or auto on a cluster without a GPU, got cuda"
    )
    with pytest.raises(ConfigErrors, match="got 3 CPU"):
        Ray.of(**{**SETTINGS, "cpus": 3}).prepare(make_jobs(1))


@pytest.mark.parametrize("grows", [False, True])
def test_a_cluster_that_grows_by_demand_is_asked_for_what_it_has_not_yet(
    grows: bool, make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its head takes no runs, and no other machine is up."""
    _pretend(monkeypatch, [{"memory": 1.0}])
    settings = {**SETTINGS, "address": "auto", "at_once": 8, "grows": grows}
    launcher, jobs = Ray.of(**settings), make_jobs(9, accelerator="cuda", devices=2, threads=3)
    if not grows:
        with pytest.raises(ConfigErrors, match="got cuda"):
            launcher.prepare(jobs)
        return
    assert launcher.prepare(jobs) == 8
    assert launcher._request(jobs[0]) == {"num_cpus": 6, "num_gpus": 2, "resources": {}}
    seen = Seen()
    monkeypatch.setattr(ray, "RayTasks", lambda *_: None)
    monkeypatch.setattr(ray.Dispatch, "work", lambda *_: None)
    assert not launcher.launch(Listed(jobs), attempt, lambda _: None, seen)  # type: ignore[arg-type]
    assert seen.log == ["no machine of the cluster has 6 CPU, 2 GPU now: such runs wait for one"]


def test_only_a_cluster_of_more_machines_grows() -> None:
    with pytest.raises(ConfigError, match="grows: expected false for a cluster of this machine"):
        Ray.of(**{**SETTINGS, "grows": True})


def test_an_amount_has_an_end() -> None:
    with pytest.raises(ConfigErrors, match="gpus_per_run: expected a positive number"):
        Ray.of(**{**SETTINGS, "gpus_per_run": math.inf})
