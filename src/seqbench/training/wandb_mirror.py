"""Weights & Biases as a mirror of the record: if it breaks, training goes on without it."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from seqbench.errors import first_line
from seqbench.reach import reachable
from seqbench.records.secrets import without_secrets
from seqbench.training.wandb_settings import Mode, WandbSettings

log = logging.getLogger(__name__)

FAREWELL_SECONDS = 10.0  # for W&B's process, once it has failed

_service: threading.Thread | None = None


def begin_service(settings: WandbSettings) -> None:
    """Starts W&B's own process in the background, which takes as long as setting data up."""
    global _service
    if settings.resolved_mode() == "disabled":
        return
    _leave_others_service()

    def begin() -> None:
        with contextlib.suppress(Exception):  # `start_mirror` meets it again, and says so
            import wandb

            wandb.setup(wandb.Settings(silent=True))

    _service = threading.Thread(target=begin)
    _service.start()


def _leave_others_service() -> None:
    """W&B joins the process that an environment variable names: it would end with its owner."""
    if f"-{os.getpid()}-" not in os.environ.get("WANDB_SERVICE", ""):
        os.environ.pop("WANDB_SERVICE", None)


def start_mirror(
    settings: WandbSettings,
    *,
    run_id: str,
    study: str,
    task: str,
    tags: Sequence[str],
    config: Mapping[str, Any],
    path: Path,
) -> WandbMirror | None:
    """Begin a run's mirror under `path`/wandb; None where WANDB_MODE=disabled, or W&B fails.

    Args:
        settings: where.
        run_id: names the run; with the study it makes the W&B id.
        study: becomes the run's group.
        task: the task kind, the run's job type.
        tags: for filtering in W&B.
        config: the resolved config.
        path: the run folder.
    """
    mode = settings.resolved_mode()
    if mode == "disabled":
        return None
    arguments: dict[str, Any] = {
        "id": _wandb_id(study, run_id),
        "name": run_id,
        "group": study,
        "job_type": task,
        "tags": without_secrets(list(tags)),
        "config": without_secrets(dict(config)),
        "project": settings.project_name,
        "entity": settings.entity_name,
        # W&B's own process may have been started in another working folder.
        "dir": str(path.absolute()),
    }
    _stage_beside(path)
    if _service is not None:
        _service.join()
    if mode == "online":
        try:
            _require_server()
            return WandbMirror(_init("online", resume="allow", **arguments))
        except Exception as error:
            log.warning("W&B is not reachable (%s): mirrored offline instead", first_line(error))
            _end_service()

    def begin() -> Any:
        _drop_partial_run(path)
        return _init("offline", resume=None, **arguments)

    try:
        return WandbMirror(begin(), begin_anew=begin)
    except Exception as error:
        log.warning("W&B could not start (%s): this run is not mirrored", first_line(error))
        return None


class WandbMirror:
    """One open W&B run; the first failure ends the mirroring, with a warning, not the training.

    Args:
        run: W&B's.
        begin_anew: begins an offline run in the place of this one; None where there is no way, as
            online: the server has a part of the run.
    """

    def __init__(self, run: Any, *, begin_anew: Callable[[], Any] | None = None) -> None:
        self._run = run
        self._begin_anew = begin_anew
        self._broken = False
        self.logger = _GuardedLogger(self, run)

    @property
    def place(self) -> str:
        """Where the run can be looked at: an address or a folder."""
        return str(self._run.dir if self._run.offline else self._run.url)

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Turn any failure of W&B into one warning and silence afterwards."""
        try:
            yield
        except Exception as error:
            if not self._broken:
                log.warning("W&B failed (%s): training goes on without it", first_line(error))
            self._broken = True

    @property
    def is_broken(self) -> bool:
        """Whether W&B has failed in this run."""
        return self._broken

    def anew(self) -> WandbMirror | None:
        """An empty mirror in the place of one that is broken; None where W&B fails again."""
        if self._begin_anew is None:
            return None
        _end_service()
        try:
            return WandbMirror(self._begin_anew())
        except Exception as error:
            log.warning("W&B could not start again (%s)", first_line(error))
            return None

    def summary(self, values: Mapping[str, Any]) -> None:
        """Set summary values, e.g. the scores at the best epoch."""
        self._do(lambda: self._run.summary.update(dict(values)))

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Log a table."""
        import wandb

        data: list[Iterable[Any]] = [list(row) for row in rows]
        self._do(lambda: self._run.log({name: wandb.Table(columns=list(columns), data=data)}))

    def finish(self, exit_code: int) -> None:
        """Close the run with the exit code that it really had."""
        if not self._broken:
            with self.guard():
                self._run.finish(exit_code=exit_code)
        if self._broken:
            _end_service()  # else W&B complains once more when Python ends, with a traceback

    def _do(self, action: Callable[[], Any]) -> None:
        if not self._broken:
            with self.guard():
                action()


