"""One run handed to Slurm by submitit, and what a submission leaves in the study's folder."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import Any

from seqbench.errors import ConfigError
from seqbench.sweeps.dispatch import NotTaken
from seqbench.sweeps.node import Order
from seqbench.sweeps.slurm_commands import (
    ANSWER_SECONDS,
    NoAnswer,
    Queued,
    cancel,
    queue,
    submission,
)
from seqbench.sweeps.slurm_run import SlurmRun


def submit(
    run_id: str,
    order: Order,
    folder: Path,
    *,
    flags: Mapping[str, Any],
    setup: Sequence[str],
    python: str,
) -> str:
    """Submits a run.

    Args:
        run_id: names the job.
        order: what it does.
        folder: the study's, for scripts and what Slurm prints.
        flags: sbatch's options.
        setup: lines of shell before it.
        python: what starts Python on a node.

    Returns:
        Slurm's id of the job.

    Raises:
        NotTaken: Slurm does not take it now, or has not said so in time.
        ConfigError: what sbatch answers cannot be understood.
    """
    import submitit
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    executor = submitit.SlurmExecutor(folder=folder.absolute(), python=python)
    executor._make_submission_command = submission  # its own waits for ever, and hears Ctrl-C
    executor.update_parameters(
        job_name=run_id,
        time=flags["time"],
        setup=[*setup] or None,
        wckey=None,
        additional_parameters={name: value for name, value in flags.items() if name != "time"},
        # An allocation's cores do not become its steps' by themselves.
        srun_args=[f"--cpus-per-task={flags['cpus-per-task']}"],
    )
    try:
        with redirect_stderr(io.StringIO()):  # into the table; the error says it again
            return str(executor.submit(SlurmRun(order, str(folder.absolute()))).job_id)
    except FailedJobError as error:
        said = " ".join(str(error).split())
        raise NotTaken(said or f"no answer in {ANSWER_SECONDS:g} seconds") from error
    except FailedSubmissionError as error:
        raise ConfigError(
            "hydra/launcher=slurm",
            expected="an sbatch that answers with the job's number",
            got=" ".join(str(error).split()),
        ) from error
    finally:
        _tidy(folder, run_id)


def script(folder: Path, job_id: str) -> Path:
    """Where the script of a job lies that was submitted from this folder."""
    return folder / f"{job_id}_submission.sh"


def call_back(run_id: str, folder: Path) -> None:
    """Cancels what Slurm has taken of a run although sbatch failed: its pickle is gone.

    Raises:
        NotTaken: Slurm does not answer.
    """
    try:
        cancel(each.job_id for each in queue() if _is_astray(each, run_id, folder))
    except NoAnswer as error:
        raise NotTaken(str(error)) from error


def _is_astray(queued: Queued, run_id: str, folder: Path) -> bool:
    is_ours = queued.name == run_id and Path(queued.script).parent == folder.absolute()
    return is_ours and not script(folder, queued.job_id).exists()


def _tidy(folder: Path, run_id: str) -> None:
    """Removes script and pickle of a submission from where they were before the job had a number.

    Those of a job that was not taken stay there, and of any other only a link does. Another sweep
    may be submitting other runs.
    """
    for path in (*folder.glob(".submission_file_*.sh"), *folder.glob(f"{'[0-9a-f]' * 32}.pkl")):
        with suppress(OSError):
            if run_id.encode() in path.read_bytes():
                path.unlink()
