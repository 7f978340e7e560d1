"""Session of ``horizonctl``: what its global options chose, and how answers are printed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import click

from horizon_ryu.cli.asking import ControllerAsker
from horizon_ryu.cli.terminal import Terminal, printable


@dataclass(frozen=True)
class Session:
    """What the global options chose."""

    client: ControllerAsker
    output: str
    console: Terminal
    is_chosen: bool = False
    """Whether somebody chose ``output``, which is a table otherwise."""

    def emit_json(self, data: Any, indent: int | None = 2) -> None:
        """Print JSON for programs: never wrapped, never coloured; in ASCII without controls.

        Where XML was asked for, somebody who reads the output is told that there is none.
        """
        if self.output == "xml":
            click.echo("there is no XML of this: it is told in JSON", err=True)
        click.echo(json.dumps(data, indent=indent).replace("\x7f", "\\u007f"))

    def emit_xml(self, text: str) -> None:
        """Print XML for programs, as it came but for characters that a terminal would obey."""
        click.echo("".join(map(_reference, text)))

    def done(self, text: str, data: Any) -> None:
        """Tell that something was done: people by a line, programs by a document."""
        if self.output == "table":
            self.say(text)
        else:
            self.emit_json(data)

    def say(self, text: str) -> None:
        """Print one line for people."""
        click.echo(printable(text))


def _reference(character: str) -> str:
    """Return a character, or what stands for it in XML if a terminal might obey it."""
    is_harmless = character.isprintable() or character in "\t\r\n"
    return character if is_harmless else f"&#{ord(character)};"
