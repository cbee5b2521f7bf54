"""The page in a real browser: everything drawn, for everyone, and nothing asked of the network."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.report.browser import Browser, Opened, pages_of, started
from tests.report.conftest import store_run

from seqbench.records.predictions import read_predictions, write_predictions
from seqbench.records.record import RunError
from seqbench.report import html
from seqbench.report.content import gather
from seqbench.report.html import render_html
from seqbench.report.write import write_report

pytestmark = pytest.mark.service

HOSTILE = "<script>alert(1)</script>"
CLAIM = {
    "claim": f"GRU beats LSTM {HOSTILE}",
    "metric": "accuracy",
    "first": {"model": "gru"},
    "second": {"model": "lstm"},
    "direction": "greater",
    "smallest_effect": 0.01,
}
STUDIES = ("comparison", "search", "datasets")
SCHEMES = [("comparison", "light"), ("comparison", "dark"), ("search", "light"), ("search", "dark")]
SCHEMES += [("datasets", "light")]
Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of each kind of study; `browser` comes first, so that its lack costs nothing."""
    top = tmp_path_factory.mktemp("pages")
    for make in (_comparison, _search, _datasets):
        make(top / make.__name__.removeprefix("_"))
    return {study: write_report(top / study, top / f"{study}-report").html for study in STUDIES}


@pytest.fixture(scope="module")
def seen(browser: Browser, pages: dict[str, Path]) -> Open:
    """A page with every plot drawn; the same one for all tests that only look at it."""

    @cache
    def open_once(study: str, width: int, scheme: str) -> Opened:
        touch = {"has_touch": True, "is_mobile": True} if width < 500 else {}
        opened = browser.open(pages[study], width=width, color_scheme=scheme, **touch)
        opened.drawn()
        return opened

    def seen(study: str, *, width: int = 1280, scheme: str = "light") -> Opened:
        return open_once(study, width, scheme)

    return seen


@pytest.fixture
def page(browser: Browser, pages: dict[str, Path]) -> Iterator[Any]:
    """The comparison, to do with what one likes."""
    opened = browser.open(pages["comparison"])
    yield opened.page
    opened.page.context.close()


def _comparison(top: Path) -> None:
    """Models with claims and predictions, a failed and a pending run; every text is hostile."""
    told: dict[str, Any] = {
        "examples": 200,
        "labels": (HOSTILE, "pandas", "scipy", "sympy"),
        "config": {"claims": [CLAIM], "question": f"Which is best? {HOSTILE}"},
    }
    for model, mean in {"lstm": 0.71, "gru": 0.70, "transformer": 0.66, "bow": 0.63}.items():
        rng = np.random.default_rng(list(model.encode()))
        for seed in range(3):
            store_run(top, model=model, seed=seed, score=mean + float(rng.normal(0, 0.006)), **told)
    store_run(top, model="baseline/majority", score=0.1, **told)
    store_run(top, model="baseline/tfidf_regression", score=0.612, **told)
    error = RunError(type="TrainingError", message=f"not finite {HOSTILE} {'x' * 300}")
    store_run(top, model="rnn", status="failed", error=error, config=told["config"])
    for path in top.glob("*/*/predictions.parquet"):
        found = read_predictions(path)
        texts = tuple(f"{row} {HOSTILE} <b>bold</b>" for row in found.rows)
        write_predictions(path, replace(found, texts=texts))
    waiting = top / "architectures" / "waiting"
    waiting.mkdir()
    (waiting / "config.yaml").write_text("seed: 1\n")


def _search(top: Path) -> None:
    """Two models, four learning rates, two widths, two seeds."""
    rng = np.random.default_rng(0)
    for model in ("lstm", "gru"):
        for rate in (1e-4, 1e-3, 1e-2, 1e-1):
            for width in (16, 32):
                for seed in range(2):
                    score = 0.8 - 0.1 * abs(np.log10(rate) + 2) + float(rng.normal(0, 0.003))
                    settings, config = {"d_hidden": width}, {"optimizer": {"lr": rate}}
                    store_run(
                        top, model=model, seed=seed, score=score, settings=settings, config=config
                    )


def _datasets(top: Path) -> None:
    """Two models on two datasets."""
    for data, floor in {"imdb": 0.5, "docstrings": 0.1}.items():
        store_run(top, model="baseline/majority", data=data, score=floor)
        for model, gain in {"lstm": 0.3, "gru": 0.25}.items():
            for seed in range(3):
                store_run(top, model=model, data=data, seed=seed, score=floor + gain + 0.02 * seed)


@pytest.mark.parametrize(("study", "scheme"), SCHEMES)
def test_everything_is_drawn_in_silence(
    seen: Open, pages: dict[str, Path], study: str, scheme: str
) -> None:
    opened = seen(study, scheme=scheme)
    assert opened.requests == [pages[study].as_uri()]
    assert opened.complaints == []
    assert opened.page.locator(".plot").count() >= 5
    assert opened.page.evaluate("scrollY") == 0
    assert opened.page.evaluate("looks.misplaced()") == []


