"""Options that describe a slice on the command line, and what a request says for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from horizon_ryu.cli.asking import ControllerAsker
from horizon_ryu.cli.parsing import dpid_of

_Function = TypeVar("_Function", bound=Callable[..., Any])
_LISTS = ("dpids", "ports", "queues")
_OF_THE_RULE = (*_LISTS, "priority", "permissions", "force_queue", "within")
RULE_HELP = 'FIELD=VALUE with blanks between: "ports=1,5-8 dl_vlan=10-20,30 permissions=rw"'
NO_LIMIT = "none"
_OPTIONS = (
    click.option(
        "--controller",
        "-c",
        "controllers",
        multiple=True,
        metavar="URL",
        help="tcp:HOST:PORT or tls:HOST:PORT, with ,monitor after it to look on; repeatable",
    ),
    click.option(
        "--limit",
        "limits",
        multiple=True,
        metavar="NAME=NUMBER",
        help="flow_entries, groups, meters, and messages, flow_mods, packet_ins _per_s; none "
        "as the number takes a limit away; repeatable",
    ),
    click.option(
        "--bandwidth",
        metavar="MODE=VALUE",
        help="vlan_pcp=3, ip_tos=32, queue=1, meter=KBPS, or none",
    ),
    click.option("--drop-policy", type=click.Choice(["exact", "rule"])),
    click.option("--expires", type=float, metavar="SECONDS", help="go by itself after that"),
    click.option("--contact", help="whom to ask about it"),
    click.option("--description", help="what it is for"),
    click.option("--enable/--disable", "enabled", default=None, help="serve its controllers"),
)


def slice_options(function: _Function) -> _Function:
    """Give a command the options that describe a slice."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def slice_in(options: dict[str, Any]) -> dict[str, Any]:
    """Return what the options say of a slice, as a request does; BadParameter."""
    body: dict[str, Any] = {
        name: options[name]
        for name in ("drop_policy", "contact", "description", "enabled")
        if options[name] is not None
    }
    if options["controllers"]:
        body["controllers"] = [_controller(text) for text in options["controllers"]]
    if options["limits"]:
        limits = dict(_pair(text, "--limit") for text in options["limits"])
        body["limits"] = {
            name: None if value == NO_LIMIT else value for name, value in limits.items()
        }
    if options["bandwidth"] is not None:
        body["bandwidth"] = _bandwidth(options["bandwidth"])
    if options["expires"] is not None:
        body["expires_s"] = options["expires"]
    return body


def _bandwidth(text: str) -> dict[str, str | None] | None:
    """Return the bandwidth that is meant; what other modes need is taken away."""
    if text == NO_LIMIT:
        return None
    mode, value = _pair(text, "--bandwidth")
    named = "rate_kbps" if mode == "meter" else "value"
    return {"mode": mode, "value": None, "rate_kbps": None, named: value}


def rule_of(text: str, client: ControllerAsker | None = None) -> dict[str, Any]:
    """Return the rule that a text is; BadParameter. ``client`` knows names of switches."""
    rule: dict[str, Any] = {}
    match: dict[str, Any] = {}
    for word in text.split():
        name, value = _pair(word, "RULE")
        values = value.split(",")
        place = rule if name in _OF_THE_RULE else match
        if name in place:
            raise click.BadParameter(f"{name} stands twice", param_hint="RULE")
        if name == "dpids" and value != "all":
            place[name] = [dpid_of(one, client) for one in values]
        elif name == "within":
            place[name] = int(value) if value.isdecimal() else value
        elif name in _LISTS and name != "dpids":
            place[name] = values
        else:
            place[name] = values if len(values) > 1 else value
    return {**rule, "match": match} if match else rule


def _controller(text: str) -> dict[str, str]:
    url, comma, role = text.partition(",")
    return {"url": url, "role": role} if comma else {"url": url}


def _pair(text: str, hint: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=hint)
    return name, value
