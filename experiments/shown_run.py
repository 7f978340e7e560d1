"""A run as a person sees it: what is measured now, what held, where the page is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from experiments.carry_out import Missed, Step, carry_out, steps_left
from experiments.environment import about_run
from experiments.experiment import Experiment
from experiments.figure import Figure
from experiments.outcome import write_outcome
from experiments.page import judged
from experiments.run_folder import RunFolder
from horizon_ryu.cli.terminal import Terminal, styled

FOLDER = click.Path(file_okay=False, path_type=Path)
DEFAULT_FOLDER = "experiment-runs"


def begin_run(folder: Path | None, options: Mapping[str, Any]) -> RunFolder:
    """Return the folder of a new run; RunError if there is one already."""
    now = datetime.now().astimezone()
    made = RunFolder(folder or Path(DEFAULT_FOLDER, f"{now:%Y-%m-%d-%H%M%S}"))
    made.begin({**about_run(options), "begun": f"{now:%Y-%m-%d %H:%M:%S %Z}"})
    return made


def show_run(run: RunFolder, todo: Sequence[Experiment], figures: Sequence[Figure]) -> None:
    """Carry a run to its end and tell of it; SystemExit if it is stopped, or something is wrong."""
    console = Terminal()
    missed = _carry_out(console, todo, run, run.about()["options"])
    _show_outcome(console, run, todo, figures, missed)


def _carry_out(
    console: Terminal, todo: Sequence[Experiment], run: RunFolder, options: Mapping[str, Any]
) -> tuple[Missed, ...]:
    """Measure with a bar; an interrupt ends it, with a word on how to go on."""
    quick, seed = options["quick"], options["seed"]
    rows = run.rows()
    count = sum(len(steps_left(one, quick, seed, rows)) for one in todo)
    shown = console.is_terminal
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not shown) as progress:
        task = progress.add_task("measuring", total=count)

        def told(one: Experiment, step: Step | None) -> None:
            if step is None:
                progress.advance(task)
                return
            where = ", ".join(f"{name} {value}" for name, value in step.point.items())
            progress.update(task, description=f"{one.name}: {where}")
            if not shown:
                console.print(f"{one.name}: {where}")

        try:
            return carry_out(todo, run, quick, seed, told)
        except KeyboardInterrupt:
            console.print(f"stopped; to go on: horizonctl experiment run --resume {run.path}")
            raise SystemExit(130) from None


def _show_outcome(
    console: Terminal,
    run: RunFolder,
    todo: Sequence[Experiment],
    figures: Sequence[Figure],
    missed: Sequence[Missed],
) -> None:
    """Write the page, and tell what held; exit status 1 if something did not."""
    wrong = False
    for experiment, sentence, what in judged(todo, run.rows()):
        mark = styled("holds", "green") if what is None else styled("does not hold", "bold red")
        console.print(f"{experiment.name}: {sentence}:", mark, what or "")
        wrong = wrong or what is not None
    for one in missed:
        console.print(styled(f"{one.experiment} could not be ended:", "bold red"), one.reason)
    console.print(f"page: {write_outcome(run, todo, figures)}")
    if wrong or missed:
        raise SystemExit(1)
