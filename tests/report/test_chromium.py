"""The page in a real browser: every plot drawn, nothing asked of the network."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from seqbench.report.write import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OFFLINE = ("--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND")


@pytest.mark.service
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_every_plot_is_drawn(study: Path, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    report = write_report(study, tmp_path / "report")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    output = ("--enable-logging=stderr", "--dump-dom")
    ended = subprocess.run(
        [CHROMIUM, *flags, *OFFLINE, profile, *output, report.html.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    page = ended.stdout
    containers = len(re.findall(r'class="[^"]*\bplot\b', page))
    assert containers >= 5
    assert page.count('class="main-svg"') >= containers
    assert not re.findall(r"CONSOLE.*(?:Error|error|Failed)", ended.stderr)
