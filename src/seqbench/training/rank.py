"""The program of one rank: executes the frozen config in the folder that the launcher holds."""

from __future__ import annotations

from pathlib import Path

from seqbench.config.job import thaw
from seqbench.errors import Stopped
from seqbench.records.folder import RunFolder
from seqbench.training.distributed import RankError
from seqbench.training.run import run


def main(path: Path) -> int:
    """Run the job frozen in this folder as the rank that the environment says.

    Returns:
        The process's exit code: 0, 1 for an error that it told, 128 + the signal's number if it was
        interrupted.
    """
    folder = RunFolder(path)
    try:
        job = thaw(folder.config)
        run(job.config, folder, overrides=job.overrides)
    except Stopped as stop:
        return stop.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        RankError.tell(error)
        return 1
    return 0
