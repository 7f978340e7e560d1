"""Parsers of matches, actions, switches and ports as people write them on a command line."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

import click

from horizon_client.switches import names as switch_names
from horizon_ryu.cli.asking import ControllerAsker, Failed, NobodyThere
from horizon_ryu.cli.resource_path import resource_path
from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.action_fields import PORT_NAMES
from horizon_ryu.core.flows.match_fields import PROTOCOLS
from horizon_ryu.core.flows.spelling import canonical
from horizon_ryu.core.identifiers import DPID_GIVEN, dpid_given, dpid_to_text

_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,18}", re.ASCII)
_PORT_NO = "[0-9]{1,10}|[Ll][Oo][Cc][Aa][Ll]"
_PORT = re.compile(rf"({DPID_GIVEN}):({_PORT_NO})", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,31}", re.ASCII)
_NAMED_PORT = re.compile(rf"({_NAME.pattern}):({_PORT_NO})", re.ASCII)
_MAC = re.compile(
    r"[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(\1[0-9A-Fa-f]{2}){4}|([0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"
)
_NAME_AND_VALUE = re.compile("[:=]")
_PLAIN_ACTIONS = ("drop", "strip_vlan", "pop_vlan", "dec_nw_ttl", "dec_ttl", "dec_mpls_ttl")


def match_of(texts: Iterable[str]) -> dict[str, int | str | bool]:
    """Return the fields of ``dl_type=0x800,nw_dst=10.0.0.2``, ``tcp,tp_dst=80`` and the like."""
    fields: dict[str, int | str | bool] = {}
    for part in _parts(texts):
        if canonical(part, is_ipv6=False) in PROTOCOLS:
            fields[part] = True
            continue
        name, equals, value = part.partition("=")
        if not equals or not name or not value:
            raise click.BadParameter(f"{part!r} is not FIELD=VALUE", param_hint="--match")
        fields[name] = _value(value)
    return fields


def actions_of(texts: Iterable[str]) -> list[dict[str, Any]]:
    """Return the actions of ``set_dl_vlan:10``, ``output:2``, ``enqueue:2:1``, ``drop``.

    Separated by commas or given one by one; a port's name alone is an output.
    """
    return [_action(text) for text in _parts(texts)]


def dpids_of(text: str, client: ControllerAsker | None = None) -> list[str]:
    """Return the dpids in ``1,b`` or ``1|b``, each as :func:`dpid_of` takes it."""
    return [dpid_of(part, client) for part in re.split(r"[|,]", text) if part]


def dpid_of(text: str, client: ControllerAsker | None = None) -> str:
    """Return a dpid with all its 16 digits, or that of the switch which has this name.

    Zeros in front may be left out. What reads as a dpid is no name; ``client`` knows names.
    """
    given = text.strip()
    try:
        return dpid_to_text(dpid_given(given))
    except InvalidInput as error:
        if client is not None and _NAME.fullmatch(given):
            for dpid, name in _names(client).items():
                if str(name).lower() == given.lower():
                    return dpid
        reason = f"{text!r} is not a dpid, up to 16 hex digits, nor the name of a switch"
        raise click.BadParameter(reason) from error


def _names(client: ControllerAsker) -> dict[str, Any]:
    """Return the names of switches, none where the controller knows no names."""
    try:
        found: dict[str, Any] = client.ask(switch_names().as_document()).get("names", {})
    except NobodyThere:
        raise
    except Failed:
        return {}
    return found


def port_of(text: str) -> int | str:
    """Return the number of a port, or ``local``."""
    if not re.fullmatch(_PORT_NO, text, re.ASCII):
        raise click.BadParameter(f"{text!r} is no port: a number, or local")
    return int(text) if text.isdecimal() else text.lower()


def end_of(text: str, client: ControllerAsker) -> dict[str, Any]:
    """Return the port ``DPID:PORT``, or the one where the host of that IP or MAC address is."""
    port = _PORT.fullmatch(text) or _NAMED_PORT.fullmatch(text)
    if port is not None:
        return {"dpid": dpid_of(port[1], client), "port_no": port_of(port[2])}
    wanted = _address(text)
    for host in client.get(resource_path("v1", "topology"))["hosts"]:
        if wanted == host["mac"] or wanted in host["ips"]:
            return {"dpid": host["dpid"], "port_no": host["port_no"]}
    raise click.BadParameter(
        f"{text!r} is neither DPID:PORT nor the address of a known host; "
        "'horizonctl topology' shows them"
    )


def mac_of(text: str, client: ControllerAsker) -> str:
    """Return a MAC address, or that of the host with this IP address."""
    if _MAC.fullmatch(text):
        return _address(text)
    wanted = _address(text)
    found = {
        host["mac"]
        for host in client.get(resource_path("v1", "topology"))["hosts"]
        if wanted in host["ips"]
    }
    if len(found) == 1:
        return str(found.pop())
    reason = "several hosts have that address: name" if found else "no host is known by that: give"
    raise click.BadParameter(f"{text!r}: {reason} a MAC address; 'horizonctl topology' shows them")


def _address(text: str) -> str:
    """Return an IP or MAC address in the form in which answers have it; other text as it is."""
    digits = re.sub(r"[:.-]", "", text)
    if _MAC.fullmatch(text):
        return ":".join(re.findall("..", digits.lower()))
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text


def _parts(texts: Iterable[str]) -> list[str]:
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]


def _value(text: str) -> int | str:
    return int(text, 0 if text[:2].lower() == "0x" else 10) if _NUMBER.fullmatch(text) else text


def _action(text: str) -> dict[str, Any]:
    if text.isdecimal():
        return {"output": int(text)}
    name, value = (
        _NAME_AND_VALUE.split(text, maxsplit=1) if ":" in text or "=" in text else (text, "")
    )
    if name.lower() in _PLAIN_ACTIONS and not value:
        return {name: True}
    if name.lower() in PORT_NAMES and not value:
        return {"output": name}
    if name.lower() == "enqueue":
        port, _, queue = value.partition(":")
        return {name: {"port_no": _value(port), "queue_id": _value(queue)}}
    if not value:
        raise click.BadParameter(
            f"{text!r} is not NAME:VALUE, as in output:2", param_hint="--action"
        )
    return {name: _value(value)}
