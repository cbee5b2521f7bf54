"""No secret of the user's gets into anything that a run writes or says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.rarely import rarely

KEY = "local-" + "5ec2e7" * 7
TOKEN, PASSWORD, OTHER = "hf_QmFzZTY0c2VjcmV0", "correct-horse-battery", "ghp_0123456789abcdef"
SECRETS = {"WANDB_API_KEY": KEY, "HF_TOKEN": TOKEN, "DB_PASSWORD": PASSWORD, "GH_TOKEN": OTHER}


def holding(place: Path, secrets: list[str]) -> list[str]:
    """The files below a folder that hold one of these, in any encoding that a file would have."""
    found = []
    for path in place.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if any(secret.encode() in content for secret in secrets):
                found.append(str(path.relative_to(place)))
    return found


@pytest.mark.parametrize("fails", [False, *rarely(True)])
def test_of_the_environment_and_the_command_line(
    fails: bool, tiny: list[str], tmp_path: Path
) -> None:
    others = [item for item in tiny if not item.startswith("logger=")]
    said = [
        *others, "logger=offline", f"tags=['hf_token={TOKEN}', '{OTHER}']",
        f"question='who is at https://me:{PASSWORD}@host/path'",
    ]  # fmt: skip
    if fails:  # with an error that tells the text that holds one
        said += ["optimizer=sgd", "optimizer.lr=1e38", "trainer.clip_norm=null"]
    ended = subprocess.run(
        [sys.executable, "-m", "seqbench.cli", "train", *said, "trainer.max_epochs=1"],
        cwd=tmp_path, env={**os.environ, **SECRETS}, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == (1 if fails else 0), ended.stderr
    assert list(tmp_path.rglob("*.wandb")), "W&B wrote, too"
    printed = ended.stdout + ended.stderr
    assert not [secret for secret in SECRETS.values() if secret in printed]
    held = holding(tmp_path, list(SECRETS.values()))
    # The frozen config is what the run is executed from: what the user put into it stands there.
    assert [path for path in held if not path.endswith("/config.yaml")] == []
    (config,) = tmp_path.rglob("config.yaml")
    assert not any(secret in config.read_text() for secret in (KEY,))


@pytest.mark.full
def test_an_error_s_text_and_traceback(tiny: list[str], tmp_path: Path) -> None:
    """What a library complains of goes to the log and the record."""
    code = f"""
import sys
from seqbench.cli import main
from seqbench.tasks.classification import Classification
def step(self, batch, batch_idx):
    key = {TOKEN!r}
    raise RuntimeError(f"401 for https://hub/?token={{key}} and api_key='{{key}}'")
Classification.training_step = step
sys.exit(main(["train", *{tiny!r}]))
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, **SECRETS}, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    assert holding(tmp_path, [TOKEN]) == []
    (log,) = tmp_path.rglob("log.txt")
    assert "401 for https://hub/" in log.read_text()
