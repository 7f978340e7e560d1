"""Options of commands for the parameters of flows, from where those are declared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar, get_type_hints

import click

from horizon_ryu.core.flows.flow import PathSpec, parameters_of

_Command = TypeVar("_Command", bound=Callable[..., Any])
_HINTS = get_type_hints(PathSpec)
NAMES = tuple(item.name for item in parameters_of(PathSpec))


def parameter_options(names: Collection[str] = NAMES) -> Callable[[_Command], _Command]:
    """Give a command an option for each parameter of ``names``; None if it was not given."""

    def decorate(command: _Command) -> _Command:
        for item in reversed(parameters_of(PathSpec)):
            if item.name not in names:
                continue
            option = f"--{item.name.replace('_', '-')}"
            if _HINTS[item.name] is bool:
                option, kind = f"{option}/--no-{option.removeprefix('--')}", None
            else:
                kind = int
            text = item.metadata["help"]
            command = click.option(option, item.name, type=kind, default=None, help=text)(command)
        return command

    return decorate


def parameters_in(options: Mapping[str, Any], names: Collection[str] = NAMES) -> dict[str, Any]:
    """Return the parameters that were given."""
    return {name: options[name] for name in names if options[name] is not None}
