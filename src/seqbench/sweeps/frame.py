"""How the table of a sweep is laid out: lines that fit the terminal, whatever its size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.text import Text

from seqbench.records.durations import words
from seqbench.sweeps.state import Progress

RowState = Literal["queued", "running", "elsewhere", "completed", "pruned", "failed", "interrupted"]
ENDED: tuple[RowState, ...] = ("completed", "pruned", "failed", "interrupted")
ACTIVE: tuple[RowState, ...] = ("running", "elsewhere")
_TITLES = {"elsewhere": "running elsewhere"}
_STYLES = {"failed": "red"}
_SHOWN = {"failed": 8, "completed": 5}  # the newest of them
# What a low terminal drops first, and how many of them stay.
_KEPT: dict[RowState, int] = {"completed": 0, "failed": 1, "elsewhere": 1, "running": 1}
_LEAST_BAR, _BAR, _OVERALL_BAR = 6, 20, 30  # columns
_GAP = "  "


@dataclass(frozen=True)
class Row:
    """A run of the table.

    Attributes:
        run_id: the run's.
        state: "elsewhere": another sweep is at it.
        detail: a score, a reason, where it runs.
        progress: of a run that is training.
        seconds: so far, or those it took.
        finished: its end, ISO 8601; puts in order what had ended before the table began.
    """

    run_id: str
    state: RowState
    detail: str = ""
    progress: Progress | None = None
    seconds: float | None = None
    finished: str = ""


@dataclass(frozen=True)
class Times:
    """Of the whole sweep, in seconds; None where unknown."""

    elapsed: float | None = None
    left: float | None = None


def frame(
    study: str, rows: Sequence[Row], times: Times, ended: Sequence[str], width: int, height: int
) -> list[Text]:
    """The table: a head, then the runs that run, that failed, and those completed last.

    Args:
        study: its name.
        rows: every run.
        times: of the whole.
        ended: ids of the runs that have ended, the newest last.
        width: columns; no line is longer.
        height: lines there may be at most.
    """
    lines = _head(study, rows, times, width)
    sections = _sections(rows, {run_id: number for number, run_id in enumerate(ended)})
    room = _room(sections, height - len(lines))
    columns = _Columns.fitting(rows, width)
    headed = False
    for (state, found), number in zip(sections, room, strict=True):
        if number:
            title = _title(state) + (f", {number} of {len(found)}" if number < len(found) else "")
            heads = state in ACTIVE and not headed
            headed = headed or heads
            lines.append(columns.heads(title) if heads else Text(title, "dim"))
            lines += [columns.line(row) for row in found[:number]]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines[:height]


def counted(rows: Sequence[Row]) -> str:
    """How many runs are in which state, e.g. "5 completed, 2 running"."""
    counts = Counter(row.state for row in rows)
    order: list[RowState] = [*ENDED, *ACTIVE, "queued"]
    told = [f"{counts[state]:,} {_title(state)}" for state in order if counts[state]]
    return ", ".join(told) or "no runs"


def number(value: float | None) -> str:
    """A score: four decimals below 10, else four digits; a dash for one that was not finite."""
    if value is None:
        return "\N{EN DASH}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}"


def epochs(progress: Progress) -> str:
    """Which epoch of how many: 2/3."""
    if progress.epoch is None:
        return ""
    return f"{progress.epoch}/{progress.max_epochs}" if progress.max_epochs else f"{progress.epoch}"


def clean(text: str) -> str:
    """One line without control characters, which would move the cursor."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _head(study: str, rows: Sequence[Row], times: Times, width: int) -> list[Text]:
    told = [] if times.elapsed is None else [words(times.elapsed)]
    told += [] if times.left is None else [f"about {words(times.left)} left"]
    when = ", ".join(told)
    name = Text(study, "bold")
    name.truncate(max(width - len(when) - len(_GAP), 1), overflow="ellipsis", pad=True)
    counts = counted(rows)
    done = sum(row.state in ("completed", "pruned") for row in rows) / max(len(rows), 1)
    size = min(width - len(counts) - len(_GAP), _OVERALL_BAR)
    second = Text(counts)
    if size >= _LEAST_BAR:
        second = Text.assemble(_bar(done, size, "green"), _GAP, counts)
    return [Text.assemble(name, _GAP, (when, "dim")) if when else name, second]


def _sections(rows: Sequence[Row], order: Mapping[str, int]) -> list[tuple[RowState, list[Row]]]:
    """The runs to show by state, each state's in the order in which they are shown."""
    sections: list[tuple[RowState, list[Row]]] = []
    states: tuple[RowState, ...] = (*ACTIVE, "failed", "completed")
    for state in states:
        found = [row for row in rows if row.state == state]
        if state in ENDED:
            found.sort(key=lambda row: order.get(row.run_id, -1), reverse=True)
        sections.append((state, found))
    return sections


