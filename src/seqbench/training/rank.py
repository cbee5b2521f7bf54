"""The program of one rank: `python -m seqbench.training.rank RUN_FOLDER`."""

from __future__ import annotations

import sys

from seqbench.config.job import thaw
from seqbench.errors import SeqbenchError
from seqbench.records.folder import RunFolder
from seqbench.training.run import run


def main(path: str) -> int:
    """Execute the frozen config in the folder that the launcher holds."""
    folder = RunFolder(path)
    try:
        job = thaw(folder.config)
        run({**job.config, "run_id": job.run_id}, folder, overrides=job.overrides)
    except SeqbenchError as error:
        print(f"seqbench: {error.line()}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
