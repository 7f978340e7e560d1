"""Commands of ``python -m topologies.lab``: the lab by hand."""

from __future__ import annotations

import os
import sys

import click

from topologies.lab import lab as whole
from topologies.lab.keys import CONTROLLER
from topologies.lab.lab import XenLab, guest
from topologies.lab.places import HOSTS
from topologies.lab.steps import LabError

FIRST_GUESTS = {"xen1": ("r1",), "xen2": ("r2",)}


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
    """Start both hosts, each with a virtual router; from snapshots if there are any.

    It tells how to reach them.
    """
    lab = XenLab(guests=FIRST_GUESTS)
    lab.start(say)
    click.echo(directions(lab))


def directions(lab: XenLab) -> str:
    """Return how a controller is made to know the hosts of ``lab``, and a first guest there."""
    config = lab.places.folder / "horizon.conf"
    key = lab.places.keys / CONTROLLER
    config.write_text(f"[xen]\nidentity = {key}\n", encoding="utf-8")
    lines = ["", "A controller that may ask them:", ""]
    lines += [f"  make run ARGS='--config-file {config}'", ""]
    for host in HOSTS:
        node_pk = lab.identity(host).node_pk
        lines.append(f"  .venv/bin/horizonctl xen add {host} {lab.url(host)} {node_pk}")
    lines += ["", "A third virtual router:", ""]
    lines += [f"  .venv/bin/horizonctl xen create xen1 {create_words('r3')}", ""]
    return "\n".join(lines)


def create_words(name: str) -> str:
    """Return how ``horizonctl xen create`` makes the guest ``name``."""
    wanted = guest(name)
    card, disk = wanted.interfaces[0], wanted.disks[0]
    return (
        f"{name} --memory-mb {wanted.memory_kb // 1024} --max-vcpus {wanted.max_vcpus} \\\n"
        f"      --kernel {wanted.kernel} --ramdisk {wanted.ramdisk} \\\n"
        f"      --arguments '{wanted.arguments}' \\\n"
        f"      --bridge {card.bridge},{card.mac} --disk {disk.source}:{disk.target}:ro"
    )


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


def run() -> None:
    """Carry a command line out, as root."""
    if os.geteuid() != 0:
        sys.exit("the lab is built as root: it makes file systems")
    try:
        main(standalone_mode=True)
    except LabError as error:
        sys.exit(f"lab: {error}")
