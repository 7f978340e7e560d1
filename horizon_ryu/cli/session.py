"""What the global options of ``horizonctl`` chose, and how answers are printed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console

from horizon_ryu.cli.client import Client


@dataclass(frozen=True)
class Session:
    """What the global options chose."""

    client: Client
    output: str
    console: Console

    def emit_json(self, data: Any) -> None:
        """Print JSON for programs: never wrapped, never coloured."""
        click.echo(json.dumps(data, indent=2))
