"""The page in a real browser: everything drawn, for everyone, and nothing asked of the network."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.report.browser import DRAWN, FAINT, MISPLACED, Browser, Opened, pages_of, started
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


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_is_drawn_in_silence(
    seen: Open, pages: dict[str, Path], study: str, scheme: str
) -> None:
    opened = seen(study, scheme=scheme)
    assert opened.requests == [pages[study].as_uri()]
    assert opened.complaints == []
    assert opened.page.locator(".plot").count() >= 5
    assert opened.page.evaluate("scrollY") == 0
    assert opened.page.evaluate(MISPLACED) == []


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
    rows = "rows => rows.map((row) => row.cells[%d].dataset.sort)" % place
    texts = page.locator("#table-1 tbody tr").evaluate_all(rows)
    return [None if text == "" else float(text) for text in texts]


@pytest.mark.parametrize("by_keyboard", [False, True])
def test_sorting(page: Any, by_keyboard: bool) -> None:
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


def test_filtering(page: Any) -> None:
    rows = page.locator("#table-1 tbody tr")
    entry, count = page.get_by_label("Filter").first, page.locator(".tools .count").first
    entry.focus()
    page.keyboard.type("gru TFIDF")
    assert [row.locator("th").inner_text() for row in rows.all() if row.is_visible()] == [
        "gru", "tfidf_regression (baseline)",
    ]  # fmt: skip
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
    page.locator("summary").evaluate_all("all => all.forEach((each) => each.parentNode.open = true)")
    assert page.evaluate("[innerWidth, document.scrollingElement.scrollWidth]") == [width, width]
    assert page.evaluate(MISPLACED) == []
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
    page.wait_for_function(DRAWN)
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(f"({MISPLACED})().length === 0")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"({FAINT})().faint.length === 0")


def _brightness(page: Any, path: Path) -> float:
    """The mean brightness of the page's screenshot, 0 to 1."""
    path.write_bytes(page.screenshot(full_page=True))
    return float(np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("L")).mean() / 255)


def test_screenshots(seen: Open, tmp_path: Path) -> None:
    assert _brightness(seen("comparison").page, tmp_path / "light.png") > 0.9
    assert _brightness(seen("comparison", scheme="dark").page, tmp_path / "dark.png") < 0.2
    assert _brightness(seen("comparison", width=390).page, tmp_path / "narrow.png") > 0.85


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read(seen: Open, study: str, scheme: str) -> None:
    page = seen(study, scheme=scheme).page
    page.locator("summary").evaluate_all("all => all.forEach((each) => each.parentNode.open = true)")
    found = page.evaluate(FAINT)
    assert found["seen"] > 100
    assert found["faint"] == []


@pytest.mark.parametrize("study", STUDIES)
def test_what_a_screen_reader_says(seen: Open, study: str) -> None:
    page = seen(study).page
    levels = [int(name[1]) for name in page.locator("h1, h2, h3, h4, h5, h6").evaluate_all(
        "all => all.map((each) => each.localName)"
    )]  # fmt: skip
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    unnamed = page.evaluate(
        """() => {
            const labelled = (each) => (each.ariaLabel
                ?? document.getElementById(each.getAttribute("aria-labelledby"))?.textContent ?? "").trim();
            const named = [...document.querySelectorAll("section, [role=img], [role=region], [role=group]")];
            const inputs = [...document.querySelectorAll("input")];
            const heads = [...document.querySelectorAll("th")];
            const buttons = [...document.querySelectorAll("button")];
            return [
                ...named.filter((each) => !labelled(each)),
                ...inputs.filter((each) => !each.labels.length),
                ...heads.filter((each) => !["row", "col"].includes(each.scope)),
                ...buttons.filter((each) => !each.textContent.trim()),
            ].map((each) => each.outerHTML.slice(0, 99));
        }"""
    )
    assert unnamed == []
    assert page.locator("[id]:not(.plot *)").count() == len(
        set(page.locator("[id]:not(.plot *)").evaluate_all("all => all.map((each) => each.id)"))
    )