class _GuardedLogger(WandbLogger):
    """Lightning's WandbLogger that survives the death of the W&B process."""

    def __init__(self, mirror: WandbMirror, run: Any) -> None:
        super().__init__(experiment=run)
        self._mirror = mirror

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """As WandbLogger's, under the mirror's guard."""
        if not self._mirror.is_broken:
            with self._mirror.guard():
                super().log_metrics(metrics, step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Nothing: Lightning calls this after fit *and* test; `WandbMirror.finish` ends the run."""


def _init(mode: Mode, **arguments: Any) -> Any:
    import wandb  # half a second: only runs that are mirrored pay it

    settings: dict[str, Any] = {
        # Lines of ours are in log.txt; requirements and versions are in the record.
        "console": "off",
        "silent": True,
        "x_save_requirements": False,
        "init_timeout": 30,
    }
    with _discreet_command():
        return wandb.init(mode=mode, settings=wandb.Settings(**settings), **arguments)


@contextlib.contextmanager
def _discreet_command() -> Iterator[None]:
    """W&B keeps the command line as it stands, whatever was said on it."""
    said = sys.argv
    sys.argv = without_secrets(said)
    try:
        yield
    finally:
        sys.argv = said


def _require_server() -> None:
    """W&B itself would try for half a minute, at every run of a sweep.

    Raises:
        ConnectionError: nobody answers there.
    """
    import wandb

    url = wandb.setup(wandb.Settings(silent=True)).settings.base_url
    if not reachable(url):
        raise ConnectionError(f"no answer from {url}")


def _end_service() -> None:
    """Its process takes the id of a run that could not begin for one in use.

    W&B waits for an answer without an end, which one that is gone does not give.
    """

    def tear_down() -> None:
        import wandb

        with contextlib.suppress(Exception):
            wandb.teardown()

    ending = threading.Thread(target=tear_down, daemon=True)
    ending.start()
    ending.join(FAREWELL_SECONDS)


def _drop_partial_run(path: Path) -> None:
    """Remove what an earlier try of the run mirrored offline: no offline run can be resumed."""
    shutil.rmtree(path / "wandb", ignore_errors=True)


_staging: str | None = None


def _stage_beside(path: Path) -> None:
    """Tables are staged as artifacts: beside the run, not in a home folder that fills up.

    Where WANDB_DATA_DIR is the user's own it stays; that of an earlier run of ours does not.
    """
    global _staging
    if os.environ.get("WANDB_DATA_DIR", _staging) == _staging:
        _staging = os.environ["WANDB_DATA_DIR"] = str((path / "wandb").absolute())


def _wandb_id(study: str, run_id: str) -> str:
    """A W&B id for this run of this study: the same in every process and at every resume."""
    digest = hashlib.sha256(f"{study}/{run_id}".encode()).hexdigest()[:8]
    return re.sub(r"[^A-Za-z0-9_-]", "-", run_id)[:55] + "-" + digest
