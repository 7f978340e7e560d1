"""``horizonctl xen measures``: what the gatherers of a host or a router measure."""

from __future__ import annotations

from typing import Any

import click

from horizon_ryu.cli import show_measures
from horizon_ryu.cli.session import Session
from horizon_ryu.cli.xen_parsing import path_of

GATHERERS = ("xentop", "ifconfig", "memory", "latency")
MARGIN = 90.0
"""Seconds that an answer may take beyond its samples."""


@click.command("measures")
@click.argument("host")
@click.option("--domain", help="inside this virtual router, instead of the host itself")
@click.option("--xentop", is_flag=True, help="processor, memory and interfaces of all domains")
@click.option("--ifconfig", is_flag=True, help="interfaces")
@click.option("--memory", is_flag=True, help="memory in use")
@click.option("--latency", is_flag=True, help="round-trip times to neighbors")
@click.option("--iterations", type=click.IntRange(1, 1000), default=1, show_default=True)
@click.option("--interval", type=float, default=1.0, show_default=True, help="seconds")
@click.option("--pings", type=click.IntRange(1, 1000), default=4, show_default=True)
@click.option("--neighbor", "neighbors", multiple=True, help="whom to probe; else all known ones")
@click.pass_obj
def measure(session: Session, /, host: str, domain: str | None, **options: Any) -> None:
    """Measure a host, or a virtual router from inside; memory if nothing is chosen.

    Example: horizonctl xen measures xen1 --domain r1 --memory --ifconfig --iterations 3
    """
    body = _request(domain, options)
    path = path_of(host, "measures")
    seconds = options["iterations"] * options["interval"] + MARGIN
    if session.output == "xml":
        session.emit_xml(session.client.post_for_xml(path, body, seconds))
        return
    with session.console.status(_what(host, domain, body, options)):
        data = session.client.post(path, body, seconds)
    if session.output == "json":
        session.emit_json(data)
    else:
        show_measures.measures(session.console, data)


def _request(domain: str | None, options: dict[str, Any]) -> dict[str, Any]:
    chosen = [name for name in GATHERERS if options[name]] or ["memory"]
    sampling = {"iterations": options["iterations"], "interval": options["interval"]}
    gatherers: dict[str, Any] = {name: dict(sampling) for name in chosen}
    if "latency" in gatherers:
        gatherers["latency"] |= {
            "pings": options["pings"],
            "neighbors": list(options["neighbors"]),
        }
    body: dict[str, Any] = {"gatherers": gatherers}
    return body if domain is None else {**body, "domain": domain}


def _what(host: str, domain: str | None, body: dict[str, Any], options: dict[str, Any]) -> str:
    seconds = options["iterations"] * options["interval"]
    where = host if domain is None else f"{domain} on {host}"
    return f"{', '.join(body['gatherers'])} of {where}: about {seconds:.0f} s …"
