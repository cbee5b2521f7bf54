"""Two processes at one run folder, or at one cache that is not there yet: one does the work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e.finished import assert_same, finished
from tests.tally import FAULTS, LOST

from seqbench.config.compose import compose_job
from seqbench.records.folder import RunFolder

BOTH = """
import sys, time
from pathlib import Path
import seqbench.data.token_cache as token_cache
from seqbench.cli import main
from seqbench.training.execute import execute  # all that takes long, before the start
import seqbench.training.run
here, number, *arguments = sys.argv[1:]
write = token_cache._write
def counted(folder, entry):
    (Path(here) / f"built-{number}-{folder.name}").touch()
    time.sleep(0.5)
    write(folder, entry)
token_cache._write = counted
(Path(here) / f"ready-{number}").touch()
while not all((Path(here) / f"ready-{each}").exists() for each in range(int(sys.argv[3]))):
    time.sleep(0.001)
sys.exit(main(sys.argv[4:]))
"""


@pytest.fixture
def at_once(tmp_path: Path) -> Callable[..., list[tuple[int, str]]]:
    """Runs commands, which begin in the same millisecond; gives exit codes and stderr."""

    def run(*commands: list[str]) -> list[tuple[int, str]]:
        number = str(len(commands))
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", BOTH, str(tmp_path), str(place), number, *command],
                cwd=tmp_path, env=os.environ.copy(), text=True, stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )
            for place, command in enumerate(commands)
        ]  # fmt: skip
        said = [process.communicate()[1] for process in processes]
        return list(zip((process.returncode for process in processes), said, strict=True))

    return run


def test_one_run_folder(
    at_once: Callable[..., list[tuple[int, str]]], tiny: list[str], tmp_path: Path,
    tally: Counter[str],
) -> None:  # fmt: skip
    command = ["train", *tiny, "trainer.max_epochs=20", f"paths.outputs={tmp_path / 'out'}"]
    ended = at_once(command, command, command)
    tally[FAULTS] += 1
    assert sorted(code for code, _ in ended) == [0, 2, 2]
    for code, said in ended:
        if code == 2:
            assert "got held by process" in said and "wait for it to end, or stop it" in said
        assert "Traceback" not in said
    (record,) = (tmp_path / "out").rglob("record.json")
    together = finished(record.parent)
    (alone,) = at_once([*command[:-1], f"paths.outputs={tmp_path / 'alone'}"])
    assert alone[0] == 0
    (other,) = (tmp_path / "alone").rglob("record.json")
    assert_same(together, finished(other.parent), tally)


@pytest.mark.full
def test_one_cache(
    at_once: Callable[..., list[tuple[int, str]]], tiny: list[str], tmp_path: Path,
    tally: Counter[str],
) -> None:  # fmt: skip
    kept = [item for item in tiny if not item.startswith("paths.cache")]
    command = ["train", *kept, f"paths.cache={tmp_path / 'cache'}", "trainer.max_epochs=1"]
    ended = at_once([*command, "seed=0"], [*command, "seed=1"])
    tally[FAULTS] += 1
    assert [code for code, _ in ended] == [0, 0], ended
    assert len(list(tmp_path.glob("built-*"))) == 1
    entries = [path for path in (tmp_path / "cache" / "tokens").iterdir() if path.is_dir()]
    assert len(entries) == 1
    records = [RunFolder(path.parent).read_record() for path in tmp_path.rglob("record.json")]
    tally[LOST] += 2 - len(records)
    prints = {record.provenance.data_fingerprint for record in records if record}
    assert len(records) == 2 and len(prints) == 1


@pytest.mark.full
def test_a_cache_whose_builder_is_killed(
    tiny: list[str], tmp_path: Path, tally: Counter[str]
) -> None:
    """The lock goes with the process, what it left is removed, and the next one builds."""
    cache = tmp_path / "cache"
    kept = [item for item in tiny if not item.startswith("paths.cache")]
    command = ["train", *kept, f"paths.cache={cache}", f"paths.outputs={tmp_path / 'out'}"]
    code = """
import os, signal, sys
from seqbench.data.encoded import Encoded
from seqbench.cli import main
Encoded.save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[1:])
"""
    killed = subprocess.run([sys.executable, "-c", code, *command], check=False, cwd=tmp_path)
    tally[FAULTS] += 1
    assert killed.returncode == -9
    assert len([path for path in (cache / "tokens").iterdir() if path.is_dir()]) == 1
    ended = subprocess.run(
        [sys.executable, "-m", "seqbench.cli", *command], check=False, cwd=tmp_path,
        capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    (entry,) = (path for path in (cache / "tokens").iterdir() if path.is_dir())
    assert "." not in entry.name
    job = compose_job(command[1:])
    record = RunFolder(job.folder).read_record()
    assert record is not None and record.status == "completed"
