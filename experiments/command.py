"""``horizonctl experiment``: the report's experiments, carried out and compared."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from experiments.catalogue import EXPERIMENTS, UnknownExperiment, chosen
from experiments.compare import MARKS, compared
from experiments.comparison_page import write_comparison
from experiments.figures import FIGURES
from experiments.outcome import write_outcome
from experiments.run_folder import RunError, RunFolder
from experiments.sentences import interval, number
from experiments.shown_run import DEFAULT_FOLDER, FOLDER, begin_run, resumed_run, show_run
from horizon_ryu.cli.terminal import Terminal

COMPARISON = "comparison.html"
_SEED_BITS = 32


@click.group("experiment")
def experiment() -> None:
    """Carry out the report's experiments on the real system, and look at what came of them.

    Example: horizonctl experiment run --quick
    """


@experiment.command("list")
def list_experiments() -> None:
    """Show every experiment, its measurements and what it needs.

    Example: horizonctl experiment list
    """
    console = Terminal()
    table = Table()
    for head in ("name", "what", "measurements", "quick", "needs"):
        table.add_column(head)
    for one in EXPERIMENTS:
        counts = (str(len(one.full)), str(len(one.quick)))
        table.add_row(one.name, one.title, *counts, ", ".join(one.needs))
    console.print(table)


@experiment.command("run")
@click.argument("names", nargs=-1)
@click.option("--quick", is_flag=True, help="few points, once each: under 3 minutes all together")
@click.option("--folder", type=FOLDER, help=f"where to write  [default: {DEFAULT_FOLDER}/…]")
@click.option("--resume", type=FOLDER, help="go on with the run in this folder")
@click.option("--seed", type=int, help="of the order of measurements")
def run_experiments(
    names: tuple[str, ...], quick: bool, folder: Path | None, resume: Path | None, seed: int | None
) -> None:
    """Carry out experiments (all, if none is named): CSV, plots and a page for each figure.

    It needs root, and a machine of which nothing else wants much. An interrupted run keeps what
    it has measured.

    Example: horizonctl experiment run migration-openflow orders
    """
    if os.geteuid():
        raise click.ClickException("experiments make networks: run this as root")
    try:
        run = _begun(names, quick, folder, resume, seed)
        options = run.about()["options"]
        todo = chosen(options["names"], options["quick"])
    except (RunError, UnknownExperiment) as error:
        raise click.UsageError(str(error)) from None
    show_run(run, todo, FIGURES)


def _begun(
    names: Sequence[str], quick: bool, folder: Path | None, resume: Path | None, seed: int | None
) -> RunFolder:
    """Return the folder of a new run, or of one to be resumed; RunError, UnknownExperiment."""
    if resume is not None:
        others = (names, quick, folder, seed is not None)
        return resumed_run(resume, others, "names and other options")
    chosen(names, quick)
    options = {
        "names": list(names),
        "quick": quick,
        "seed": secrets.randbits(_SEED_BITS) if seed is None else seed,
    }
    return begin_run(folder, options)


@experiment.command("draw")
@click.argument("folder", type=FOLDER)
def draw_again(folder: Path) -> None:
    """Write plots and page of a run anew, also of one that is not ended.

    Example: horizonctl experiment draw experiment-runs/2026-01-31-120000
    """
    try:
        Terminal().print(f"page: {write_outcome(RunFolder(folder))}")
    except RunError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or folder}: {error.strerror}") from None


@experiment.command("compare")
@click.argument("first", type=FOLDER)
@click.argument("second", type=FOLDER)
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path),
              help=f"where to write the page  [default: {COMPARISON} in SECOND]")  # fmt: skip
def compare_runs(first: Path, second: Path, page: Path | None) -> None:
    """Set two runs side by side: medians with their intervals, and how many times the first.

    The page has both runs' plots of each figure beside each other.

    Example: horizonctl experiment compare experiment-runs/before experiment-runs/after
    """
    runs = (RunFolder(first), RunFolder(second))
    place = page or second / COMPARISON
    try:
        found = tuple(compared(*(run.rows() for run in runs)))
        if not found and all(run.about() for run in runs):
            raise RunError(f"{first} and {second} have no measurement of a figure in common")
        write_comparison(place, runs)
    except RunError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{place}: {error.strerror}") from None
    table = Table()
    for head in ("figure", "curve", "at", str(first), str(second), "ratio", ""):
        table.add_column(head)
    for one in found:
        ratio = "" if one.ratio is None else number(one.ratio)
        medians = (interval(one.first), interval(one.second))
        table.add_row(one.figure.name, one.label, str(one.x), *medians, ratio, one.mark)
    console = Terminal()
    console.print(table)
    marks = {one.mark for one in found}
    for line in MARKS:
        if line.partition(":")[0] in marks:
            console.print(line)
    console.print(f"page: {place}")
