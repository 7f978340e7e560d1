"""``horizonctl hosts``: show and forget hosts, and pin them to ports."""

from __future__ import annotations

import click

from horizon_ryu.cli import show
from horizon_ryu.cli.parsing import dpid_of, mac_of, port_of
from horizon_ryu.cli.resource_path import ResourcePath, resource_path
from horizon_ryu.cli.session import Session

_vlan = click.option("--vlan", type=click.IntRange(1, 4094), help="of the host's frames")


@click.group()
def hosts() -> None:
    """Show and forget hosts of the network, and pin them to ports.

    Example: horizonctl hosts pin 00:00:00:00:00:01 1 3
    """


@hosts.command("list")
@click.pass_obj
def list_hosts(session: Session) -> None:
    """Show where the hosts are.

    Example: horizonctl hosts list
    """
    data = session.client.get(resource_path("v1", "topology"))
    if session.output == "table":
        show.hosts(session.console, data["hosts"])
    else:
        session.emit_json({"hosts": data["hosts"]})


@hosts.command("show")
@click.argument("mac")
@_vlan
@click.pass_obj
def show_host(session: Session, mac: str, vlan: int | None) -> None:
    """Show where the host MAC is, or the one of that IP address.

    Example: horizonctl hosts show 00:00:00:00:00:01
    """
    data = session.client.get(_path(mac_of(mac, session.client)), vlan=vlan)
    if session.output == "table":
        show.hosts(session.console, [data])
    else:
        session.emit_json(data)


@hosts.command("pins")
@click.pass_obj
def list_pins(session: Session) -> None:
    """Show the pinned hosts.

    Example: horizonctl hosts pins
    """
    data = session.client.get(resource_path("v1", "topology", "pins"))
    if session.output == "table":
        show.hosts(session.console, data["pins"])
    else:
        session.emit_json(data)


@hosts.command()
@click.argument("mac")
@_vlan
@click.pass_obj
def forget(session: Session, mac: str, vlan: int | None) -> None:
    """Forget the host MAC, or the one of that IP address, until it is heard again.

    Example: horizonctl hosts forget 00:00:00:00:00:01
    """
    mac = mac_of(mac, session.client)
    session.client.delete(_path(mac), vlan=vlan)
    session.done(f"{mac} is forgotten", {"forgotten": mac})


@hosts.command()
@click.argument("mac")
@click.argument("dpid")
@click.argument("port")
@click.option("--ip", "ips", multiple=True, help="an address of the host; repeatable")
@_vlan
@click.pass_obj
def pin(
    session: Session, mac: str, dpid: str, port: str, ips: tuple[str, ...], vlan: int | None
) -> None:
    """Have the host MAC at PORT of DPID, a number or local, whoever says otherwise.

    Example: horizonctl hosts pin 00:00:00:00:00:01 1 3 --ip 10.0.0.1
    """
    mac = mac_of(mac, session.client)
    body = {"dpid": dpid_of(dpid, session.client), "port_no": port_of(port), "ips": list(ips)}
    data = session.client.put(_path(mac, "pin"), body, vlan=vlan)
    session.done(f"{mac} is at port {port} of {body['dpid']}", data)


@hosts.command()
@click.argument("mac")
@_vlan
@click.pass_obj
def unpin(session: Session, mac: str, vlan: int | None) -> None:
    """Let the host MAC move and age as others do.

    Example: horizonctl hosts unpin 00:00:00:00:00:01
    """
    mac = mac_of(mac, session.client)
    session.client.delete(_path(mac, "pin"), vlan=vlan)
    session.done(f"{mac} may move", {"unpinned": mac})


COMMANDS = (hosts,)


def _path(mac: str, *more: str) -> ResourcePath:
    return resource_path("v1", "topology", "hosts", mac, *more)
