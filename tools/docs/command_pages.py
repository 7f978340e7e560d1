"""Reference of our commands and options as reStructuredText, from the programs themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import get_type_hints

import click

from horizon_ryu.cli.main import main as horizonctl
from horizon_ryu.settings import Settings
from horizon_ryu.slicer.command import main as horizon_slicer
from xen_bridge.command import main as xen_bridge

PROGRAMS: dict[str, click.Command] = {
    "horizonctl": horizonctl,
    "horizon-slicer": horizon_slicer,
    "xen-bridge": xen_bridge,
}


def pages() -> dict[str, str]:
    """Return the pages by their names: one of each program, and one of the configuration."""
    found = {f"command-{name}": _program(name, command) for name, command in PROGRAMS.items()}
    return {**found, "options": _options()}


def _program(name: str, command: click.Command) -> str:
    lines = [name, "=" * len(name), ""]
    for words, one in _commands((name,), command):
        lines += _command(words, one)
    return "\n".join(lines)


def _commands(
    words: tuple[str, ...], command: click.Command
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _commands((*words, name), command.commands[name])


def _command(words: tuple[str, ...], command: click.Command) -> list[str]:
    title = " ".join(words)
    with click.Context(command, info_name=title) as context:
        usage = " ".join(command.collect_usage_pieces(context))
        options = [item.get_help_record(context) for item in command.params]
    lines = [] if len(words) == 1 else [title, "-" * len(title), ""]
    lines += ["::", "", f"    {title} {usage}", "", *_help(command), ""]
    for record in filter(None, options):
        lines += [f"``{record[0]}``", f"    {_escaped(record[1]) or '(no more is to be said)'}", ""]
    return lines


def _help(command: click.Command) -> Iterator[str]:
    """Yield its text; what is laid out there, and the example, stay as they are."""
    for part in inspect.cleandoc(command.help or "").split("\n\n"):
        example = re.match(r"(?s)(?:\x08\n)?Examples?:\s+(.*)", part)
        if part == "::" or part.startswith("    "):
            yield from (part, "")
        elif example or part.startswith("\b"):
            text = example[1] if example else part.lstrip("\b\n")
            yield from ("Example::" if example else "::", "")
            yield from (f"    {line.strip()}" for line in text.splitlines())
            yield ""
        else:
            yield from (_escaped(part), "")


def _options() -> str:
    title = "Options of the configuration file"
    lines = [title, "=" * len(title), "", "``horizonctl sample-config`` prints the same.", ""]
    for name, group in get_type_hints(Settings).items():
        lines += [f"[{name}]", "-" * (len(name) + 2), ""]
        for item in fields(group):
            meta = item.metadata
            least = meta["min"]
            bounds = "" if least is None else f" {least:g} to {meta['max']:g}."
            default = "none" if item.default in (None, ()) else f"``{item.default}``"
            lines += [
                f"``{item.name}``",
                f"    {_escaped(meta['help'])}.{bounds} Default: {default}.",
                "",
            ]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    words = " ".join(text.replace("\b", "").split())
    return re.sub(r"([\\*|`_])", r"\\\1", words)
