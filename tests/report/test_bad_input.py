"""What is wrong with runs is said on the page and in the terminal, never a traceback."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from seqbench.records.record import SCHEMA, Primary
from seqbench.report import paper
from seqbench.report.paper import write_figures
from seqbench.report.terminal import print_report
from seqbench.report.write import Report, write_report


def said(report: Report) -> list[str]:
    """What the page, Markdown and the terminal say."""
    console = Console(file=io.StringIO(), width=400)
    print_report(report.content, console)
    return [report.html.read_text(), report.markdown.read_text(), console.file.getvalue()]


@pytest.fixture
def report(store, tmp_path: Path):
    def report() -> Report:
        return write_report(tmp_path / "outputs", tmp_path / "report")

    return report


def test_one_run_only(store, report) -> None:
    store()
    assert all("lstm reaches accuracy 50.0 % (one seed)" in text for text in said(report()))


def test_a_mixture_of_datasets_and_metrics(store, report) -> None:
    store(data="imdb")
    store(data="docstrings")
    store(data="imdb", primary=Primary(name="perplexity", higher_is_better=False), seed=1)
    assert all("have 3 tables, one a dataset and metric" in text for text in said(report()))


def test_missing_predictions(store, report) -> None:
    store(examples=20)
    store(model="gru")
    for text in said(report()):
        assert "Not compared by example" in text.replace("\\", "")
        assert "it has no predictions.parquet" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected a record in JSON"),
        ("[]", "expected an object, got list"),
        ('{"schema": 99}', f"expected schema {SCHEMA}, got schema 99"),
        ('{"schema": 1, "run_id": "x"}', f"expected schema {SCHEMA}, got schema 1"),
        ("\x00\xff", "expected a record in JSON"),
    ],
)
def test_a_record_that_cannot_be_used(store, report, tmp_path: Path, content, message) -> None:
    store()
    broken = tmp_path / "outputs" / "architectures" / "broken"
    broken.mkdir()
    (broken / "record.json").write_text(content)
    for text in said(report()):
        assert "broken" in text and message in text.replace("&#34;", '"')


def test_scores_that_are_no_numbers(store, report) -> None:
    store(model="gru", score=None)
    store(model="lstm")
    for text in said(report()):
        assert "its test accuracy is missing or not a finite number" in text.replace("\\", "")
    (table,) = json.loads(report().json.read_text())["tables"]
    assert [(row["label"], row["scores"]["accuracy"]["n"]) for row in table["rows"]] == [
        ("lstm", 1),
        ("gru", 0),
    ]


def test_a_history_that_is_no_history(store, report, tmp_path: Path) -> None:
    record = store()
    store(seed=1)
    path = tmp_path / "outputs" / record.study / record.run_id / "metrics.jsonl"
    path.write_text("no json\n" + path.read_text())
    for text in said(report()):
        assert "reaches accuracy" in text
        assert f"Not in the learning curves: {record.run_id} (metrics.jsonl, line 1:" in text


@pytest.mark.parametrize("group", [True, 3, "text", ["a"], None, {}])
def test_groups_that_are_no_groups(group, store, report, tmp_path: Path) -> None:
    store()
    record = store(seed=1)
    path = tmp_path / "outputs" / record.study / record.run_id / "record.json"
    plain = json.loads(path.read_text())
    plain["config"] |= dict.fromkeys(("choices", "data", "logger", "model"), group)
    path.write_text(json.dumps(plain))
    for text in said(report()):
        assert "unknown" in text


def test_only_broken_records(report, tmp_path: Path) -> None:
    (tmp_path / "outputs" / "broken").mkdir(parents=True)
    (tmp_path / "outputs" / "broken" / "record.json").write_text("{")
    for text in said(report()):
        assert "No run completed: no answer yet." in text and "broken" in text


def test_the_same_run_twice(store, report, tmp_path: Path) -> None:
    record = store()
    outputs = tmp_path / "outputs"
    shutil.copytree(outputs / record.study, outputs / "copy")
    assert all("counted once" in text for text in said(report()))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_score_that_json_does_not_know(store, report, tmp_path: Path, number: str) -> None:
    store(model="gru")
    record = store(model="lstm", score=0.515625)
    path = tmp_path / "outputs" / record.study / record.run_id / "record.json"
    path.write_text(path.read_text().replace("0.515625", number))
    for text in said(report()):
        assert "its test accuracy is missing or not a finite number" in text.replace("\\", "")


def test_no_seed_in_common(store, report) -> None:
    for seed in range(3):
        store(model="gru", seed=seed, score=0.9 + seed / 1000)
        store(model="lstm", seed=seed + 10, score=0.5 + seed / 1000)
    for text in said(report()):
        flat = " ".join(text.replace("\\", "").split())
        assert "a run of the first is better in 100 % of cases" in flat
        assert "(Mann\N{EN DASH}Whitney p = .10)" in flat
    assert "No two configurations have a seed in common" in report().markdown.read_text()


def test_labels_that_mean_something_elsewhere(
    store, report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To matplotlib's mathtext, to a file system, to LaTeX and to Markdown."""
    monkeypatch.setattr(paper, "_DPI", 30)
    for hostile in ("$\\bar$ a/b", "50% _x_ ~ ^ | [l](x) `c`"):
        store(settings={"act": hostile}, data=hostile, examples=20)
    made = report()
    write_figures(made.content, tmp_path / "figures")
    names = [path.name for path in (tmp_path / "figures").iterdir()]
    assert len(names) == len(set(names)) and all("/" not in name for name in names)
    assert r"50\% \_x\_" in made.latex.read_text()


def test_a_language_model_has_no_classes_to_compare(store, report, tmp_path: Path) -> None:
    loss = Primary(name="loss", higher_is_better=False)
    for model in ("gru", "lstm"):
        record = store(model=model, primary=loss, score=1.5)
        path = tmp_path / "outputs" / record.study / record.run_id / "record.json"
        plain = json.loads(path.read_text())
        plain["scores"] |= {"confusion": None, "per_length": [], "per_class": {}}
        path.write_text(json.dumps(plain))
    for text in said(report()):
        assert "Not compared by example" not in text and "loss 1.5" in text
