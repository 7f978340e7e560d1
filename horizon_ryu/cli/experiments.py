"""``horizonctl experiment``: the report's experiments, which a checkout of Horizon has."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

_MODULE = "experiments.command"
_TREE = Path(__file__).parents[2]
"""The source tree, if this is one; what is installed from it has its libraries only."""


class ExperimentGroup(click.Group):
    """The group of commands that the checkout has; it is loaded when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of its commands; ClickException outside a checkout."""
        return _loaded().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; ClickException outside a checkout."""
        return _loaded().get_command(ctx, cmd_name)


def _loaded() -> click.Group:
    if (_TREE / "experiments").is_dir() and str(_TREE) not in sys.path:
        sys.path.append(str(_TREE))
    try:
        found = importlib.import_module(_MODULE).experiment
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"experiments need Horizon's source tree and its set-up ({error}): clone it, and run "
            "make experiments there"
        ) from None
    if not isinstance(found, click.Group):
        raise TypeError(f"{_MODULE}.experiment is no group of commands")
    return found


COMMANDS = (
    ExperimentGroup(
        "experiment",
        help="Carry out the report's experiments on the real system, and compare runs.\n\n"
        "Example: horizonctl experiment run --quick",
    ),
)
