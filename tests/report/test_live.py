"""A report that is rendered again as runs end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from seqbench.records.claim import claimed
from seqbench.records.folder import RunFolder
from seqbench.report.content import gather
from seqbench.report.html import render_html
from seqbench.report.live import REST_SECONDS, follow, following


class Clock:
    """Time that passes only while somebody sleeps; things may happen meanwhile."""

    def __init__(self, *happens: Callable[[], object]) -> None:
        self.now = 0.0
        self._happens = list(happens)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def is_over(self) -> bool:
        """Each call lets one thing happen; then it is over."""
        if not self._happens:
            return True
        self._happens.pop(0)()
        return False


def nothing() -> None:
    pass


def test_it_renders_when_a_run_has_ended(store, tmp_path: Path) -> None:
    waits = [nothing] * int(REST_SECONDS)
    clock = Clock(*waits, lambda: store(seed=0), *waits, *waits, lambda: store(seed=1), *waits)
    rendered: list[tuple[bool, int]] = []

    def render(live: bool) -> None:
        rendered.append((live, len(gather(tmp_path / "outputs").runs)))

    outputs = tmp_path / "outputs"
    follow([outputs / "architectures"], render, clock.is_over, sleep=clock.sleep, clock=clock)
    assert rendered == [(True, 1), (True, 2), (False, 2)]


def test_a_slow_rendering_is_followed_by_a_long_rest(store, tmp_path: Path) -> None:
    """Ten seconds of rendering may come once in 200."""
    seeds = iter(range(1000))
    clock = Clock(*[lambda: store(seed=next(seeds))] * 460)
    times: list[float] = []

    def render(live: bool) -> None:
        if live:
            times.append(clock.now)
            clock.now += 10

    follow([tmp_path / "outputs"], render, clock.is_over, sleep=clock.sleep, clock=clock)
    assert times == [10, 220, 430]


def test_without_records_nothing_is_rendered(tmp_path: Path) -> None:
    clock = Clock(*[nothing] * 50)

    def render(live: bool) -> None:
        raise AssertionError("there is nothing to show")

    follow([tmp_path], render, clock.is_over, sleep=clock.sleep, clock=clock)


def test_the_page_says_how_far_it_is_and_reloads(store, tmp_path: Path) -> None:
    record = store(seed=0)
    study = tmp_path / "outputs" / record.study
    for name in ("waiting", "running"):
        (study / name).mkdir()
        (study / name / "config.yaml").write_text("seed: 1\n")
    with claimed(RunFolder(study / "running").lock):
        page = render_html(gather(study, live=True))
    assert "1 of 3 runs have ended, 1 is running." in page
    assert 'data-reload="5"' in page
    assert "<code>running</code> is running" in page
    assert "<code>waiting</code> has not started, or was killed" in page
    last = render_html(gather(study))
    assert "data-reload=" not in last.split("<script")[0]
    assert "Runs without a record (2)" in last


def test_a_process_of_its_own_ends_with_the_block(store, tmp_path: Path) -> None:
    record = store()
    study = tmp_path / "outputs" / record.study
    with following(study, study / "report"):
        deadline = time.monotonic() + 240
        while not (study / "report" / "report.html").exists():
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert 'data-reload="5"' in (study / "report" / "report.html").read_text()
    assert not list(study.glob("report/.*.tmp"))


def test_it_outlives_no_sweep(store, tmp_path: Path) -> None:
    """Once its parent is gone it renders a page that stays, and ends."""
    record = store()
    study = tmp_path / "outputs" / record.study
    program = f"""
import os, subprocess, sys
here = {str(study)!r}
subprocess.Popen([sys.executable, "-m", "seqbench.report.live", here, here, str(os.getpid())])
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    deadline = time.monotonic() + 240  # it runs at the lowest priority
    while not (study / "report.html").exists():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "data-reload=" not in (study / "report.html").read_text().split("<script")[0]


def test_it_is_light_until_there_is_something_to_show() -> None:
    program = """
import sys
import seqbench.report.live
print(sorted(sys.modules.keys() & {"pandas", "numpy", "plotly", "jinja2", "torch", "hydra"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
