"""A run as a person sees it: what is measured now, what held, where the page is."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from experiments.carry_out import Missed, Moment, Step, carry_out, steps_left
from experiments.environment import about_run, lab_versions
from experiments.experiment import XEN_LAB, Experiment
from experiments.figure import Figure
from experiments.outcome import write_outcome
from experiments.page import busy, judged
from experiments.run_folder import RunError, RunFolder
from horizon_ryu.cli.terminal import Terminal, styled
from tools import fork_server

FOLDER = click.Path(file_okay=False, path_type=Path)
DEFAULT_FOLDER = "experiment-runs"
_BAR = 12
"""Characters of it: a line of 80 then has room for what is measured."""
_HOUR = 3600.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a run; also one that a shell has begun in the background, without SIGINT."""


def begin_run(folder: Path | None, options: Mapping[str, Any]) -> RunFolder:
    """Return the folder of a new run; RunError if there is one already."""
    now = datetime.now().astimezone()
    made = RunFolder(folder or Path(DEFAULT_FOLDER, f"{now:%Y-%m-%d-%H%M%S}"))
    made.begin({**about_run(options), "begun": f"{now:%Y-%m-%d %H:%M:%S %Z}"})
    return made


def resumed_run(folder: Path, others: Iterable[object], words: str) -> RunFolder:
    """Return the run in a folder that is gone on with; RunError if there is none.

    UsageError if there are ``others`` than the folder, which ``words`` names: what is to be done
    was said when it was begun.
    """
    if any(others):
        text = "--resume goes on with what that run was asked for: leave out"
        raise click.UsageError(f"{text} {words}")
    found = RunFolder(folder)
    found.about()
    return found


def show_run(
    run: RunFolder,
    todo: Sequence[Experiment],
    figures: Sequence[Figure],
    command: str = "horizonctl experiment run",
) -> None:
    """Carry a run to its end and tell of it; ``command`` is what resumes it.

    SystemExit if it is stopped, or something is not as expected; ClickException if the folder
    cannot be written, or is another process's just now.
    """
    console = Terminal()
    again = f"to go on: {command} --resume {run.path}"
    try:
        _note_changes(console, run)
        try:
            missed = _carry_out(console, todo, run, again)
        finally:
            if any(XEN_LAB in one.needs for one in todo):
                # Known when it is built.
                run.note(xen_lab=lab_versions())
        if missed:
            console.print(again)
        is_right = _show_outcome(console, run, todo, figures)
    except RunError as error:
        raise click.ClickException(f"{error}; {again}") from None
    except OSError as error:
        # Of the page: what measuring needs is told by name.
        raise click.ClickException(f"{error.filename or run.path}: {error.strerror}") from None
    if missed or not is_right:
        raise SystemExit(1)


def _note_changes(console: Terminal, run: RunFolder) -> None:
    """Tell, and keep, that a run goes on with another version than it was begun with.

    It is told too if the machine has other work now.
    """
    about = run.about()
    now = about_run(about["options"])
    if told := busy(now):
        console.print(told)
    names = [name for name in ("horizon", "kernel") if about[name] != now[name]]
    if names:
        then = ", ".join(f"{name} {about[name]} (now {now[name]})" for name in names)
        console.print(f"this run was begun with {then}")
        run.note_resumed(now)


@contextmanager
def _stopped_by_signals() -> Iterator[list[int]]:
    """Have a run that is ended from outside take its networks down; gives the signals that came."""
    came: list[int] = []

    def interrupt(number: int, _frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _carry_out(
    console: Terminal, todo: Sequence[Experiment], run: RunFolder, again: str
) -> tuple[Missed, ...]:
    """Measure with a bar; an interrupt ends it, and ``again`` tells how to go on."""
    options = run.about()["options"]
    quick, seed = options["quick"], options["seed"]
    rows = run.rows()
    count = sum(len(steps_left(one, quick, seed, rows)) for one in todo)
    shown = console.is_terminal
    with _bar(console, shown) as progress:
        task = progress.add_task("measuring", total=count)

        def told(one: Experiment, at: Step | Moment) -> None:
            if at is Moment.MEASURED:
                progress.advance(task)
                return
            where = _where(one, at)
            progress.update(task, description=f"{one.name}: {where}")
            if not shown:
                console.print(f"{one.name}: {where}")

        def missed(one: Missed, whole: Path) -> None:
            name = styled(f"{one.experiment} could not be ended:", "bold red")
            console.print(name, one.reason, f"(all of it: {whole})")

        try:
            with _stopped_by_signals() as came, _forked_controllers(quick):
                return carry_out(todo, run, quick, seed, told, missed, lambda: bool(came))
        except KeyboardInterrupt:
            console.print(f"stopped; {again}")
            raise SystemExit(130) from None


def _bar(console: Terminal, is_shown: bool) -> Progress:
    """Return a bar with the time that it took so far, and what is left at that speed."""
    about = Column(no_wrap=True, overflow="ellipsis")
    return Progress(
        TextColumn("{task.description}", table_column=about),
        BarColumn(_BAR),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not is_shown,
        # Longer than a few measurements on an emulated machine.
        speed_estimate_period=_HOUR,
    )


def _where(experiment: Experiment, at: Step | Moment) -> str:
    """Return what an experiment is at."""
    if isinstance(at, Step):
        return ", ".join(f"{name} {value}" for name, value in at.point.items())
    return "two Xen hosts start" if XEN_LAB in experiment.needs else str(at.value)


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
    console: Terminal, run: RunFolder, todo: Sequence[Experiment], figures: Sequence[Figure]
) -> bool:
    """Write the page, and tell what held; False if something did not."""
    is_right = True
    for experiment, sentence, what in judged(todo, run.rows()):
        mark = styled("holds", "green") if what is None else styled("does not hold", "bold red")
        console.print(f"{experiment.name}: {sentence}:", mark, what or "")
        is_right = is_right and what is None
    console.print(f"page: {write_outcome(run, todo, figures)}")
    return is_right
