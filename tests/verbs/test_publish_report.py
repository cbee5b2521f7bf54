"""The W&B report: what is in it, and that its panels name what runs log; without a server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import wandb_workspaces.reports.v2 as wr
from tests.report.conftest import store_run
from tests.verbs.wandb_study import make_wandb_study
from wandb_workspaces.reports.v2 import interface

from seqbench.records.record import RunError
from seqbench.report.content import gather
from seqbench.report.markdown import markdown_table
from seqbench.verbs import publish_report
from seqbench.verbs.publish_report import report_of
from seqbench.verbs.publish_sync import Target

WHERE = Target(project="p", entity="e")


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def reached() -> None:
        raise AssertionError("a server was asked")

    monkeypatch.setattr(interface, "_get_api", reached)


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """Two networks, two seeds each, a baseline, and a run that failed."""
    for model in ("lstm", "gru"):
        for seed in range(2):
            store_run(tmp_path, model=model, seed=seed, score=0.6 + 0.01 * seed)
    store_run(tmp_path, model="baseline/tfidf_regression", score=0.55)
    error = RunError(type="TrainingError", message="the loss is not finite")
    store_run(tmp_path, model="rnn", status="failed", error=error)
    return tmp_path


def made(outputs: Path, title: str = "A title") -> wr.Report:
    return report_of(gather([outputs]), target=WHERE, title=title)


def grids(report: wr.Report) -> list[wr.PanelGrid]:
    return [block for block in report.blocks if isinstance(block, wr.PanelGrid)]


def serialised(report: wr.Report, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What would be sent; the number of a project is all that a server is asked for."""
    monkeypatch.setattr(interface, "_get_api", lambda: None)
    found = {"project": {"internalId": "UHJvamVjdA=="}}
    monkeypatch.setattr(interface, "execute_graphql", lambda *_, **__: found)
    sent = report._to_model().spec.model_dump_json(by_alias=True, exclude_none=True)
    return dict(json.loads(sent))


def test_its_blocks(outputs: Path) -> None:
    content, report = gather([outputs]), made(outputs)
    assert (report.project, report.entity, report.title) == ("p", "e", "A title")
    first, *_ = report.blocks
    assert first == wr.H1(content.question)
    texts = [block.text for block in report.blocks if isinstance(block, wr.P)]
    assert texts == [*content.answers, *content.notes]
    heads = [block.text for block in report.blocks if isinstance(block, wr.H2)]
    assert heads == ["docstrings", "How to read the numbers", "Runs without a score (1)"]
    (failed,) = report.blocks[-1].items
    name, reason = failed
    assert (type(name), name.text[:17]) == (wr.InlineCode, "docstrings-rnn-s0")
    assert reason == " (failed): TrainingError: the loss is not finite"


def test_a_title_that_is_the_question_is_not_said_twice(outputs: Path) -> None:
    question = gather([outputs]).question
    heads = [block for block in made(outputs, question).blocks if isinstance(block, wr.H1)]
    assert heads == []


def test_its_table_is_that_of_our_report(outputs: Path) -> None:
    content, report = gather([outputs]), made(outputs)
    (block,) = [block for block in report.blocks if isinstance(block, wr.MarkdownBlock)]
    (table,) = content.tables
    assert block.text == markdown_table(table)
    assert len(block.text.splitlines()) == 2 + len(table.rows)


