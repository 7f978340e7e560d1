"""An experiment of one's own, run as those of the catalogue are; see examples/new_experiment.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from experiments.experiment import Experiment
from experiments.figure import Figure
from experiments.run_folder import RunError
from experiments.shown_run import FOLDER, begin_run, resumed_run, show_run


def own_command(experiment: Experiment, figures: Sequence[Figure]) -> click.Command:
    """Return the command that carries out ``experiment`` and draws ``figures``."""

    @click.command(experiment.name, help=experiment.title)
    @click.option("--quick", is_flag=True, help="few points, once each")
    @click.option("--folder", type=FOLDER, help="where to write")
    @click.option("--resume", type=FOLDER, help="go on with the run in this folder")
    @click.option("--seed", type=int, help="of the order of points  [default: 1]")
    def command(quick: bool, folder: Path | None, resume: Path | None, seed: int | None) -> None:
        names = [experiment.name]
        try:
            if resume is None:
                asked = {"names": names, "quick": quick, "seed": 1 if seed is None else seed}
                run = begin_run(folder, asked)
            else:
                run = resumed_run(resume, (quick, folder, seed is not None), "other options")
                if run.about()["options"]["names"] != names:
                    raise RunError(f"{resume} has a run of something else")
        except RunError as error:
            raise click.UsageError(str(error)) from None
        show_run(run, (experiment,), figures, f"python {sys.argv[0]}")

    return command
