"""Parsers of matches, actions, switches and ports as people write them on a command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import click

from horizon_ryu.cli.client import Client
from horizon_ryu.cli.resource_path import resource_path

_SHORT_DPID = re.compile(r"[0-9a-f]{1,16}")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,18}", re.ASCII)
_PORT = re.compile(r"([0-9a-f]{1,16}):([0-9]{1,9})", re.ASCII)
_PLAIN_ACTIONS = ("drop", "strip_vlan", "pop_vlan")


def match_of(texts: Iterable[str]) -> dict[str, int | str]:
    """Return the fields of ``dl_type=0x800,nw_dst=10.0.0.2`` and the like."""
    fields: dict[str, int | str] = {}
    for part in _parts(texts):
        name, equals, value = part.partition("=")
        if not equals or not name or not value:
            raise click.BadParameter(f"{part!r} is not FIELD=VALUE", param_hint="--match")
        fields[name] = _value(value)
    return fields


def actions_of(texts: Iterable[str]) -> list[dict[str, Any]]:
    """Return the actions of ``set_dl_vlan:10``, ``output:2``, ``enqueue:2:1``, ``drop``."""
    return [_action(text) for text in texts]


def dpids_of(text: str) -> list[str]:
    """Return the dpids in ``1,b`` or ``1|b``: hex digits, zeros in front may be left out."""
    return [dpid_of(part) for part in re.split(r"[|,]", text) if part]


def dpid_of(text: str) -> str:
    """Return a dpid with all its 16 digits."""
    lower = text.strip().lower()
    if not _SHORT_DPID.fullmatch(lower):
        raise click.BadParameter(f"{text!r} is not a dpid: up to 16 hex digits")
    return lower.zfill(16)


def end_of(text: str, client: Client) -> dict[str, Any]:
    """Return the port ``DPID:PORT``, or the one where the host of that IP or MAC address is."""
    port = _PORT.fullmatch(text.lower())
    if port is not None:
        return {"dpid": dpid_of(port[1]), "port_no": int(port[2])}
    for host in client.get(resource_path("v1", "topology"))["hosts"]:
        if text.lower() == host["mac"] or text in host["ips"]:
            return {"dpid": host["dpid"], "port_no": host["port_no"]}
    raise click.BadParameter(
        f"{text!r} is neither DPID:PORT nor the address of a known host; "
        "'horizonctl topology' shows them"
    )


def _parts(texts: Iterable[str]) -> list[str]:
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]


def _value(text: str) -> int | str:
    return int(text, 0 if text[:2].lower() == "0x" else 10) if _NUMBER.fullmatch(text) else text


def _action(text: str) -> dict[str, Any]:
    name, _, value = text.partition(":")
    if name in _PLAIN_ACTIONS and not value:
        return {name: True}
    if name == "enqueue":
        port, _, queue = value.partition(":")
        return {name: {"port_no": _value(port), "queue_id": _value(queue)}}
    if not value:
        raise click.BadParameter(f"{text!r} is not NAME:VALUE", param_hint="--action")
    return {name: _value(value)}