def test_each_study_shows_what_it_is_for(seen: Open) -> None:
    titles = {study: seen(study).page.locator("h2, h3").all_inner_texts() for study in STUDIES}
    assert {"Claims", "Runs without a score (1)", "Runs without a record (1)"} <= set(
        titles["comparison"]
    )
    drawn = {"Every run of the search", "What mattered", "Expected best score by tuning budget"}
    assert drawn <= set(titles["search"])
    assert "Performance profiles" in titles["datasets"]


def test_variants_change_the_plot(seen: Open) -> None:
    page = seen("comparison").page
    groups = page.locator(".variants")
    assert groups.count() >= 3
    for group in groups.all():
        figure = group.locator("xpath=ancestor::figure")
        buttons = group.locator("button").all()
        titles, drawn = set(), set()
        for button in [*buttons[1:], buttons[0]]:
            button.click()
            pressed = [each.get_attribute("aria-pressed") for each in buttons]
            assert pressed == ["true" if each is button else "false" for each in buttons]
            titles.add(figure.locator(".xtitle").text_content())
            drawn.add(figure.locator(".scatterlayer").inner_html())
        assert len(drawn) == len(buttons)
        is_axis = buttons[0].inner_text().startswith("by ")
        assert len(titles) == (len(buttons) if is_axis else 1)


def _column(page: Any, place: int) -> list[float | None]:
    """The numbers of a column of the main table, from above."""
    script = f"rows => rows.map((row) => row.cells[{place}].dataset.sort)"
    texts = page.locator("#table-1 tbody tr").evaluate_all(script)
    return [None if text == "" else float(text) for text in texts]


@pytest.mark.parametrize("by_keyboard", [False, True])
def test_sorting(seen: Open, by_keyboard: bool) -> None:
    page = seen("comparison").page
    heads = page.locator("#table-1 thead th")
    place = heads.all_inner_texts().index("FLOPs")  # baselines have none
    button = heads.nth(place).locator("button")
    for order in ("descending", "ascending", "descending"):
        if by_keyboard:
            button.focus()
            page.keyboard.press("Enter")
        else:
            button.click()
        column = _column(page, place)
        numbers = [value for value in column if value is not None]
        assert numbers == sorted(numbers, reverse=order == "descending")
        assert len(set(numbers)) > 1
        assert column[len(numbers) :] == [None, None]
        assert heads.nth(place).get_attribute("aria-sort") == order
        assert page.locator("#table-1 th[aria-sort]").count() == 1
    heads.nth(0).locator("button").click()
    names = page.locator("#table-1 tbody th").all_inner_texts()
    assert names == sorted(names)
    assert page.locator("#table-1 th[aria-sort]").count() == 1


def test_filtering(seen: Open) -> None:
    page = seen("comparison").page
    rows = page.locator("#table-1 tbody tr")
    entry, count = page.get_by_label("Filter").first, page.locator(".tools .count").first
    entry.focus()
    page.keyboard.type("gru TFIDF")
    shown = {row.locator("th").inner_text() for row in rows.all() if row.is_visible()}
    assert shown == {"gru", "tfidf_regression (baseline)"}
    assert count.inner_text() == "2 of 6"
    entry.fill("nothing")
    assert count.inner_text() == "0 of 6"
    entry.fill("")
    assert all(row.is_visible() for row in rows.all())
    assert count.inner_text() == ""


@pytest.mark.parametrize(
    ("study", "width"), [("comparison", 390), ("comparison", 320), ("search", 390)]
)
def test_narrow(seen: Open, study: str, width: int) -> None:
    opened = seen(study, width=width)
    page = opened.page
    page.evaluate("looks.open()")
    assert page.evaluate("[innerWidth, document.scrollingElement.scrollWidth]") == [width, width]
    assert page.evaluate("looks.misplaced()") == []
    assert opened.complaints == []
    small = page.locator("button, summary, input").evaluate_all(
        "all => all.map((each) => each.getBoundingClientRect().height).filter((h) => h && h < 40)"
    )
    assert small == []
    table = page.locator(".scroll:has(#table-1)")
    before = page.locator("#table-1 tbody th").first.bounding_box()
    table.evaluate("table => { table.scrollLeft = 200; }")
    assert table.evaluate("table => table.scrollLeft") == 200
    assert page.locator("#table-1 tbody th").first.bounding_box() == before


def test_another_width_and_another_scheme_redraw(page: Any) -> None:
    """A phone is turned, a window is narrowed, night falls."""
    page.wait_for_function("looks.drawn()")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("looks.misplaced().length === 0")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("looks.faint().faint.length === 0")


