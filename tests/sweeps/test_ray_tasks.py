"""What becomes of tasks whose Ray raises, without a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.sweeps.seen import MakeJobs

from seqbench.errors import TrainingError
from seqbench.records.folder import RunFolder
from seqbench.sweeps.ray_task import End
from seqbench.sweeps.ray_tasks import RayTasks

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")


def _raises(error: Exception) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise error

    return call


@pytest.fixture
def tasks(make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch) -> RayTasks:
    """One task, which has ended."""
    made = RayTasks("module:call", lambda job: {})
    made._tasks["task"] = make_jobs(1)[0]
    monkeypatch.setattr(ray, "wait", lambda tasks, **_: (tasks, []))
    return made


def test_an_error_of_rays_is_the_runs_record(
    tasks: RayTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = tasks._tasks.values()
    error = ray.exceptions.RuntimeEnvSetupError("its object store is full")
    monkeypatch.setattr(ray, "get", _raises(error))
    (news,) = tasks.news(0.0)
    assert news.outcome is not None and news.outcome.status == "failed"
    record = RunFolder(job.folder).read_record()
    assert record is not None and record.error is not None
    assert record.error.type == "RuntimeEnvSetupError"
    assert "its object store is full" in record.error.message


def test_what_a_run_said_is_in_its_record(tasks: RayTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = tasks._tasks.values()
    monkeypatch.setattr(ray, "get", lambda task: End(1, None, "No module named seqbench"))
    (news,) = tasks.news(0.0)
    said = "its process ended with exit code 1 and said: No module named seqbench"
    assert news.outcome is not None and news.outcome.reason == said  # and there is no log to see
    record = RunFolder(job.folder).read_record()
    assert record is not None and record.error is not None and record.error.message == said


@pytest.mark.parametrize("call", ["wait", "get"])
def test_a_cluster_that_is_gone_is_told_so(
    call: str, tasks: RayTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is no fault of a run's."""
    (job,) = tasks._tasks.values()
    monkeypatch.setattr(ray, call, _raises(ray.exceptions.RaySystemError("connection lost")))
    with pytest.raises(TrainingError, match=r"expected a Ray cluster that answers, got .*lost"):
        list(tasks.news(0.0))
    assert RunFolder(job.folder).read_record() is None
