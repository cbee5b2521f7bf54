"""A sweep's tasks in a Ray cluster, and what becomes of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from seqbench.config.job import Job
from seqbench.errors import TrainingError
from seqbench.records.claim import is_held
from seqbench.records.folder import RunFolder
from seqbench.sweeps.burial import bury, bury_as
from seqbench.sweeps.dispatch import News
from seqbench.sweeps.execute import Outcome, reason
from seqbench.sweeps.node import Order
from seqbench.sweeps.ray_task import End, RayTask

MAX_DEATHS = 3  # of a run's worker or machine; the run goes on elsewhere


@dataclass
class RayTasks:
    """A `Scheduler`.

    Attributes:
        call: the function that executes a run, as `module:name`.
        request: what a run asks for, as the options of a Ray task.
    """

    call: str
    request: Callable[[Job], dict[str, Any]]
    outlives: bool = False
    _tasks: dict[Any, Job] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)
    _deaths: Counter[str] = field(default_factory=Counter)
    _is_stopping: bool = False

    def submit(self, job: Job) -> None:
        """Hands a job to Ray.

        Raises:
            TrainingError: the cluster does not answer.
        """
        import ray

        task = RayTask.of(Order.of(job, self.call))
        options = {"max_retries": 0, "name": job.run_id, **self.request(job)}
        with _answering():
            self._tasks[ray.remote(carry_out).options(**options).remote(task)] = job

    def news(self, seconds: float) -> Iterator[News]:
        """What has ended; and what has claimed its folder, hence has begun.

        Raises:
            TrainingError: the cluster does not answer.
        """
        import ray

        if not self._tasks:
            time.sleep(seconds)
            return
        tasks = list(self._tasks)
        with _answering():
            ended, _ = ray.wait(tasks, num_returns=len(tasks), timeout=seconds)
        for task in ended:
            yield self._over(self._tasks.pop(task), task)
        for job in self._tasks.values():
            if job.run_id not in self._begun and is_held(RunFolder(job.folder).lock):
                self._begun.add(job.run_id)
                yield News(job.run_id, "began")

    def stop(self, *, at_once: bool) -> Iterable[str]:
        """Cancels the tasks: those that run are told to stop, or their workers are killed.

        Returns:
            None of them: no task is another sweep's.

        Raises:
            TrainingError: the cluster does not answer.
        """
        import ray

        self._is_stopping = True
        with _answering():
            for task in self._tasks:
                ray.cancel(task, force=at_once)
        return ()

    def _over(self, job: Job, task: Any) -> News:
        import ray
        from ray import exceptions

        self._begun.discard(job.run_id)
        try:
            end = ray.get(task)
        except exceptions.OutOfMemoryError as error:
            why = "killed by Ray, whose machine was short of memory"
            outcome = bury_as(job, type(error).__name__, why)
        except (
            exceptions.TaskCancelledError, exceptions.WorkerCrashedError,
            exceptions.NodeDiedError, exceptions.ObjectLostError,
            exceptions.LocalRayletDiedError, exceptions.RpcError,
        ) as error:  # fmt: skip
            return self._lost(job, error)
        except exceptions.RaySystemError as error:
            if not self._is_stopping:
                raise _gone(error) from error
            outcome = Outcome(job.run_id, "interrupted")
        except exceptions.RayError as error:
            outcome = bury_as(job, type(error).__name__, f"Ray: {reason(error)}")
        else:
            outcome = end.outcome or self._unheard(job, end)
        return News(job.run_id, "ended", outcome)

    def _unheard(self, job: Job, end: End) -> Outcome:
        if self._is_stopping:
            return Outcome(job.run_id, "interrupted")
        return bury(job, end.code, end.said)

    def _lost(self, job: Job, error: Exception) -> News:
        """A run whose worker or machine is gone, through no fault of its own."""
        if self._is_stopping:
            return News(job.run_id, "ended", Outcome(job.run_id, "interrupted"))
        self._deaths[job.run_id] += 1
        if self._deaths[job.run_id] >= MAX_DEATHS:
            message = f"its Ray worker was lost {MAX_DEATHS} times: {reason(error)}"
            return News(job.run_id, "ended", bury_as(job, type(error).__name__, message))
        self.submit(job)
        return News(job.run_id, "waits")


def carry_out(task: RayTask) -> End:
    """The function that Ray knows."""
    return task()


@contextmanager
def _answering() -> Iterator[None]:
    """What Ray raises of itself is a cluster that is gone."""
    from ray.exceptions import RayError

    try:
        yield
    except (RayError, ConnectionError, RuntimeError) as error:
        raise _gone(error) from error


def _gone(error: Exception) -> TrainingError:
    return TrainingError(
        "hydra/launcher=ray",
        expected="a Ray cluster that answers",
        got=reason(error),
        remedy="the same command goes on",
    )