def _brightness(page: Any, path: Path) -> float:
    """The mean brightness of a screenshot, 0 to 1."""
    path.write_bytes(page.screenshot())
    return float(np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("L")).mean() / 255)


def test_screenshots(seen: Open, tmp_path: Path) -> None:
    assert _brightness(seen("comparison").page, tmp_path / "light.png") > 0.9
    assert _brightness(seen("comparison", scheme="dark").page, tmp_path / "dark.png") < 0.2
    assert _brightness(seen("comparison", width=390).page, tmp_path / "narrow.png") > 0.85


@pytest.mark.parametrize(("study", "scheme"), SCHEMES)
def test_texts_can_be_read(seen: Open, study: str, scheme: str) -> None:
    page = seen(study, scheme=scheme).page
    page.evaluate("looks.open()")
    found = page.evaluate("looks.faint()")
    assert found["texts"] > 100
    assert found["faint"] == []


@pytest.mark.parametrize("study", STUDIES)
def test_what_a_screen_reader_says(seen: Open, study: str) -> None:
    page = seen(study).page
    levels = [int(name[1]) for name in page.locator("h1, h2, h3, h4, h5, h6").evaluate_all(
        "all => all.map((each) => each.localName)"
    )]  # fmt: skip
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.evaluate("looks.unnamed()") == []


def test_the_keyboard_reaches_everything(page: Any) -> None:
    page.evaluate("looks.open()")
    wanted = page.locator(
        ".skip, input, th button, .variants button, [role=region], summary"
    ).evaluate_all("all => all.map((each, place) => each.dataset.place = String(place))")
    page.keyboard.press("Tab")
    box = page.locator(".skip").bounding_box()
    assert box["x"] >= 0
    assert box["width"] > 50
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector(location.hash).localName") == "main"
    reached = ["0"]
    while len(reached) < len(wanted):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.place"))
    assert reached == wanted


def test_printing_from_a_dark_screen(
    browser: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    """It is begun before the last plots are drawn."""
    opened = browser.open(pages["search"], color_scheme="dark")
    pdf = opened.page.pdf(format="A4", print_background=True)
    (tmp_path / "report.pdf").write_bytes(pdf)
    assert 1 < pages_of(pdf) < 15
    light = {"inks": ["rgb(93, 102, 115)"], "ground": "rgb(246, 247, 249)"}
    printed = {"undrawn": 0, "misplaced": [], "width": 680, **light}
    assert opened.page.evaluate("looks.printed") == printed
    page = opened.drawn()
    assert page.locator(".xtitle").first.evaluate("each => each.style.fill") not in light["inks"]
    assert opened.complaints == []
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".tools, .skip").first.is_visible()
    page.context.close()


def test_a_live_page_becomes_the_last_one(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the reader has set stays: where the page is, what is sorted, filtered, open."""
    monkeypatch.setattr(html, "RELOAD_SECONDS", 10)
    study, path, last = tmp_path / "outputs", tmp_path / "live.html", tmp_path / "last.html"
    _datasets(study)
    path.write_text(render_html(gather(study, live=True)))
    last.write_text(render_html(gather(study)))
    opened = browser.open(path)
    page = opened.page
    # At once, so that no reload comes between.
    page.evaluate(
        """() => {
            const filter = document.querySelector("input[data-filters=table-1]");
            filter.value = "gru";
            filter.dispatchEvent(new Event("input"));
            document.querySelector("#table-1 th.number button").click();
            const buttons = [...document.querySelectorAll(".variants button")];
            buttons.find((each) => each.textContent === "by time").click();
            document.querySelector("details").open = true;
            scrollTo(0, 1500);
        }"""
    )
    assert "the page reloads itself" in page.locator("[role=status]").inner_text()
    last.replace(path)
    page.wait_for_function("!document.querySelector('[role=status]')", timeout=60_000)
    page = opened.drawn()
    assert page.evaluate("scrollY") == 1500
    assert page.locator("#table-1 tbody tr:visible").count() == 1
    assert page.locator("#table-1 th.number").first.get_attribute("aria-sort") == "descending"
    pressed = page.get_by_role("button", name="by time").first.get_attribute("aria-pressed")
    assert pressed == "true"
    assert page.locator("details").first.evaluate("each => each.open")
    loads = len(opened.loads)
    page.wait_for_timeout(11_000)
    assert len(opened.loads) == loads
    assert opened.complaints == []
    page.context.close()


def test_no_text_becomes_a_script(seen: Open) -> None:
    opened = seen("comparison")
    page = opened.page
    text = page.locator("main").inner_text()
    assert text.count(HOSTILE) >= 5  # the question, a claim, classes, examples, an error
    for plot in page.locator(".plot:has(.heatmaplayer)").all():
        plot.hover()
    assert page.locator("main script, main b, main img").count() == 0
    assert page.locator("script").count() == 3
    assert opened.dialogs == []