def test_its_runs_are_the_studys_by_architecture(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (grid,) = grids(made(outputs))
    (runset,) = grid.runsets
    assert (runset.entity, runset.project) == ("e", "p")
    spec = serialised(made(outputs), monkeypatch)
    (block,) = [block for block in spec["blocks"] if block["type"] == "panel-grid"]
    (runs,) = block["metadata"]["runSets"]
    assert runs["grouping"] == [{"section": "config", "name": "choices.value.model"}]
    (said,) = runs["filters"]["filters"]
    assert said["key"] == {"section": "run", "name": "group"}
    assert (said["op"], said["value"]) == ("IN", ["architectures"])


def test_several_datasets_have_a_grid_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = {
        data: [
            store_run(tmp_path, data=data, model=model, study="a 'b' lr=<1>").run_id
            for model in ("gru", "lstm")
        ]
        for data in ("imdb", "sst2")
    }
    spec = serialised(made(tmp_path), monkeypatch)
    found = [block["metadata"] for block in spec["blocks"] if block["type"] == "panel-grid"]
    assert [grid["runSets"][0]["name"] for grid in found] == ["imdb", "sst2"]
    for grid, data in zip(found, ("imdb", "sst2"), strict=True):
        group, names = grid["runSets"][0]["filters"]["filters"]
        assert group["value"] == ["a 'b' lr=<1>"]
        assert (names["connector"], names["key"]["name"]) == ("AND", "displayName")
        assert sorted(names["value"]) == ids[data]


def panels(outputs: Path) -> dict[type, list[Any]]:
    found: dict[type, list[Any]] = {}
    (grid,) = grids(made(outputs))
    for panel in grid.panels:
        found.setdefault(type(panel), []).append(panel)
    return found


def test_its_panels(outputs: Path) -> None:
    found = panels(outputs)
    steps, time = found[wr.LinePlot]
    assert (steps.x, steps.y) == ("trainer/global_step", ["validation/accuracy"])
    assert (time.x, time.y) == ("RelativeTime(Process)", ["validation/accuracy"])
    (bars,) = found[wr.BarPlot]
    assert bars.metrics == ["test/accuracy"]
    for panel in (steps, time, bars):
        assert (panel.groupby, panel.groupby_aggfunc) == (wr.Config("choices.model"), "mean")
    scatter, seconds, flops = found[wr.ScatterPlot]
    costs = (seconds.x.name, flops.x.name, seconds.y.name, flops.y.name)
    assert costs == ("cost/train_seconds", "cost/flops", "test/accuracy", "test/accuracy")
    axes = (wr.SummaryMetric("cost/parameters"), wr.SummaryMetric("test/accuracy"))
    assert (scatter.x, scatter.y) == axes
    (parallel,) = found[wr.ParallelCoordinatesPlot]
    columns = [column.metric for column in parallel.columns]
    assert columns == [wr.Config("choices.model"), wr.Config("seed"), axes[1]]
    assert len(found[wr.RunComparer]) == 1


def test_panels_lie_beside_each_other(outputs: Path) -> None:
    (grid,) = grids(made(outputs))
    places = [(panel.layout.x, panel.layout.y) for panel in grid.panels]
    assert places == [(0, 0), (12, 0), (0, 8), (12, 8), (0, 16), (12, 16), (0, 24), (12, 24)]


def test_what_does_not_vary_is_not_drawn(tmp_path: Path) -> None:
    store_run(tmp_path)
    assert wr.ParallelCoordinatesPlot not in panels(tmp_path)
    store_run(tmp_path, settings={"d": 2}, config={"optimizer": {"lr": 0.1}})
    (parallel,) = panels(tmp_path)[wr.ParallelCoordinatesPlot]
    columns = [column.metric.name for column in parallel.columns]
    assert columns == ["model.d", "optimizer.lr", "test/accuracy"]


def test_settings_that_differ_are_not_pooled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for dropout in (0.1, 0.5):
        for seed in range(2):
            store_run(tmp_path, seed=seed, settings={"dropout": dropout})
    spec = serialised(made(tmp_path), monkeypatch)
    (block,) = [block for block in spec["blocks"] if block["type"] == "panel-grid"]
    (runs,) = block["metadata"]["runSets"]
    names = [group["name"] for group in runs["grouping"]]
    assert names == ["choices.value.model", "model.value.dropout"]
    found = panels(tmp_path)
    for panel in (*found[wr.LinePlot], *found[wr.BarPlot]):
        assert panel.groupby is None
    (parallel,) = found[wr.ParallelCoordinatesPlot]
    columns = [column.metric.name for column in parallel.columns]
    assert columns == ["model.dropout", "seed", "test/accuracy"]


def test_claims_are_listed_with_their_verdicts(outputs: Path) -> None:
    claim = {
        "claim": "A GRU beats an RNN", "metric": "accuracy", "first": {"model": "gru"},
        "second": {"model": "lstm"}, "direction": "greater", "smallest_effect": 0.01,
    }  # fmt: skip
    for path in outputs.glob("*/*/record.json"):
        plain = json.loads(path.read_text())
        plain["config"]["claims"] = [claim]
        path.write_text(json.dumps(plain))
    (claims, *_) = [block for block in made(outputs).blocks if isinstance(block, wr.UnorderedList)]
    (item,) = claims.items
    assert "A GRU beats an RNN" in str(item)
    assert "inconclusive" in str(item) or "refuted" in str(item)


def test_without_a_completed_run_it_has_no_plots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_run(tmp_path, status="failed", error=RunError(type="E", message="m"))
    assert grids(made(tmp_path)) == []
    assert serialised(made(tmp_path), monkeypatch)["blocks"]


def inspected(file: Path, *options: str) -> str:
    """What W&B's own tool says of a transaction log."""
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json"]
    return subprocess.run(
        [*command, *options, str(file)], capture_output=True, text=True, check=True
    ).stdout


def test_panels_name_what_a_real_run_logs(tiny: list[str], tmp_path: Path) -> None:
    study = make_wandb_study(tiny, tmp_path)
    found = panels(study)
    file = next(iter(sorted(study.glob("*/wandb/offline-run-*/*.wandb"))))
    run = json.loads(inspected(file, "--summary"))
    rows = [json.loads(line) for line in inspected(file).splitlines()]
    history = [row["history"]["item"] for row in rows if row["type"] == "history"]
    for plot in found[wr.LinePlot]:
        x = "_runtime" if plot.x == "RelativeTime(Process)" else plot.x
        assert len([row for row in history if {x, *plot.y} <= row.keys()]) == 2  # epochs
    (bars,), scatters = found[wr.BarPlot], found[wr.ScatterPlot]
    axes = [axis.name for scatter in scatters for axis in (scatter.x, scatter.y)]
    for key in (*axes, *bars.metrics):
        assert isinstance(run["summary"][key], int | float)
    for panel in [*found[wr.LinePlot], bars]:
        group, _, key = panel.groupby.name.partition(".")
        assert run["config"][group][key] in ("gru", "lstm")
    (parallel,) = found[wr.ParallelCoordinatesPlot]
    assert "seed" in [column.metric.name for column in parallel.columns]
    assert "seed" in run["config"]
    (group,) = [row["run"]["run_group"] for row in rows if row["type"] == "run"][:1]
    assert group == study.name


def test_the_address_survives_a_question_mark(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def keep(self: wr.Report) -> None:
        self.id = "Vmlldzox"
        print("its own address", file=sys.stderr)

    monkeypatch.setattr(wr.Report, "save", keep)
    monkeypatch.setattr(interface, "_get_api", lambda: None)
    monkeypatch.setattr(interface, "get_app_url", lambda _: "https://wandb.ai")
    report = made(outputs, "Which is best: a/b? By how much?")
    address = publish_report.save(report)
    assert address == "https://wandb.ai/e/p/reports/Which-is-best-a-b-By-how-much--Vmlldzox"
    assert capsys.readouterr().err == ""
