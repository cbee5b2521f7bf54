from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from seqbench.errors import RecordError
from seqbench.records.load import load_records
from seqbench.records.record import Primary, RunError
from seqbench.report.html import _json
from seqbench.report.terminal import print_report
from seqbench.report.write import Report, write_report


def contents(report: Report) -> list[bytes]:
    return [path.read_bytes() for path in (report.html, report.markdown, report.latex, report.json)]


def plots(report: Report) -> list[dict]:
    found = re.search(r'id="plots">(.*?)</script>', report.html.read_text(), flags=re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_same_records_give_the_same_bytes(study: Path, tmp_path: Path) -> None:
    first = contents(write_report(study, tmp_path / "report"))
    moved = tmp_path / "elsewhere" / "outputs"
    shutil.copytree(study, moved)
    program = """
import sys
from seqbench.report.write import write_report
write_report(sys.argv[1], sys.argv[2])
"""
    subprocess.run([sys.executable, "-c", program, moved, tmp_path / "second"], check=True)
    names = ("report.html", "report.md", "report.tex", "report.json")
    assert first == [(tmp_path / "second" / name).read_bytes() for name in names]


def test_every_number_stands_in_the_json(study: Path, tmp_path: Path) -> None:
    report = write_report(study, tmp_path)
    plain = json.loads(report.json.read_text())
    (table,) = plain["tables"]
    best = table["rows"][0]
    runs = [run for run in plain["runs"] if run["model"] == best["model"]]
    mean = sum(run["test/accuracy"] for run in runs) / 3
    assert best["scores"]["accuracy"]["mean"] == pytest.approx(mean)
    assert f"{100 * mean:.1f} ±" in report.markdown.read_text()
    assert len(plain["runs"]) == 16 and len(plain["failures"]) == 2
    assert len(table["leads"]) == len(table["rows"]) - 1


def test_the_page_needs_no_network_and_is_well_formed(study: Path, tmp_path: Path) -> None:
    report = write_report(study, tmp_path)
    page = report.html.read_text()
    assert not re.search(r'(?:src|href)=["\']?(?:https?:)?//', page.split("<script")[0])
    assert "<link" not in page.split("<script")[0]
    assert "the loss is not finite at step 31" in page and "SIGTERM: stopped" in page
    open_tags: list[str] = []
    void = {"meta", "br", "line", "input"}

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in void:
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in void:
                assert open_tags.pop() == tag

    Checker().feed(page)
    assert not open_tags
    titles = re.findall(r"<figcaption><h3>(.*?)</h3>", page)
    assert titles[:6] == [
        "Scores of each seed",
        "Differences, two by two",
        "Learning curves",
        "Quality against cost",
        "Accuracy by length",
        "Calibration",
    ]
    assert len(titles) == 10  # and four confusion matrices
    assert len(plots(report)) == 10 + 1 + 2 + 2  # further axes of three of them


def test_every_figure_is_told_in_words(study: Path, tmp_path: Path) -> None:
    page = write_report(study, tmp_path).html.read_text()
    alts = re.findall(r'role="img" aria-label="([^"]*)"', page)
    assert len(alts) == 10
    assert all(re.search(r"[0-9]", alt) for alt in alts), "what it shows, not what it is"
    assert "lstm minus gru 1.3 points (95 % interval" in alts[1]


def test_text_of_users_is_never_markup(store, tmp_path: Path) -> None:
    attack = "<script>alert('x')</script>"
    settings = {"a": attack}
    store(model="lstm", labels=(attack, "b|c"), settings=settings, data=f"d{attack[:8]}")
    store(model="lstm", settings={"a": "plain"}, data=f"d{attack[:8]}")
    error = RunError(type="E", message=f"{attack} | `x`")
    store(model="gru", status="failed", error=error)
    broken = tmp_path / "outputs" / "` <img src=x> `"
    broken.mkdir()
    (broken / "record.json").write_text("{")
    report = write_report(tmp_path / "outputs", tmp_path / "report", question=attack)
    page, markdown = report.html.read_text(), report.markdown.read_text()
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert "- `' <img src=x> '` (not counted)" in markdown and "<img" not in page
    assert "<script" not in markdown and r"\| \`x\`" in markdown
    console = Console(file=io.StringIO(), width=120)
    print_report(report.content, console)
    assert all("<" not in tick for plot in plots(report) for tick in _ticks(plot))


def _ticks(plot: dict) -> list[str]:
    axes = (plot["layout"].get(axis, {}) for axis in ("xaxis", "yaxis"))
    return [tick for axis in axes for tick in axis.get("ticktext", [])]


def test_latex(store, tmp_path: Path) -> None:
    for seed, score in enumerate([0.70, 0.72, 0.71]):
        store(model="cnn_lstm", seed=seed, score=score)
    latex = write_report(tmp_path / "outputs", tmp_path / "report").latex.read_text()
    assert r"model & accuracy & n & macro-F1 & calibration error & parameters" in latex
    assert r"cnn\_lstm & 71.0 $\pm$ 2.5 \% & 3 & 70.0 \% &" in latex
    assert r"\begin{tabular}{lrrrrrrr}" in latex


def test_curves_are_the_mean_over_seeds(study: Path, tmp_path: Path) -> None:
    report = write_report(study, tmp_path)
    curves = next(p for p in plots(report) if "steps" in p["layout"]["xaxis"]["title"]["text"])
    (lstm,) = [trace for trace in curves["data"] if trace.get("name") == "lstm"]
    runs = [r for r in load_records(study).runs if "lstm" in r.record.run_id]
    rows = [json.loads(r.folder.metrics.read_text().splitlines()[0]) for r in runs]
    assert lstm["x"] == [100, 200, 300, 400, 500, 600]
    first = 100 * sum(row["validation/accuracy"] for row in rows) / len(rows)
    assert lstm["y"][0] == pytest.approx(first, rel=1e-4)


def test_a_mean_never_jumps_where_a_seed_stopped_early(study: Path, tmp_path: Path) -> None:
    path = next(study.glob("*/*-lstm-s1-*/metrics.jsonl"))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    report = write_report(study, tmp_path)
    for plot in plots(report):
        for trace in plot["data"]:
            if trace.get("name") == "lstm" and "steps" in plot["layout"]["xaxis"]["title"]["text"]:
                assert trace["x"] == [100, 200, 300, 400]


def test_lines_are_as_many_as_colours(store, tmp_path: Path) -> None:
    for size in range(10):
        store(score=0.5 + size / 100, settings={"d_hidden": size})
    report = write_report(tmp_path / "outputs", tmp_path / "report")
    assert "<h3>Learning curves (the best 8)</h3>" in report.html.read_text()
    strip, *others = plots(report)
    lengths = next(p for p in others if "tokens (middle" in p["layout"]["xaxis"]["title"]["text"])
    colours = [trace["line"]["color"] for trace in lengths["data"]]
    assert len(set(colours)) == len(colours) == 8
    assert len(strip["layout"]["yaxis"]["ticktext"]) == 10


def test_json_cannot_end_its_script_element() -> None:
    assert _json(["</script>&"]) == r'["\u003c/script\u003e\u0026"]'


def test_a_study_of_failures(store, tmp_path: Path) -> None:
    store(status="failed", error=RunError(type="DataError", message="no data"))
    report = write_report(tmp_path / "outputs", tmp_path / "report")
    assert "No run completed: no answer yet." in report.markdown.read_text()
    assert "DataError: no data" in report.html.read_text()
    assert report.html.stat().st_size < 50_000  # plotly only where there is something to draw


def test_one_run_without_history_and_an_unknown_metric(store, tmp_path: Path) -> None:
    record = store(primary=Primary(name="my_metric", higher_is_better=True), score=17.5)
    (tmp_path / "outputs" / record.study / record.run_id / "metrics.jsonl").unlink()
    report = write_report(tmp_path / "outputs", tmp_path / "report")
    markdown = report.markdown.read_text()
    assert "lstm reaches my metric 17.5 (one seed)." in markdown
    assert "Not in the learning curves" in markdown and "(it has no metrics.jsonl)" in markdown


def test_what_makes_runs_incomparable_is_said(store, tmp_path: Path) -> None:
    store(model="lstm", overlaps={"train/test": 12})
    store(model="gru", data_fingerprint="d2", code="c2")
    (tmp_path / "outputs" / "killed").mkdir()
    (tmp_path / "outputs" / "killed" / "config.yaml").write_text("")
    markdown = write_report(tmp_path / "outputs", tmp_path / "report").markdown.read_text()
    assert "did not see the same data: 2 fingerprints" in markdown
    assert "Exact duplicates between the splits of docstrings: train/test: 12." in markdown
    assert "made by different states of the code" in markdown
    assert "- `killed` has no record yet" in markdown


@pytest.mark.parametrize(("width", "wide"), [(80, False), (120, True)])
def test_the_terminal(study: Path, tmp_path: Path, width: int, wide: bool) -> None:
    console = Console(file=io.StringIO(), width=width)
    print_report(write_report(study, tmp_path).content, console)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines()[:12])) <= width
    assert ("calibration error" in text) is wide
    assert "±" in text
    assert "Runs without a score: 2" in text and "SIGTERM: stopped" in text


