"""Every figure of one dataset, in the order of the page."""

from __future__ import annotations

from seqbench.report.content import Section
from seqbench.report.figures.calibration import calibration
from seqbench.report.figures.confusion import confusions
from seqbench.report.figures.cost import quality_against_cost
from seqbench.report.figures.curves import learning_curves
from seqbench.report.figures.differences import forest
from seqbench.report.figures.figure import Figure
from seqbench.report.figures.lengths import by_length
from seqbench.report.figures.sampling import sampling
from seqbench.report.figures.seeds import strip
from seqbench.report.figures.tuning import budgets, importance, parallel_coordinates


def figures(section: Section) -> list[Figure]:
    """Every figure that the runs allow."""
    table = section.table
    found = [
        strip(table),
        forest(section.pairs),
        learning_curves(table, section.curves),
        quality_against_cost(table),
        by_length(table),
        calibration(table, section.examples),
        sampling(table),
        *_tuning(section),
        *confusions(table),
    ]
    return [figure for figure in found if figure is not None]


def _tuning(section: Section) -> list[Figure | None]:
    table, search = section.table, section.search
    if search is None:
        return []
    return [
        parallel_coordinates(table, search),
        importance(search),
        budgets(table, search),
    ]
