"""The W&B report of a study: our table and words, W&B's own plots of the runs.

Panels name the keys that `training.wandb_mirror` and `training.wandb_outcome` log. Building a
report reaches no server; `save` does.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import wandb_workspaces.reports.v2 as wr

from seqbench.report import numbers
from seqbench.report.content import Content, Section
from seqbench.report.grids import claims_grid
from seqbench.report.markdown import markdown_table
from seqbench.report.tables import Table
from seqbench.verbs.publish_sync import Target

_MODEL, _SEED = "choices.model", "seed"
_COSTS = {"parameters": "parameters", "train_seconds": "seconds of training", "flops": "FLOPs"}
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
    blocks += _claims(content)
    for section in content.sections:
        table = section.table
        blocks += [wr.H2(table.data), wr.MarkdownBlock(markdown_table(table))]
        blocks.append(_grid(content, section, target))
    blocks += [wr.H2("How to read the numbers"), *(wr.P(note) for note in content.notes)]
    if content.failures:
        blocks += [wr.H2(f"Runs without a score ({len(content.failures)})")]
        blocks.append(_failures(content))
    return wr.Report(project=target.project, entity=target.entity or "", title=title, blocks=blocks)


def _claims(content: Content) -> list[Any]:
    """Each claim with its verdict and the evidence: a line each."""
    grid = claims_grid(content.claims)
    if grid is None:
        return []
    items: list[Any] = [" — ".join(row) for row in grid.rows]
    return [wr.H2("Claims"), wr.UnorderedList(items), *(wr.P(note) for note in grid.notes)]


def _failures(content: Content) -> wr.UnorderedList:
    items: list[Any] = [
        [wr.InlineCode(failure.run_id), f" ({failure.status}): {failure.reason}"]
        for failure in content.failures
    ]
    return wr.UnorderedList(items)


def _grid(content: Content, section: Section, target: Target) -> wr.PanelGrid:
    table, varied = section.table, section.search.keys if section.search else ()
    runset = wr.Runset(
        entity=target.entity or "",
        project=target.project,
        name=table.data,
        filters=_filters(content, table),
        groupby=[f"config.{key}" for key in (_MODEL, *varied)],  # as the rows of the table
    )
    panels = _panels(table, varied)
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


def _panels(table: Table, varied: Sequence[str]) -> list[Any]:
    metric, score = numbers.metric_name(table.primary.name), _score(table)
    panels: list[Any] = [
        _curve(table, varied, "steps", x="trainer/global_step", title_x="optimizer steps"),
        _curve(table, varied, "time", x="RelativeTime(Process)", title_x="seconds"),
        wr.BarPlot(
            title=f"Test {metric}: mean over seeds",
            metrics=[score.name],
            groupby=_by(varied),
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
        ),
        *(
            wr.ScatterPlot(
                title=f"Test {metric} against {words}",
                x=wr.SummaryMetric(f"cost/{cost}"),
                y=score,
                log_x=True,
            )
            for cost, words in _COSTS.items()
        ),
    ]
    differing = [key for key in (_MODEL, *varied, _SEED) if _varies(table, key)]
    if differing:
        columns = [wr.ParallelCoordinatesPlotColumn(metric=wr.Config(key)) for key in differing]
        columns.append(wr.ParallelCoordinatesPlotColumn(metric=score))
        panels.append(wr.ParallelCoordinatesPlot(title="What was varied", columns=columns))
    return [*panels, wr.RunComparer(diff_only="split")]


def _by(varied: Sequence[str]) -> wr.Config | None:
    """A panel groups by one key at most; by none it shows the groups of the runset."""
    return None if varied else wr.Config(_MODEL)


def _curve(table: Table, varied: Sequence[str], by: str, *, x: str, title_x: str) -> wr.LinePlot:
    metric = numbers.metric_name(table.primary.name)
    return wr.LinePlot(
        title=f"Validation {metric} by {by}: mean and range over seeds",
        x=x,
        y=[f"validation/{table.primary.name}"],
        title_x=title_x,
        title_y=metric,
        groupby=_by(varied),
        groupby_aggfunc="mean",
        groupby_rangefunc="minmax",
    )


def _score(table: Table) -> wr.SummaryMetric:
    return wr.SummaryMetric(f"test/{table.primary.name}")


def _varies(table: Table, key: str) -> bool:
    configs = [run.record.config for row in table.rows for run in row.runs]
    return len({_value(config, key) for config in configs}) > 1


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
