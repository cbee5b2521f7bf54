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

DRAWN = """() => [...document.querySelectorAll(".plot")].every(
    (plot) => plot.querySelector("svg.main-svg") && plot.querySelector("text, canvas"))"""

# What stands out of its card, or over another part of its plot.
MISPLACED = """() => {
    const wrong = [];
    for (const plot of document.querySelectorAll(".plot")) {
        const name = plot.closest("figure").querySelector("h3").textContent;
        const box = (each) => each.getBoundingClientRect();
        const card = box(plot.closest("figure"));
        if (box(plot).right > card.right || box(plot).left < card.left) wrong.push(`${name}: card`);
        if (plot.classList.contains("scrolls")) continue;
        if (box(plot.querySelector(".main-svg")).right > card.right) wrong.push(`${name}: drawing`);
        for (const text of plot.querySelectorAll("text")) {
            const { left, right } = box(text);
            if (left < card.left - 1 || right > card.right + 1) wrong.push(`${name}: ${text.textContent}`);
        }
        const [legend, drawing] = [plot.querySelector(".legend"), plot.querySelector(".nsewdrag")];
        if (legend && drawing && box(legend).bottom > box(drawing).top + 1) wrong.push(`${name}: legend`);
        const headed = box(plot.closest("figure").querySelector("figcaption")).bottom;
        if (headed > box(plot).top + 1) wrong.push(`${name}: heading`);
    }
    return wrong;
}"""

# WCAG 2.2, contrast ratio: of texts whose ratio to what is behind them is below 4.5.
FAINT = """() => {
    const parsed = (text) => {
        const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
        return { rgb: [r, g, b], a };
    };
    const over = (top, below) => top.rgb.map((part, i) => top.a * part + (1 - top.a) * below[i]);
    const luminance = (rgb) => {
        const [r, g, b] = rgb.map((part) => part / 255).map(
            (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (one, other) => {
        const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
        return (light + 0.05) / (dark + 0.05);
    };
    const behind = (element) => {
        const layers = [];
        for (let each = element; each; each = each.parentElement) {
            const layer = parsed(getComputedStyle(each).backgroundColor);
            layers.push(layer);
            if (layer.a === 1) break;
        }
        return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
    };
    const faint = [];
    const look = (name, colour, ground) => {
        const found = ratio(over(parsed(colour), ground), ground);
        if (found < 4.5) faint.push(`${name}: ${found.toFixed(2)}`);
    };
    let seen = 0;
    for (const element of document.querySelectorAll("main *")) {
        if (element.closest("svg, .plot") || !element.checkVisibility()) continue;
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own) continue;
        seen += 1;
        look(`${element.localName}.${element.className}`, getComputedStyle(element).color, behind(element));
    }
    for (const input of document.querySelectorAll("input")) {
        look("placeholder", getComputedStyle(input, "::placeholder").color, behind(input));
    }
    for (const plot of document.querySelectorAll(".plot")) {
        const ground = behind(plot);
        const cells = plot.data?.find((trace) => trace.type === "heatmap");
        for (const text of plot.querySelectorAll("text")) {
            if (text.closest(".heatmaplayer") || !text.textContent) continue;
            seen += 1;
            look(`text of a plot, ${text.textContent}`, getComputedStyle(text).fill, ground);
        }
        for (const [share, colour] of cells?.colorscale ?? []) {
            look(`a cell of ${100 * share} %`, cells.textfont.color, over(parsed(colour), ground));
        }
    }
    return { seen, faint: [...new Set(faint)] };
}"""


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
        self.page.wait_for_function(DRAWN)
        return self.page


class Browser:
    """Opens pages, each with a profile of its own."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium

    def open(self, path: Path, *, width: int = 1280, script: str = "", **options: Any) -> Opened:
        """Opens a file and listens to it from before it is read."""
        context = self._chromium.new_context(viewport={"width": width, "height": 844}, **options)
        page = context.new_page()
        opened = Opened(page)
        page.on("request", lambda request: opened.requests.append(request.url))
        page.on("console", lambda said: _complain(opened, said))
        page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (opened.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("load", lambda loaded: opened.loads.append(loaded.url))
        if script:
            page.add_init_script(script)
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