def _room(sections: Sequence[tuple[RowState, list[Row]]], height: int) -> list[int]:
    """How many of each section are shown."""
    room = {state: min(len(found), _SHOWN.get(state, len(found))) for state, found in sections}
    for state, least in _KEPT.items():
        over = sum(number + 1 for number in room.values() if number) - height
        if over > 0 and room[state]:
            room[state] = max(room[state] - over, min(least, room[state]))
    return [room[state] for state, _ in sections]


@dataclass(frozen=True)
class _Columns:
    """The widths of the columns; 0 for one that is left out.

    Attributes:
        name: of the run ids; they are cut in the middle, for both ends tell runs apart.
        epoch: of "2/3".
        bar: of the bar.
        score: of the newest validation score.
        time: of the time so far.
        left: of the time left.
        metric: the metric's name, if all runs have the same; "" if each must say.
    """

    name: int
    epoch: int
    bar: int
    score: int
    time: int
    left: int
    metric: str

    @classmethod
    def fitting(cls, rows: Sequence[Row], width: int) -> _Columns:
        """Columns for these rows: the least telling ones go where there is no room."""
        known = [row.progress for row in rows if row.state in ACTIVE and row.progress]
        names = {item.metric for item in known if item.metric}
        metric = names.pop() if len(names) == 1 else ""
        name = max([len("running elsewhere"), *(len(row.run_id) for row in rows)])
        epoch = max([len("epoch"), *(len(epochs(item)) for item in known)])
        score = max([len(metric or "score"), *(len(_score(item, metric)) for item in known)])
        time = max([len("time"), *(len(_clock(_seconds(row))) for row in rows)])
        left = max([len("left"), *(len(_left(item)) for item in known)])
        gap = len(_GAP)
        spare = width - name - sum(part + gap for part in (epoch, score, left))
        if spare < 0:
            name = max(name + spare, 8)
        time = time if spare >= time + gap else 0
        spare -= time + gap if time else 0
        bar = min(spare - gap, _BAR) if spare - gap >= _LEAST_BAR else 0
        return cls(name, epoch, bar, score, time, left, metric)

    def heads(self, title: str) -> Text:
        """The names of the columns, after the section's own."""
        parts = [title.ljust(self.name), "epoch".rjust(self.epoch)]
        parts += [" " * self.bar] if self.bar else []
        parts += [(self.metric or "score").rjust(self.score)]
        parts += ["time".rjust(self.time)] if self.time else []
        return Text(_GAP.join([*parts, "left".rjust(self.left)]), "dim")

    def line(self, row: Row) -> Text:
        """A run's line."""
        name = _middle_cut(row.run_id, self.name).ljust(self.name)
        time = [_clock(_seconds(row)).rjust(self.time)] if self.time else []
        if row.state not in ACTIVE:
            return Text.assemble(name, _GAP, (clean(row.detail), _STYLES.get(row.state, "")))
        item = row.progress
        if item is None:
            begun = "starting" if row.state == "running" else ""
            detail = Text(clean(row.detail) or begun, "dim")
            between = self.epoch + len(_GAP) + self.score + (self.bar + len(_GAP)) * bool(self.bar)
            if self.time:
                detail.truncate(between, overflow="ellipsis", pad=True)
            return _spaced([name, detail, *time])
        bar = [_bar(item.fraction, self.bar, "cyan")] if self.bar else []
        score = _score(item, self.metric).rjust(self.score)
        left = _left(item).rjust(self.left)
        return _spaced([name, epochs(item).rjust(self.epoch), *bar, score, *time, left])


def _spaced(parts: Sequence[Text | str]) -> Text:
    return Text(_GAP).join(part if isinstance(part, Text) else Text(part) for part in parts)


def _title(state: RowState) -> str:
    return _TITLES.get(state, state)


def _score(item: Progress, metric: str) -> str:
    if item.metric is None:
        return ""
    return number(item.value) if metric else f"{item.metric} {number(item.value)}"


def _seconds(row: Row) -> float | None:
    return row.progress.seconds if row.seconds is None and row.progress else row.seconds


def _left(item: Progress) -> str:
    return "ending" if item.fraction == 1.0 else _clock(item.eta_seconds)


def _clock(seconds: float | None) -> str:
    """0:41, 12:05, 2:05:00; nothing for an unknown time."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _bar(fraction: float | None, size: int, style: str) -> Text:
    if fraction is None:
        return Text(" " * size)
    halves = int(2 * size * fraction)
    done = "━" * (halves // 2) + "╸" * (halves % 2)
    return Text.assemble((done, style), ("━" * (size - len(done)), "bright_black"))


def _middle_cut(text: str, size: int) -> str:
    if len(text) <= size:
        return text
    end = (size - 1) * 2 // 3  # the seed and the hash are there
    return f"{text[: size - 1 - end]}…{text[len(text) - end :]}"
