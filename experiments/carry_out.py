"""Carries out experiments: every point that is not measured yet, one after the other."""

from __future__ import annotations

import enum
import errno
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from traceback import format_exception
from typing import NamedTuple

from experiments.experiment import Experiment, Point, Row
from experiments.run_folder import RunError, RunFolder, key_of, new_folder

LOGS = "logs"
WHOLE = "error.txt"
"""Among the logs of an experiment that could not be ended: all that is known of why."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Step(NamedTuple):
    """A measurement that is to be made."""

    point: Point
    repetition: int


class Missed(NamedTuple):
    """An experiment that could not be carried out to its end, and why."""

    experiment: str
    reason: str


class Moment(enum.Enum):
    """What a run is at between its measurements."""

    BUILT = "its network is built"
    MEASURED = "a measurement has ended"


Progress = Callable[[Experiment, Step | Moment], None]
"""Told of each measurement that begins, and of what is between them."""
Told = Callable[[Missed, Path], None]
"""Told of each experiment that could not be carried out, at once, and of the file that has all."""


def steps_left(
    experiment: Experiment, is_quick: bool, seed: int, rows: Sequence[Row]
) -> tuple[Step, ...]:
    """Return what is to be measured, in an order that the seed gives.

    A repetition after the other, and the points of each in a random order: what drifts with time
    then falls on all points alike.
    """
    space = experiment.space(is_quick)
    known = {key_of(row.experiment, row.point, row.repetition) for row in rows}
    order = random.Random(f"{seed} {experiment.name}")
    found: list[Step] = []
    for repetition in range(space.repetitions):
        points = list(space.points())
        order.shuffle(points)
        found += [Step(point, repetition) for point in points]
    return tuple(
        step for step in found if key_of(experiment.name, step.point, step.repetition) not in known
    )


def carry_out(
    experiments: Sequence[Experiment],
    folder: RunFolder,
    is_quick: bool,
    seed: int,
    progress: Progress = lambda _experiment, _step: None,
    told: Told = lambda _missed, _whole: None,
    is_interrupted: Callable[[], bool] = lambda: False,
) -> tuple[Missed, ...]:
    """Measure what is left of each experiment, and return those that could not be ended.

    One that fails does not end the others; an interrupt does, and a folder that takes no more
    (RunError). What was measured is kept. ``is_interrupted`` tells of an interrupt that an error of
    what was taken down has hidden.
    """
    with folder.held():
        folder.mend()
        return tuple(
            _carry_out_all(experiments, folder, is_quick, seed, progress, told, is_interrupted)
        )


def _carry_out_all(
    experiments: Sequence[Experiment],
    folder: RunFolder,
    is_quick: bool,
    seed: int,
    progress: Progress,
    told: Told,
    is_interrupted: Callable[[], bool],
) -> Iterator[Missed]:
    for experiment in experiments:
        steps = steps_left(experiment, is_quick, seed, folder.rows())
        if not steps:
            continue
        try:
            place = new_folder(folder.path / LOGS, experiment.name)
        except OSError as error:
            raise RunError(f"{error.filename}: {error.strerror}") from None
        try:
            _measure_all(experiment, steps, folder, place, is_quick, progress)
        except RunError:
            # What is measured cannot be kept.
            raise
        except Exception as error:
            if is_interrupted() or _is_of_an_interrupt(error):
                raise KeyboardInterrupt from error
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                raise RunError(f"{error.filename or folder.path}: {error.strerror}") from None
            # Whatever a network or a lab does: the other experiments are measured all the same.
            whole = place / WHOLE
            whole.write_text("".join(format_exception(error)), encoding="utf-8")
            missed = Missed(experiment.name, _in_a_line(error))
            told(missed, whole)
            yield missed


def _is_of_an_interrupt(error: BaseException | None) -> bool:
    """Tell whether an error came up while an interrupt was on its way.

    The keyboard's goes to every process of the terminal: what is taken down then may be gone.
    """
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False


def _in_a_line(error: Exception) -> str:
    """Return the kind of an error and the first line of what it says."""
    said = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _measure_all(
    experiment: Experiment,
    steps: Sequence[Step],
    folder: RunFolder,
    place: Path,
    is_quick: bool,
    progress: Progress,
) -> None:
    progress(experiment, Moment.BUILT)
    with experiment.stage(place, is_quick) as measure:
        for step in steps:
            progress(experiment, step)
            samples = tuple(measure(step.point))
            folder.add(Row(experiment.name, step.point, step.repetition, samples))
            progress(experiment, Moment.MEASURED)
