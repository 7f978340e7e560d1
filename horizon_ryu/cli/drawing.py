"""Drawings of the topology: the graph that the controller tells, drawn by Graphviz."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import Literal

import click

from horizon_ryu.cli.asking import ControllerAsker, Failed
from horizon_ryu.cli.resource_path import resource_path

GRAPHS = ("graphml", "gml", "dot")
DRAWN = ("svg", "png")
FORMS = ("dot", *DRAWN, "graphml")
DRAW_SECONDS = 120.0
PROGRAM = "dot"


def graph_of(client: ControllerAsker, form: str, network: str | None) -> str:
    """Return the topology as a graph in one of GRAPHS."""
    path = resource_path("v1", "topology", "graph")
    return client.get_text(path, format=form, network=network)


def drawn(text: str, form: Literal["svg", "png"] | str) -> bytes:
    """Return a graph in dot as a picture; Failed if Graphviz is not there or cannot draw it."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise Failed(
            f"{form} is drawn by Graphviz, which is not installed here",
            "Install it (Debian: apt install graphviz), or take --format dot elsewhere.",
        )
    try:
        done = subprocess.run(
            (program, f"-T{form}"),
            input=text.encode(),
            capture_output=True,
            check=False,
            timeout=DRAW_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"Graphviz has not drawn it in {DRAW_SECONDS:.0f} s") from error
    if done.returncode:
        raise Failed(f"Graphviz cannot draw it: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def write_picture(data: bytes) -> None:
    """Write a picture to a file or another program; a terminal is refused: it would obey it."""
    if sys.stdout.isatty():
        raise click.UsageError("a picture is for a file: horizonctl topology --format … > FILE")
    click.echo(data, nl=False)
