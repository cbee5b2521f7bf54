"""The W&B report of a study: our table and words, W&B's own plots of the runs.

Panels name the keys that `training.wandb_mirror` and `training.wandb_outcome` log. Building a
report reaches no server; `save` does.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping
from typing import Any

import wandb_workspaces.reports.v2 as wr

from seqbench.report import numbers
from seqbench.report.content import Content
from seqbench.report.markdown import markdown_table
from seqbench.report.tables import Table
from seqbench.verbs.publish_sync import Target

_MODEL = "choices.model"
_VARIED = ("optimizer.lr", _MODEL, "seed")
_WIDTH, _HEIGHT = 24, 8  # of the grid, and of a panel in it


def report_of(content: Content, *, target: Target, title: str) -> wr.Report:
    """The report, not yet saved.

    Args:
        content: what our own report shows.
        target: its project, and the entity, which must be known.
        title: at most 128 characters; W&B shows it above all else.
    """
    asked = [] if title == content.question else [wr.H1(content.question)]
    blocks: list[Any] = [*asked, *(wr.P(answer) for answer in content.answers)]
    for table in content.tables:
        blocks += [wr.H2(table.data), wr.MarkdownBlock(markdown_table(table))]
        blocks.append(_grid(content, table, target))
    blocks += [wr.H2("How to read the numbers"), *(wr.P(note) for note in content.notes)]
    if content.failures:
        blocks += [wr.H2(f"Runs without a score ({len(content.failures)})")]
        blocks.append(_failures(content))
    return wr.Report(project=target.project, entity=target.entity or "", title=title, blocks=blocks)


def _failures(content: Content) -> wr.UnorderedList:
    items: list[Any] = [
        [wr.InlineCode(failure.run_id), f" ({failure.status}): {failure.reason}"]
        for failure in content.failures
    ]
    return wr.UnorderedList(items)


def _grid(content: Content, table: Table, target: Target) -> wr.PanelGrid:
    runset = wr.Runset(
        entity=target.entity or "",
        project=target.project,
        name=table.data,
        filters=_filters(content, table),
        groupby=[f"config.{_MODEL}"],
    )
    panels = _panels(table)
    for place, panel in enumerate(panels):
        x, y = place % 2 * _WIDTH // 2, place // 2 * _HEIGHT
        panel.layout = wr.Layout(x=x, y=y, w=_WIDTH // 2, h=_HEIGHT)
    return wr.PanelGrid(runsets=[runset], panels=panels)


def _filters(content: Content, table: Table) -> str:
    """The study's runs; where it has several tables, those of this one."""
    studies = sorted({run.record.study for run in content.runs})
    found = f"Metric('Group') in [{', '.join(map(_quoted, studies))}]"
    if len(content.tables) == 1:
        return found
    ids = [run.record.run_id for row in table.rows for run in row.runs]
    return f"{found} and Metric('Name') in [{', '.join(map(_quoted, ids))}]"


def _quoted(text: str) -> str:
    """Text for a filter, whose reader takes `=`, `<` and `>` for operators even in a string."""
    return "'" + re.sub(r"[^\w ./-]", lambda found: f"\\U{ord(found[0]):08x}", text) + "'"


def _panels(table: Table) -> list[Any]:
    parameters = wr.SummaryMetric("cost/parameters")
    metric, score = numbers.metric_name(table.primary.name), _score(table)
    panels: list[Any] = [
        _curve(table, "steps", x="trainer/global_step", title_x="optimizer steps"),
        _curve(table, "time", x="RelativeTime(Process)", title_x="seconds"),
        wr.BarPlot(
            title=f"Test {metric}: mean over seeds",
            metrics=[score.name],
            groupby=wr.Config(_MODEL),
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
        ),
        wr.ScatterPlot(
            title=f"Test {metric} against parameters", x=parameters, y=score, log_x=True
        ),
    ]
    varied = _varied(table)
    if varied:
        columns = [wr.ParallelCoordinatesPlotColumn(metric=wr.Config(key)) for key in varied]
        columns.append(wr.ParallelCoordinatesPlotColumn(metric=score))
        panels.append(wr.ParallelCoordinatesPlot(title="What was varied", columns=columns))
    return [*panels, wr.RunComparer(diff_only="split")]


def _curve(table: Table, by: str, *, x: str, title_x: str) -> wr.LinePlot:
    metric = numbers.metric_name(table.primary.name)
    return wr.LinePlot(
        title=f"Validation {metric} by {by}: mean and range over seeds",
        x=x,
        y=[f"validation/{table.primary.name}"],
        title_x=title_x,
        title_y=metric,
        groupby=wr.Config(_MODEL),
        groupby_aggfunc="mean",
        groupby_rangefunc="minmax",
    )


def _score(table: Table) -> wr.SummaryMetric:
    return wr.SummaryMetric(f"test/{table.primary.name}")


def _varied(table: Table) -> list[str]:
    """Those of the usual settings that have more than one value among the runs."""
    configs = [run.record.config for row in table.rows for run in row.runs]
    return [key for key in _VARIED if len({_value(config, key) for config in configs}) > 1]


def _value(config: Mapping[str, Any], key: str) -> str:
    value: Any = config
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return repr(value)


def save(report: wr.Report) -> str:
    """Saves the report as a new one; its address."""
    # The address that it prints itself ends at the title's question mark.
    with contextlib.redirect_stderr(io.StringIO()):
        report.save()
    project, _, _ = str(report.url).partition("/reports/")
    words = re.sub("[^A-Za-z0-9]+", "-", report.title).strip("-")
    return f"{project}/reports/{words}--{report.id}"