def test_the_terminal_judges_claims_and_counts_what_is_missing(store, tmp_path: Path) -> None:
    claim = {
        "claim": "GRU beats LSTM",
        "metric": "accuracy",
        "first": {"model": "gru"},
        "second": {"model": "lstm"},
        "direction": "greater",
    }
    for model, score in (("gru", 0.7), ("lstm", 0.6)):
        for seed in range(3):
            score += seed / 1000
            store(model=model, seed=seed, score=score, config={"claims": [claim]})
    (tmp_path / "outputs" / "killed").mkdir()
    (tmp_path / "outputs" / "killed" / "config.yaml").write_text("")
    console = Console(file=io.StringIO(), width=200)
    print_report(write_report(tmp_path / "outputs", tmp_path / "report").content, console)
    text = console.file.getvalue()
    assert "✓ supported: GRU beats LSTM (accuracy of gru > lstm, smallest effect 0.0 points" in text
    assert "Runs without a record: 1 (0 running)" in text


def test_nowhere_to_write_and_nothing_to_read(study: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match=r"expected a place that can be written to.* out=DIR"):
        write_report(study, tmp_path / "file" / "report")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match=r"empty: expected at least one run, got none; seqbench"):
        write_report(tmp_path / "empty", tmp_path / "report")


def test_nothing_heavy_is_imported() -> None:
    program = """
import sys
import seqbench.records.load, seqbench.records.metrics, seqbench.records.predictions
import seqbench.records.folder, seqbench.records.provenance
import seqbench.report.write, seqbench.report.terminal, seqbench.report.load
heavy = {name.partition(".")[0] for name in sys.modules}
print(sorted(heavy & {"torch", "pytorch_lightning", "lightning", "wandb", "hydra"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
