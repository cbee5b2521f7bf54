"""Debian's Chromium, driven by Playwright, and what is asked of a page that it has opened."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# Nothing is asked of the network, and no browser is ever downloaded.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]  # fmt: skip
# Chromium tells how fast it is in software, where there is no graphics card.
DRIVER = "GL Driver Message"
LOOKS = Path(__file__).parent / "looks.js"


@dataclass
class Opened:
    """A page, and what happened in it."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def drawn(self) -> Any:
        """The page, once every plot is drawn; nothing is scrolled for it."""
        self.page.wait_for_function("looks.drawn()")
        return self.page


class Browser:
    """Opens pages, each with a profile of its own."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium

    def open(self, path: Path, *, width: int = 1280, **options: Any) -> Opened:
        """Opens a file and listens to it from before it is read."""
        context = self._chromium.new_context(viewport={"width": width, "height": 844}, **options)
        page = context.new_page()
        opened = Opened(page)
        page.on("request", lambda request: opened.requests.append(request.url))
        page.on("console", lambda said: _complain(opened, said))
        page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (opened.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("load", lambda loaded: opened.loads.append(loaded.url))
        page.add_init_script(path=LOOKS)
        page.goto(path.as_uri())
        return opened


def _complain(opened: Opened, said: Any) -> None:
    if said.type in ("error", "warning") and DRIVER not in said.text:
        opened.complaints.append(f"{said.type}: {said.text}")


@contextmanager
def started() -> Iterator[Browser]:
    """A browser; the test is skipped where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    reason = "needs Playwright: pip install -c constraints.txt -e '.[browser]'"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield Browser(chromium)
        chromium.close()


def pages_of(pdf: bytes) -> int:
    """How many pages a PDF has."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))