def test_everything_is_reached_by_keyboard(page: Any) -> None:
    page.locator("summary").evaluate_all("all => all.forEach((each) => each.parentNode.open = true)")
    wanted = page.locator(
        ".skip, input, th button, .variants button, [role=region], summary"
    ).evaluate_all("all => all.map((each, place) => each.dataset.place = String(place))")
    reached = []
    for _ in range(2 * len(wanted)):
        page.keyboard.press("Tab")
        place = page.evaluate("document.activeElement.dataset.place ?? null")
        if place is not None and place in reached:
            break
        reached.append(place)
    assert [place for place in reached if place is not None] == wanted


def test_the_skip_link(page: Any) -> None:
    page.keyboard.press("Tab")
    link = page.locator(".skip")
    assert link.evaluate("link => link === document.activeElement")
    box = link.bounding_box()
    assert box["x"] >= 0
    assert box["width"] > 50
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector(location.hash).localName") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_printing_from_a_dark_screen(
    browser: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    """What the browser takes its picture of is looked at just after that."""
    looks = """addEventListener("afterprint", () => {
        const plots = [...document.querySelectorAll(".plot")];
        window.printed = {
            undrawn: plots.filter((plot) => !plot.querySelector("svg.main-svg")).length,
            wide: plots.filter((plot) => plot.querySelector(".main-svg").getBoundingClientRect().width > 332
                && !plot.closest(".wide")).length,
            ink: [...new Set([...document.querySelectorAll(".plot .xtitle")].map((each) => each.style.fill))],
            page: getComputedStyle(document.body).backgroundColor,
        };
    })"""
    opened = browser.open(pages["search"], script=looks, color_scheme="dark")
    pdf = opened.page.pdf(format="A4", print_background=True)
    (tmp_path / "report.pdf").write_bytes(pdf)
    assert 1 < pages_of(pdf) < 15
    printed = opened.page.evaluate("printed")
    assert printed == {
        "undrawn": 0, "wide": 0, "ink": ["rgb(93, 102, 115)"], "page": "rgb(246, 247, 249)",
    }  # fmt: skip
    assert opened.complaints == []
    page = opened.drawn()
    assert page.locator(".xtitle").first.evaluate("each => each.style.fill") != printed["ink"][0]
    page.emulate_media(media="print")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert not page.locator(".tools, .skip").first.is_visible()
    page.context.close()


def test_a_live_page_becomes_the_last_one(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "RELOAD_SECONDS", 2)
    study, path = tmp_path / "outputs", tmp_path / "report.html"
    _datasets(study)
    path.write_text(render_html(gather(study, live=True)))
    opened = browser.open(path)
    page = opened.drawn()
    assert "the page reloads itself" in page.locator("[role=status]").inner_text()
    page.get_by_label("Filter").first.fill("gru")
    page.locator("#table-1 thead button").nth(1).click()
    page.get_by_role("button", name="by time").first.click()
    page.locator("summary").first.click()
    page.evaluate("scrollTo(0, 1500)")
    path.with_suffix(".new").write_text(render_html(gather(study)))
    path.with_suffix(".new").replace(path)
    began = time.monotonic()
    page.wait_for_function("!document.querySelector('[role=status]')", timeout=10_000)
    assert time.monotonic() - began < 10
    page = opened.drawn()
    assert page.evaluate("scrollY") == 1500
    assert page.locator("#table-1 tbody tr:visible").count() == 1
    assert page.locator("#table-1 thead th").nth(1).get_attribute("aria-sort") == "descending"
    pressed = page.get_by_role("button", name="by time").first.get_attribute("aria-pressed")
    assert pressed == "true"
    assert page.locator("details").first.evaluate("each => each.open")
    loads = len(opened.loads)
    page.wait_for_timeout(3000)
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
