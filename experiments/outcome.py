"""What a run's measurements come to: CSV, plots, page, and what was expected of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.catalogue import EXPERIMENTS
from experiments.experiment import Experiment, Row
from experiments.figure import Figure
from experiments.figures import FIGURES
from experiments.page import write_page
from experiments.plots import draw, write_csv
from experiments.run_folder import RunError, RunFolder
from experiments.sentences import Curves


def drawn_of(figures: Sequence[Figure], rows: Sequence[Row]) -> list[tuple[Figure, Curves]]:
    """Return the figures of which something was measured, with their curves."""
    found = ((figure, figure.curves(rows)) for figure in figures)
    return [(figure, curves) for figure, curves in found if curves]


def platforms_of(figure: Figure, experiments: Sequence[Experiment]) -> dict[str, str]:
    """Return on what the measurements of each curve of a figure are made, by its label."""
    known = {one.name: one.platform for one in experiments}
    return {one.label: known.get(one.experiment, "") for one in figure.series}


def write_outcome(
    folder: RunFolder,
    experiments: Sequence[Experiment] = EXPERIMENTS,
    figures: Sequence[Figure] = FIGURES,
) -> Path:
    """Write data, plots and page of a run into its folder, and return the page; RunError."""
    about = folder.about()
    rows = folder.rows()
    drawn = drawn_of(figures, rows)
    if rows and not drawn:
        raise RunError(f"{folder.path} has no measurement that these figures draw")
    for figure, curves in drawn:
        write_csv(folder.path / f"{figure.name}.csv", figure, curves)
        draw(folder.path / figure.name, figure, curves, platforms_of(figure, experiments))
    return write_page(folder.path, about, experiments, drawn, rows)
