"""``python -m topologies.lab``: the lab by hand."""

from __future__ import annotations

import os
import sys

import click

from topologies.lab import lab as whole
from topologies.lab.lab import XenLab
from topologies.lab.places import GUESTS, HOSTS
from topologies.lab.steps import LabError


def say(text: str) -> None:
    """Tell the person at the terminal."""
    click.echo(f"==> {text}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Two real Xen hosts, emulated on this machine.

    \b
    Example:  python -m topologies.lab start
    """


@main.command()
def build() -> None:
    """Build what the lab needs, without starting it."""
    whole.build(XenLab().places, say)


@main.command()
def start() -> None:
    """Start both hosts, from snapshots if there are any; tell how to reach them."""
    lab = XenLab()
    lab.start(say)
    click.echo(directions(lab))


def directions(lab: XenLab) -> str:
    """Return how a controller is made to know the hosts of ``lab``."""
    lines = ["", "A controller that may ask them:", ""]
    lines += [f"  make run ARGS='--xen-identity {lab.places.keys / 'controller'}'", ""]
    lines += [
        f"  horizonctl xen add {host} {lab.url(host)} {lab.identity(host).node_pk}"
        for host in HOSTS
    ]
    lines += ["", f"Guests that can be made there: {', '.join(GUESTS)}", ""]
    return "\n".join(lines)


@main.command()
def stop() -> None:
    """Switch both hosts off."""
    XenLab().stop()
    say("the lab is off")


@main.command()
def status() -> None:
    """Tell which hosts run."""
    for machine in XenLab().machines:
        click.echo(f"{machine.name}: {'runs' if machine.pid is not None else 'is off'}")


@main.command()
@click.argument("host", type=click.Choice(HOSTS))
@click.argument("command", nargs=-1, required=True)
def ssh(host: str, command: tuple[str, ...]) -> None:
    """Run a command in the Domain 0 of HOST.

    \b
    Example:  python -m topologies.lab ssh xen1 xl list
    """
    click.echo(XenLab().machine(host).run(" ".join(command)), nl=False)


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("the lab is built as root: it makes file systems")
    try:
        main(standalone_mode=True)
    except LabError as error:
        sys.exit(f"lab: {error}")
