"""The option ``-o`` anywhere on a command line: before a command, after it, or after its words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click

FORMS = ("table", "json", "xml")
_NAMES = ("--output", "-o")


def give_everywhere(group: click.Group, without: frozenset[str] = frozenset()) -> None:
    """Have every command below ``group`` take the option; those in ``without`` refuse it.

    Who gives it in two places means the last.
    """
    for command in _below(group):
        callback = _refuse if command.name in without else _choose
        option = click.Option(
            _NAMES,
            type=click.Choice(FORMS),
            expose_value=False,
            callback=callback,
            hidden=command.name in without,
            help="as for horizonctl itself",
        )
        command.params.append(option)


def _below(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from _below(command)


def _choose(context: click.Context, _option: click.Parameter, value: Any) -> None:
    if value is not None and context.obj is not None:
        context.obj = replace(context.obj, output=value, is_chosen=True)


def _refuse(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Refuse a form for a command that has its own; table is what it is anyway."""
    chosen = value or (context.obj.output if context.obj is not None else None)
    if chosen not in (None, "table"):
        raise click.BadParameter("this command has a form of its own", context, option, "-o")
