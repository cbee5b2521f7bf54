"""The run's own log: without secrets, and never the end of a run."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from seqbench.training.run_log import run_log

log = logging.getLogger("seqbench.tests")


def test_secrets_are_left_out_of_lines_and_tracebacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    with run_log(tmp_path / "log.txt"):
        log.warning("no entry with %s", "hf_0123456789")
        try:
            raise ValueError("password=sesame")
        except ValueError as error:
            log.error("ended", exc_info=error)
    written, told = (tmp_path / "log.txt").read_text(), capsys.readouterr().err
    assert "no entry with ***" in written and "no entry with ***" in told
    assert "ValueError: password=***" in written
    assert "sesame" not in written + told and "0123456789" not in written + told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_disk_that_is_full_ends_nothing_and_prints_no_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with run_log(Path("/dev/full")):
        log.info("a line")
        log.warning("a warning")
    assert capsys.readouterr().err == "seqbench: a warning\n"


def test_nor_does_a_folder_that_is_gone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with run_log(tmp_path / "gone" / "log.txt"):
        log.warning("a warning")
    assert capsys.readouterr().err == "seqbench: a warning\n"
    assert os.listdir(tmp_path) == []
