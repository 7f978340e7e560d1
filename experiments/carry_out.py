"""Carries out experiments: every point that is not measured yet, one after the other."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from experiments.experiment import Experiment, Point, Row
from experiments.run_folder import RunFolder, key_of


class Step(NamedTuple):
    """A measurement that is to be made."""

    point: Point
    repetition: int


class Missed(NamedTuple):
    """An experiment that could not be carried out to its end, and why."""

    experiment: str
    reason: str


Progress = Callable[[Experiment, Step | None], None]
"""Told of each measurement that begins, and by None that one has ended."""


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
) -> tuple[Missed, ...]:
    """Measure what is left of each experiment, and return those that could not be ended.

    One that fails does not end the others; an interrupt does. What was measured is kept.
    """
    return tuple(_carry_out_all(experiments, folder, is_quick, seed, progress))


def _carry_out_all(
    experiments: Sequence[Experiment],
    folder: RunFolder,
    is_quick: bool,
    seed: int,
    progress: Progress,
) -> Iterator[Missed]:
    folder.mend()
    for experiment in experiments:
        steps = steps_left(experiment, is_quick, seed, folder.rows())
        if not steps:
            continue
        place = folder.path / "logs" / experiment.name
        place.mkdir(parents=True, exist_ok=True)
        try:
            _measure_all(experiment, steps, folder, place, is_quick, progress)
        except Exception as error:
            # Whatever a network or a lab does: the other experiments are measured all the same.
            yield Missed(experiment.name, f"{type(error).__name__}: {error}")


def _measure_all(
    experiment: Experiment,
    steps: Sequence[Step],
    folder: RunFolder,
    place: Path,
    is_quick: bool,
    progress: Progress,
) -> None:
    with experiment.stage(place, is_quick) as measure:
        for step in steps:
            progress(experiment, step)
            samples = tuple(measure(step.point))
            folder.add(Row(experiment.name, step.point, step.repetition, samples))
            progress(experiment, None)
