"""An experiment of one's own, run as those of the catalogue are; see examples/new_experiment.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from experiments.experiment import Experiment
from experiments.figure import Figure
from experiments.run_folder import RunError
from experiments.shown_run import FOLDER, begin_run, show_run


def own_command(experiment: Experiment, figures: Sequence[Figure]) -> click.Command:
    """Return the command that carries out ``experiment`` and draws ``figures``."""

    @click.command(experiment.name, help=experiment.title)
    @click.option("--quick", is_flag=True, help="few points, once each")
    @click.option("--folder", type=FOLDER, help="where to write")
    @click.option("--seed", type=int, default=1, show_default=True, help="of the order of points")
    def command(quick: bool, folder: Path | None, seed: int) -> None:
        options = {"names": [experiment.name], "quick": quick, "seed": seed}
        try:
            run = begin_run(folder, options)
        except RunError as error:
            raise click.UsageError(str(error)) from None
        show_run(run, (experiment,), figures)

    return command
