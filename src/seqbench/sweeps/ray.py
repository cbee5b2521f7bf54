"""`hydra/launcher=ray`: each run a task of a Ray cluster's, or of this machine's own Ray."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import cycle, islice
from typing import Any

from seqbench.config.job import Job, is_baseline
from seqbench.errors import ConfigError, ConfigErrors, TrainingError
from seqbench.records.provenance import usable_cores
from seqbench.sweeps.dispatch import Dispatch, look_at
from seqbench.sweeps.execute import Execute, Feed, Observer, Outcome, reason
from seqbench.sweeps.launcher_settings import Kind, refuse_settings
from seqbench.sweeps.pool import reference
from seqbench.sweeps.ray_tasks import RayTasks
from seqbench.sweeps.stopping import stop_signals

_MANY = 1000  # runs at once, if a cluster should have room for them


@dataclass(kw_only=True)
class Ray:
    """Hands runs to Ray, and waits for them; they end with the sweep.

    The machines of a cluster need the same file system and the same Python environment as this one.

    Args:
        address: of the cluster's head, or "auto" for one that this machine is part of; None starts
            one on this machine alone, which ends with the sweep.
        at_once: tasks that this sweep has in Ray's queue at most; None for as many as the cluster
            has room for now.
        grows: whether machines join the cluster by demand: then a run may ask for what none has
            yet, and `at_once` says how many ask.
        cpus: CPU cores a run; None for `trainer.threads` times `trainer.devices`, or, unless the
            cluster grows, all that its largest machine has where that is less.
        gpus_per_run: GPUs a run, or a share of one (0.25); None for `trainer.devices` where
            `trainer.accelerator` is cuda, or auto and the cluster has any now.
        resources: of the cluster's own kinds, a run: `{a100: 1}`.
        extra: further arguments of `ray.init`.
    """

    address: str | None
    at_once: int | None
    grows: bool
    cpus: float | None
    gpus_per_run: float | None
    resources: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    _machines: list[dict[str, float]] = field(default_factory=list)
    _too_large: list[str] = field(default_factory=list)  # for the machines that are there now
    _at_once: int = 1
    _has_started: bool = False
    _on_sigterm: Any = None

    @classmethod
    def of(cls, **settings: Any) -> Ray:
        """The launcher of `hydra.launcher`'s settings.

        Raises:
            ConfigErrors: those that make no sense.
        """
        kinds = {
            "address": Kind.TEXT.or_none(), "at_once": Kind.COUNT.or_none(), "grows": Kind.FLAG,
            "cpus": Kind.POSITIVE.or_none(), "gpus_per_run": Kind.POSITIVE.or_none(),
            "resources": Kind.AMOUNTS, "extra": Kind.NAMED,
        }  # fmt: skip
        refuse_settings(settings, kinds)
        if settings["grows"] and settings["address"] is None:
            raise ConfigError(
                "hydra.launcher.grows",
                expected="false for a cluster of this machine alone",
                got="true",
                remedy="say hydra.launcher.address=…",
            )
        share = settings["gpus_per_run"]
        if share is not None and share > 1 and share != int(share):
            raise ConfigError(
                "hydra.launcher.gpus_per_run",
                expected="a share of one GPU, or whole ones",
                got=str(share),
            )
        return cls(**settings)

    def close(self) -> None:
        """Leaves the cluster; one that was started here ends."""
        if self._has_started:
            import ray

            self._has_started = False
            ray.shutdown()
            signal.signal(signal.SIGTERM, self._on_sigterm or signal.SIG_DFL)

    def prepare(self, jobs: Sequence[Job]) -> int:
        """Joins the cluster, or starts one, and finds out what it has for these jobs.

        Returns:
            How many of them will run at once.

        Raises:
            ConfigError: Ray is missing, or takes none of these settings.
            ConfigErrors: jobs that no machine of the cluster can ever run, unless it may grow.
            TrainingError: the cluster does not answer.
        """
        if find_spec("ray") is None:
            raise ConfigError(
                "hydra/launcher=ray",
                expected="Ray",
                got="none installed",
                remedy="pip install 'seqbench[ray]'",
            )
        self._join()
        self._look_at_machines()
        refusals = [self._refusal(job) for job in jobs]
        errors = {error.line(): error for error in refusals if error is not None}
        if errors:
            raise ConfigErrors(list(errors.values()))
        requested = {_in_words(request): request for request in map(self._request, jobs)}
        self._too_large = [words for words, one in requested.items() if not self._room([one])]
        # As many as there is room for of such jobs: a search makes up others like them.
        requests = islice(cycle(self._request(job) for job in jobs), _MANY)
        self._at_once = self.at_once or max(1, self._room(list(requests)))
        return max(1, min(self._at_once, len(jobs)))

    def launch(
        self,
        feed: Feed,
        execute: Execute,
        ended: Callable[[Outcome], None],
        observer: Observer,
        checks: Sequence[Job] = (),
    ) -> bool:
        """Has Ray run the feed's jobs; the checks are done here.

        Told to stop it returns once running jobs have saved their checkpoints.

        Returns:
            Whether it was told to stop.
        """
        for words in self._too_large:
            observer.note(f"no machine of the cluster has {words} now: such runs wait for one")
        with stop_signals() as stops:
            tasks = RayTasks(reference(execute), self._request)
            Dispatch(tasks, self._at_once, ended, observer).work(feed, stops)
        return bool(stops) or look_at(checks, execute, ended, observer)

    def _join(self) -> None:
        import ray

        if ray.is_initialized():  # by this sweep, or by the program that it is a part of
            return
        self._on_sigterm = signal.getsignal(signal.SIGTERM)  # Ray sets its own
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        settings: dict[str, Any] = {
            "address": self.address or "local",
            "include_dashboard": None if self.address else False,
            "num_cpus": None if self.address else usable_cores(),
            "log_to_driver": False,  # a run's own log has what it prints
            "logging_level": "ERROR",
        }
        try:
            ray.init(**{**settings, **self.extra})
        except (TypeError, ValueError, RuntimeError) as error:
            raise ConfigError(
                "hydra.launcher.extra" if self.extra else "hydra.launcher.address",
                expected="what ray.init takes",
                got=reason(error),
            ) from error
        except Exception as error:  # of no kind, where its programs do not come up in time
            own = "hydra.launcher.address=null starts one on this machine"
            raise TrainingError(
                "hydra.launcher.address",
                expected="a Ray cluster that answers",
                got=f"{self.address or 'null, one on this machine'}: {reason(error)}",
                remedy=own if self.address else "the same command tries it again",
            ) from error
        self._has_started = True

    def _look_at_machines(self) -> None:
        import ray

        self._machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]

    def _most(self, kind: str) -> float:
        """The most of a kind of resource that one machine has."""
        return max((machine.get(kind, 0.0) for machine in self._machines), default=0.0)

    def _request(self, job: Job) -> dict[str, Any]:
        """What a run asks for, as the options of a Ray task."""
        trainer = job.config["trainer"]
        cpus: float = self.cpus or trainer["threads"] * trainer["devices"]
        if self.cpus is None and not self.grows:
            cpus = min(cpus, max(self._most("CPU"), 1.0))
        gpus: float = 0
        if trainer["accelerator"] != "cpu" and not is_baseline(job.config):
            has_gpus = trainer["accelerator"] == "cuda" or self._most("GPU")
            gpus = self.gpus_per_run or (trainer["devices"] if has_gpus else 0)
        return {"num_cpus": cpus, "num_gpus": gpus, "resources": dict(self.resources)}

    def _refusal(self, job: Job) -> ConfigError | None:
        trainer, request = job.config["trainer"], self._request(job)
        if trainer["accelerator"] == "cuda" and not self._most("GPU") and not self.grows:
            expected = "cpu or auto on a cluster without a GPU"
            return ConfigError("trainer.accelerator", expected=expected, got="cuda")
        if request["num_gpus"] and trainer["devices"] > max(1, request["num_gpus"]):
            return ConfigError(
                "hydra.launcher.gpus_per_run",
                expected=f"at least trainer.devices, {trainer['devices']}",
                got=str(self.gpus_per_run),
            )
        if not self._room([request]) and not self.grows:
            return ConfigError(
                "hydra.launcher",
                expected="what one machine of the cluster has",
                got=_in_words(request),
            )
        return None

    def _room(self, requests: Sequence[Mapping[str, Any]]) -> int:
        """How many of these find room in an empty cluster at once."""
        free = [dict(machine) for machine in self._machines]
        found = 0
        for request in requests:
            amounts = _amounts(request)
            fitting = (m for m in free if all(m.get(k, 0.0) >= much for k, much in amounts))
            machine = next(fitting, None)
            if machine is not None:
                found += 1
                for kind, much in amounts:
                    machine[kind] -= much
        return found


def _in_words(request: Mapping[str, Any]) -> str:
    return ", ".join(f"{amount:g} {kind}" for kind, amount in _amounts(request))


def _amounts(request: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Ray's names of what is asked for, and how much of each."""
    amounts = {"CPU": request["num_cpus"], "GPU": request["num_gpus"], **request["resources"]}
    return [(kind, float(much)) for kind, much in amounts.items() if much]
