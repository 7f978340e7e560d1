"""Command lines of our programs, read as these read them, and nothing done."""

from __future__ import annotations

import click

from tools.docs.command_pages import PROGRAMS


def complaint(words: list[str]) -> click.UsageError | None:
    """Return what a program says against a command line, without doing anything."""
    try:
        _read(PROGRAMS[words[0]], words[0], words[1:], None)
    except click.UsageError as error:
        return error
    except click.exceptions.Exit:
        return None
    return None


def _read(
    command: click.Command, name: str, words: list[str], parent: click.Context | None
) -> None:
    context = command.make_context(name, list(words), parent=parent)
    if isinstance(command, click.Group):
        left = [*context._protected_args, *context.args]
        if left:
            found, inner, rest = command.resolve_command(context, left)
            assert inner is not None
            _read(inner, str(found), rest, context)
