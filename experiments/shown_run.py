"""A run as a person sees it: what is measured now, what held, where the page is."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from experiments.run_folder import RunError, RunFolder
from horizon_ryu.cli.terminal import Terminal, styled
from tools import fork_server

FOLDER = click.Path(file_okay=False, path_type=Path)
DEFAULT_FOLDER = "experiment-runs"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a run; also one that a shell has begun in the background, without SIGINT."""


def begin_run(folder: Path | None, options: Mapping[str, Any]) -> RunFolder:
    """Return the folder of a new run; RunError if there is one already."""
    now = datetime.now().astimezone()
    made = RunFolder(folder or Path(DEFAULT_FOLDER, f"{now:%Y-%m-%d-%H%M%S}"))
    made.begin({**about_run(options), "begun": f"{now:%Y-%m-%d %H:%M:%S %Z}"})
    return made


def show_run(run: RunFolder, todo: Sequence[Experiment], figures: Sequence[Figure]) -> None:
    """Carry a run to its end and tell of it.

    SystemExit if it is stopped, or something is not as expected; ClickException if the folder
    cannot be written, or is another process's just now.
    """
    console = Terminal()
    try:
        _note_changes(console, run)
        missed = _carry_out(console, todo, run, run.about()["options"])
        _show_outcome(console, run, todo, figures, missed)
    except RunError as error:
        raise click.ClickException(f"{error}; {_to_go_on(run)}") from None
    except OSError as error:
        # Of the page: what measuring needs is told by name.
        raise click.ClickException(f"{error.filename or run.path}: {error.strerror}") from None


def _to_go_on(run: RunFolder) -> str:
    return f"to go on: horizonctl experiment run --resume {run.path}"


def _note_changes(console: Terminal, run: RunFolder) -> None:
    """Tell, and keep, that a run goes on with another version than it was begun with."""
    about = run.about()
    now = about_run(about["options"])
    names = [name for name in ("horizon", "kernel") if about[name] != now[name]]
    if names:
        then = ", ".join(f"{name} {about[name]} (now {now[name]})" for name in names)
        console.print(f"this run was begun with {then}")
        run.note_resumed(now)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Have a run that is ended from outside take its networks down, as by the keyboard."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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

        def missed(one: Missed, whole: Path) -> None:
            name = styled(f"{one.experiment} could not be ended:", "bold red")
            console.print(name, one.reason, f"(all of it: {whole})")

        try:
            with _stopped_by_signals(), _forked_controllers(quick):
                return carry_out(todo, run, quick, seed, told, missed)
        except KeyboardInterrupt:
            console.print(f"stopped; {_to_go_on(run)}")
            raise SystemExit(130) from None


@contextmanager
def _forked_controllers(quick: bool) -> Iterator[None]:
    """Have the controllers of the quick form forked from one that has imported everything.

    Each otherwise takes three processor seconds for the same imports.
    """
    if not quick or fork_server.VARIABLE in os.environ:
        yield
        return
    # The path of a socket is short.
    with tempfile.TemporaryDirectory() as folder, fork_server.serving(Path(folder)):
        yield


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
    if missed:
        console.print(_to_go_on(run))
    console.print(f"page: {write_outcome(run, todo, figures)}")
    if wrong or missed:
        raise SystemExit(1)
