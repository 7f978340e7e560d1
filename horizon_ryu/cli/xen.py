"""``horizonctl xen``: Xen hosts and the virtual routers on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from horizon_ryu.cli import show_xen, xen_migrate
from horizon_ryu.cli.asking import Failed
from horizon_ryu.cli.listed_group import ListedGroup, OwnedGroup
from horizon_ryu.cli.resource_path import resource_path
from horizon_ryu.cli.session import Session
from horizon_ryu.cli.xen_measures import measure
from horizon_ryu.cli.xen_parsing import (
    HOSTS,
    LONG,
    disk_of,
    interface_of,
    path_of,
    processor_of,
    route_of,
)
from horizon_ryu.cli.xen_planes import planes
from horizon_ryu.cli.xen_topology import topology

LIFECYCLE = ("restart", "destroy")


@click.group()
def xen() -> None:
    """Manage Xen hosts: their domains, processor shares, devices and measures.

    Example: horizonctl xen domains xen1
    """


def _print_of_host(
    session: Session, host: str, what: str, member: str | None, show: Callable[..., None]
) -> None:
    """Print a table of a host; ``member`` is the part of the answer that has its rows."""
    data = session.client.get(path_of(host, what), LONG)
    _print(session, data if member is None else data[member], show)


def _print(session: Session, data: Any, show: Callable[..., None], *args: Any) -> None:
    if session.output == "table":
        show(session.console, data, *args)
    else:
        session.emit_json(data)


def _print_one(session: Session, domain: Any) -> None:
    """Print a domain, and what becomes of it."""
    _print(session, [domain], show_xen.domains)
    if session.output == "table":
        show_xen.life_policy(session.console, domain)


# ---- hosts


@xen.command()
@click.pass_obj
def identity(session: Session) -> None:
    """Show the key that hosts must authorize.

    Example: horizonctl xen identity
    """
    data = session.client.get(resource_path("v1", "xen", "identity"))
    session.done(data["node_pk"], data)


@xen.group(cls=ListedGroup)
def hosts() -> None:
    """Show the registered hosts.

    Example: horizonctl xen hosts show xen1
    """


@hosts.command("list")
@click.pass_obj
def list_hosts(session: Session) -> None:
    """Show all of them.

    Example: horizonctl xen hosts list
    """
    _print(session, session.client.get(resource_path(*HOSTS)), show_xen.hosts)


@hosts.command("show")
@click.argument("name")
@click.pass_obj
def show_host(session: Session, name: str) -> None:
    """Show one of them.

    Example: horizonctl xen hosts show xen1
    """
    data = session.client.get(path_of(name))
    _print(session, data, lambda console, host: show_xen.hosts(console, {"hosts": [host]}))


@xen.command()
@click.argument("name")
@click.argument("url")
@click.argument("node_pk")
@click.pass_obj
def add(session: Session, name: str, url: str, node_pk: str) -> None:
    """Register the host whose xen-bridge listens at URL and has the key NODE_PK.

    Example: horizonctl xen add xen1 https://192.0.2.1:7443 MCowBQYDK2VwAyEA…
    """
    body = {"name": name, "url": url, "node_pk": node_pk}
    data = session.client.post(resource_path(*HOSTS), body)
    _print(session, data, show_xen.added)


@xen.command()
@click.argument("name")
@click.pass_obj
def remove(session: Session, name: str) -> None:
    """Forget a host; its domains go on.

    Example: horizonctl xen remove xen1
    """
    session.client.delete(path_of(name))
    session.done(f"{name} is forgotten", {"forgotten": name})


# ---- domains


@xen.group(cls=OwnedGroup)
def domains() -> None:
    """Show the domains of a host.

    Example: horizonctl xen domains show xen1 r1
    """


@domains.command("list")
@click.argument("host")
@click.pass_obj
def list_domains(session: Session, host: str) -> None:
    """Show all domains of HOST.

    Example: horizonctl xen domains list xen1
    """
    _print(session, session.client.get(path_of(host, "domains"), LONG)["domains"], show_xen.domains)


@domains.command("show")
@click.argument("host")
@click.argument("domain")
@click.pass_obj
def show_domain(session: Session, host: str, domain: str) -> None:
    """Show one domain of HOST, and what becomes of it.

    Example: horizonctl xen domains show xen1 r1
    """
    _print_one(session, session.client.get(path_of(host, "domains", domain), LONG))


@xen.command()
@click.argument("host")
@click.argument("name")
@click.option("--memory-mb", type=click.IntRange(4), default=128, show_default=True)
@click.option("--vcpus", type=click.IntRange(1), default=1, show_default=True)
@click.option("--max-vcpus", type=click.IntRange(1), help="up to which --vcpus can be set later")
@click.option("--weight", type=int, help="share of the processor, 1 to 65535; 256 is usual")
@click.option("--cap", type=int, help="percent of one processor at most; 0: no limit")
@click.option("--kernel", help="file that the host allows; needed without --boot-loader")
@click.option("--ramdisk", help="file that the host allows")
@click.option("--arguments", help="command line of the kernel")
@click.option(
    "--bridge", "bridges", multiple=True, metavar="BRIDGE[,MAC][,ADDRESS/N…]", help="an interface"
)
@click.option("--route", "routes", multiple=True, metavar="RANGE,VIA", help="a static route")
@click.option("--daemon", "daemons", multiple=True, help="of FRR, as ospfd")
@click.option("--configuration", type=click.File(), help="of FRR's daemons; - reads it")
@click.option("--disk", "disks", multiple=True, metavar="SOURCE:TARGET[:ro]", help="a disk")
@click.option("--boot-loader", type=click.Choice(["pygrub"]), help="reads the disk in Domain 0")
@click.option("--on-reboot", type=click.Choice(LIFECYCLE), help="restart unless told otherwise")
@click.option("--on-crash", type=click.Choice(LIFECYCLE), help="restart unless told otherwise")
@click.option("--autostart/--no-autostart", default=None, help="whether it starts with the host")
@click.option("--network", help="virtual network that it is a router of")
@click.option("--start/--no-start", default=True, show_default=True)
@click.pass_obj
def create(
    session: Session,
    /,
    host: str,
    name: str,
    memory_mb: int,
    bridges: tuple[str, ...],
    disks: tuple[str, ...],
    routes: tuple[str, ...],
    configuration: TextIO | None,
    **options: Any,
) -> None:
    """Instantiate a paravirtual domain.

    Example: horizonctl xen create xen1 r1 --memory-mb 256 --kernel /srv/vmlinuz --bridge xenbr0
    """
    body: dict[str, Any] = {"name": name, "memory_kb": memory_mb * 1024}
    body |= {key: value for key, value in options.items() if value is not None}
    body["interfaces"] = [interface_of(text) for text in bridges]
    body["disks"] = [disk_of(text) for text in disks]
    body["routes"] = [route_of(text) for text in routes]
    if configuration is not None:
        body["configuration"] = configuration.read()
    with session.console.status(f"creating {name} on {host} …"), _explaining(_needs(body)):
        data = session.client.post(path_of(host, "domains"), body, LONG)
    _print(session, [data], show_xen.domains)


def _needs(body: dict[str, Any]) -> tuple[str, ...]:
    """Return what to know about a new domain that may be refused."""
    if body["disks"] or body["daemons"] or "kernel" in body:
        return ()
    return ("A domain needs a kernel (--kernel), or a disk to boot from (--disk SOURCE:TARGET).",)


@contextmanager
def _explaining(texts: tuple[str, ...]) -> Iterator[None]:
    """Add ``texts`` to what is told when the controller or the host refuses."""
    try:
        yield
    except Failed as error:
        raise Failed(*error.message.splitlines(), *texts) from error


@xen.command()
@click.argument("host")
@click.argument("domain")
@click.pass_obj
def delete(session: Session, host: str, domain: str) -> None:
    """End a domain and forget it.

    Example: horizonctl xen delete xen1 r1
    """
    with session.console.status(f"ending {domain} on {host} …"):
        session.client.delete(path_of(host, "domains", domain), LONG)
    session.done(f"{domain} is gone", {"deleted": domain})


STATES = ("running", "paused", "shutoff", "destroyed")


@xen.command("set")
@click.argument("host")
@click.argument("domain")
@click.option("--weight", type=int, help="share of the processor, 1 to 65535")
@click.option("--cap", type=int, help="percent of one processor at most; 0: no limit")
@click.option("--vcpus", type=int, help="how many vCPUs it uses, up to its maximum")
@click.option(
    "--affinity", "affinity", metavar="CPUS[/CPUS…]", help="physical CPUs, per vCPU; or all"
)
@click.option("--on-reboot", type=click.Choice(LIFECYCLE), help="holds from its next start")
@click.option("--on-crash", type=click.Choice(LIFECYCLE), help="holds from its next start")
@click.option("--autostart/--no-autostart", default=None, help="whether it starts with the host")
@click.option("--network", help="virtual network that it is a router of")
@click.option("--no-network", is_flag=True, default=None, help="take it out of its network")
@click.option("--state", type=click.Choice(STATES))
@click.pass_obj
def set_domain(
    session: Session, /, host: str, domain: str, affinity: str | None, **options: Any
) -> None:
    """Set a domain's share of the processor, its vCPUs, its state, or what becomes of it.

    Example: horizonctl xen set xen1 r1 --weight 512 --cap 50 --affinity 0,2-3
    """
    body = {name: value for name, value in options.items() if value is not None}
    if affinity is not None:
        body |= processor_of(affinity)
    if not body:
        raise click.UsageError(
            "name what to set: --weight, --cap, --vcpus, --affinity, --on-reboot, --on-crash, "
            "--autostart, --network, --no-network, --state"
        )
    with session.console.status(f"setting {domain} on {host} …"):
        data = session.client.patch(path_of(host, "domains", domain), body, LONG)
    _print_one(session, data)


# ---- tables


@xen.command()
@click.argument("host")
@click.pass_obj
def scheduler(session: Session, host: str) -> None:
    """Show weight and cap of the running domains.

    Example: horizonctl xen scheduler xen1
    """
    _print_of_host(session, host, "scheduler", "domains", show_xen.scheduling)


@xen.command()
@click.argument("host")
@click.pass_obj
def vcpus(session: Session, host: str) -> None:
    """Show where every vCPU runs, and may run.

    Example: horizonctl xen vcpus xen1
    """
    _print_of_host(session, host, "vcpus", "vcpus", show_xen.vcpus)


@xen.command()
@click.argument("host")
@click.pass_obj
def devices(session: Session, host: str) -> None:
    """Show the devices that domains may be given.

    Example: horizonctl xen devices xen1
    """
    _print_of_host(session, host, "devices", None, show_xen.devices)


@xen.command()
@click.argument("host")
@click.argument("device")
@click.argument("domain", required=False)
@click.option("--mac", help="for a virtual function")
@click.option("--vlan", type=int, help="for a virtual function")
@click.pass_obj
def give(session: Session, /, host: str, device: str, domain: str | None, **options: Any) -> None:
    """Give a PCI device to a domain; without a domain, take it back.

    Example: horizonctl xen give xen1 0000:03:10.1 r1 --vlan 10
    """
    body: dict[str, Any] = {"domain": domain}
    body |= {name: value for name, value in options.items() if value is not None}
    data = session.client.patch(path_of(host, "devices", device), body, LONG)
    _print(session, data, show_xen.devices)


@xen.command("set-device")
@click.argument("host")
@click.argument("device")
@click.option("--functions", type=int, help="how many virtual functions it makes")
@click.option("--driver", type=click.Choice(["xen", "host"]), help="who has it")
@click.pass_obj
def set_device(session: Session, /, host: str, device: str, **options: Any) -> None:
    """Have a device make virtual functions, or change its driver.

    Example: horizonctl xen set-device xen1 0000:03:00.0 --functions 4
    """
    body = {name: value for name, value in options.items() if value is not None}
    if len(body) != 1:
        raise click.UsageError("name one of --functions, --driver")
    data = session.client.patch(path_of(host, "devices", device), body, LONG)
    _print(session, data, show_xen.devices)


@xen.command("set-queues")
@click.argument("host")
@click.argument("maximum", type=click.IntRange(1))
@click.pass_obj
def set_queues(session: Session, host: str, maximum: int) -> None:
    """Let new interfaces of domains have at most MAXIMUM queues.

    Example: horizonctl xen set-queues xen1 4
    """
    data = session.client.patch(path_of(host, "queues"), {"maximum": maximum}, LONG)
    _print(session, data, show_xen.devices)


for command in (measure, topology, planes, *xen_migrate.COMMANDS):
    xen.add_command(command)
COMMANDS = (xen,)
