"""The figures for a paper: PDF and PNG, drawn by matplotlib from what the page draws."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.records.store import replacing
from seqbench.report import numbers
from seqbench.report.content import Content
from seqbench.report.figures.figure import BASELINE_COLOUR, HEIGHT, Figure, Plot, Variant
from seqbench.report.figures.of_section import figures
from seqbench.report.figures.profiles import profiles
from seqbench.report.write import make_writable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# No date and no version: the same records give the same bytes.
_NO_DATE: dict[str, Any] = {"CreationDate": None, "Producer": None, "Creator": None}
_STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "pdf.fonttype": 42,  # text stays text
    "text.parse_math": False,  # a label with dollars is a label
}
_DASHES = {"dot": ":", "solid": "-"}
_MARKERS = {"diamond": "D", "square": "s"}
_WIDTH, _DPI = 5.5, 200  # inches, and pixels to an inch
_PIXELS = 100.0  # of the page to an inch of height


def write_figures(content: Content, folder: Path) -> Path:
    """Every figure of the report as PDF and PNG; gives their folder.

    Raises:
        RecordError: the folder cannot be written to.
    """
    import matplotlib

    make_writable(folder)
    with matplotlib.rc_context(_STYLE):
        written = {each for name, variant in _named(content) for each in _write(
            folder, name, variant)}  # fmt: skip
    for path in folder.iterdir():  # of a report before this one
        if path.suffix in (".pdf", ".png") and path not in written:
            path.unlink(missing_ok=True)
    return folder


def _named(content: Content) -> Iterator[tuple[str, Variant]]:
    """Each variant of each figure, with a name for its files."""
    several = len(content.sections) > 1
    found: list[tuple[str, Figure]] = []
    if content.across is not None:
        found.append(("", profiles(content.across)))
    for number, section in enumerate(content.sections, start=1):
        prefix = f"{number}-{_slug(section.table.data)}-" if several else ""
        found += [(prefix, figure) for figure in figures(section)]
    for prefix, figure in found:
        for variant in figure.variants:
            suffix = f"-{_slug(variant.name)}" if len(figure.variants) > 1 else ""
            yield f"{prefix}{_slug(figure.key)}{suffix}", variant


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _write(folder: Path, name: str, variant: Variant) -> tuple[Path, Path]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure as Canvas

    size = (_WIDTH, variant.plot["layout"].get("height", HEIGHT) / _PIXELS)
    canvas = Canvas(figsize=size, dpi=_DPI, layout="constrained")
    png: Any = FigureCanvasAgg(canvas)
    axes = canvas.add_subplot()
    for trace in variant.plot["data"]:
        _DRAWERS[trace["type"]](axes, trace)
    _lay_out(axes, variant.plot)
    canvas.draw_without_rendering()
    canvas.set_layout_engine("none")  # it is laid out: not once more for each format
    png_path, pdf_path = folder / f"{name}.png", folder / f"{name}.pdf"
    # Not by `savefig`, which draws twice what takes most of the time.
    with replacing(png_path) as aside:
        png.print_png(aside, metadata={"Software": None})
    with replacing(pdf_path) as aside:
        pdf: Any = FigureCanvasPdf(canvas)
        pdf.print_pdf(aside, metadata=_NO_DATE)
    return pdf_path, png_path


def _scatter(axes: Axes, trace: Plot) -> None:
    xs, ys, mode = trace["x"], trace["y"], trace["mode"]
    line, marker = trace.get("line", {}), trace.get("marker", {})
    if trace.get("fill") == "toself":
        axes.fill(xs, ys, color=_opaque(trace["fillcolor"]), alpha=0.18, linewidth=0)
        return
    colour = line.get("color") or marker.get("color")
    _error_bars(axes, trace, colour)
    if "lines" in mode:
        axes.plot(
            xs, ys, color=colour, linewidth=line.get("width", 2) * 0.7,
            linestyle=_DASHES[line.get("dash", "solid")],
            marker="o" if "markers" in mode else None, markersize=3,
            label=_label(trace),
        )  # fmt: skip
        return
    axes.scatter(
        xs, ys, c=colour, s=(marker.get("size", 8) * 0.6) ** 2, alpha=marker.get("opacity", 1),
        marker=_MARKERS.get(marker.get("symbol"), "o"), linewidths=0, zorder=3, label=_label(trace),
    )  # fmt: skip


def _error_bars(axes: Axes, trace: Plot, colour: Any) -> None:
    for key, name in (("error_x", "xerr"), ("error_y", "yerr")):
        bars = trace.get(key)
        if bars is None:
            continue
        sizes = bars["array"]
        if "arrayminus" in bars:
            sizes = [bars["arrayminus"], bars["array"]]
        single = colour if isinstance(colour, str) else BASELINE_COLOUR
        axes.errorbar(
            trace["x"], trace["y"], fmt="none", ecolor=single,
            elinewidth=bars.get("thickness", 1) * 0.7, capsize=2, **{name: sizes},
        )  # fmt: skip


def _label(trace: Plot) -> str | None:
    name = trace.get("name")
    return html.unescape(name) if name and trace.get("showlegend", True) else None


def _heatmap(axes: Axes, trace: Plot) -> None:
    axes.imshow(trace["z"], cmap="Blues", vmin=trace["zmin"], vmax=trace["zmax"] * 1.3)
    axes.grid(False)
    for i, row in enumerate(trace.get("text", [])):
        for j, text in enumerate(row):
            axes.text(j, i, text, ha="center", va="center", fontsize=7)


def _bar(axes: Axes, trace: Plot) -> None:
    bars = axes.barh(trace["y"], trace["x"], color=trace["marker"]["color"], height=0.6)
    axes.bar_label(bars, labels=trace["text"], padding=3, fontsize=8)


def _parallel(axes: Axes, trace: Plot) -> None:
    """A line a run over axes that each span the range of their values."""
    import matplotlib
    from matplotlib.collections import LineCollection

    dimensions, scores = trace["dimensions"], trace["line"]["color"]
    columns = [_unit(each["values"]) for each in dimensions]
    colours = matplotlib.colormaps["viridis"](_unit(scores))
    runs = [list(enumerate(run)) for run in zip(*columns, strict=True)]
    axes.add_collection(LineCollection(runs, colors=colours, linewidths=0.7, alpha=0.7))
    axes.set_xlim(-0.1, len(dimensions) - 0.6)
    axes.set_ylim(-0.04, 1.04)
    axes.set_xticks(range(len(dimensions)), [html.unescape(d["label"]) for d in dimensions])
    axes.set_yticks([])
    for place, each in enumerate(dimensions):
        for at, text in _ends(each):
            axes.text(place, at, html.unescape(text), fontsize=7, ha="left", va="center")


def _unit(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]


def _ends(dimension: Plot) -> list[tuple[float, str]]:
    values = dimension["values"]
    if "ticktext" not in dimension:
        return [(0.0, f"{min(values):.3g}"), (1.0, f"{max(values):.3g}")]
    low, high = min(values), max(values)
    span = (high - low) or 1
    return [
        ((at - low) / span, text)
        for at, text in zip(dimension["tickvals"], dimension["ticktext"], strict=True)
    ]


_DRAWERS = {"scatter": _scatter, "heatmap": _heatmap, "bar": _bar, "parcoords": _parallel}


def _lay_out(axes: Axes, plot: Plot) -> None:
    layout = plot["layout"]
    for name in ("x", "y"):
        _lay_out_axis(axes, layout.get(f"{name}axis", {}), name)
    for shape in layout.get("shapes", []):
        axes.axvline(shape["x0"], color=BASELINE_COLOUR, linewidth=0.8, linestyle=":", zorder=0)
    for note in layout.get("annotations", []):
        axes.annotate(
            note["text"].replace("◂", "<").replace("▸", ">"), (note["x"], note["y"]),
            xycoords=("axes fraction", "data"), ha=note["xanchor"], va="center", fontsize=8,
        )  # fmt: skip
    labels = axes.get_legend_handles_labels()[1]
    if layout.get("showlegend", True) and labels:
        axes.legend(loc="best")


def _lay_out_axis(axes: Axes, axis: Plot, name: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    side = axes.xaxis if name == "x" else axes.yaxis
    if "title" in axis:
        side.set_label_text(html.unescape(axis["title"]["text"]))
    if axis.get("type") == "log":  # of costs, which are on the x-axis
        axes.set_xscale("log")
        side.set_major_locator(LogLocator(subs=(1, 2, 5)))
        side.set_major_formatter(FuncFormatter(lambda value, _: numbers.count(value)))
        side.set_minor_formatter(NullFormatter())
    if "tickvals" in axis:
        turned: Any = {"rotation": 45, "ha": "right"} if axis.get("tickangle") else {}
        side.set_ticks(axis["tickvals"], [html.unescape(t) for t in axis["ticktext"]], **turned)
    if axis.get("showgrid") is False:
        side.grid(False)
    limits: Any = axes.set_xlim if name == "x" else axes.set_ylim
    if "range" in axis:
        limits(*axis["range"])
    elif axis.get("rangemode") == "tozero":
        limits(0)


def _opaque(rgba: str) -> str:
    red, green, blue, _ = rgba.removeprefix("rgba(").removesuffix(")").split(",")
    return f"#{int(red):02x}{int(green):02x}{int(blue):02x}"
