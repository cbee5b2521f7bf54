"""The program of one rank: `python -m seqbench.training.rank RUN_FOLDER LAUNCHER_PID`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from seqbench.config.job import thaw
from seqbench.errors import SeqbenchError
from seqbench.records.folder import RunFolder
from seqbench.training.distributed import RankError
from seqbench.training.run import run

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main(path: str, launcher: int) -> int:
    """Execute the frozen config in the folder that the launcher holds."""
    _die_with(launcher)
    folder = RunFolder(path)
    try:
        job = thaw(folder.config)
        run(job.config, folder, overrides=job.overrides)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        line = error.line() if isinstance(error, SeqbenchError) else repr(error)
        RankError.tell(line)
        return 1
    return 0


def _die_with(launcher: int) -> None:
    """A launcher that is killed must not leave ranks behind, which would train on unrecorded."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != launcher:  # it was gone before
            sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
