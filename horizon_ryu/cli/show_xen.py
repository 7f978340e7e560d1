"""Xen hosts and domains as people see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from horizon_ryu.cli.terminal import Terminal, styled
from horizon_ryu.cli.xen_parsing import is_name

UNKNOWN = "?"
OURS = "libvirt"
"""Origin of the domains that Horizon can change."""
_STATES = {"connected": "green", "running": "green", "away": "red", "crashed": "red"}


def hosts(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show hosts, one a row; under the table, why one is away."""
    table = _table("host", "state", "hypervisor", "scheduler", "CPUs", "free MB", "domains")
    for host in data["hosts"]:
        version = f"{host['hypervisor']} {host['version']}" if host["hypervisor"] else None
        table.add_row(
            host["name"],
            _state(host["state"]),
            _text(version),
            _text(host["scheduler"]),
            _text(host["cpus"]),
            _megabytes(host["free_memory_kb"]),
            _text(host["domains"]),
        )
    console.print(table)
    for host in data["hosts"]:
        console.print(f"{host['name']}: {host['url']} {host['reason']}", soft_wrap=True)
        if host.get("planes_problem"):
            why = f"separates no planes: {host['planes_problem']}"
            console.print(f"{host['name']}: {why}", soft_wrap=True)
        for router in host.get("silent_routers", ()):
            console.print(f"{host['name']}: the agent of {router} says nothing", soft_wrap=True)
    if not data["hosts"]:
        console.print(
            "No host is registered. Have xen-bridge run on one, and register it: "
            "horizonctl xen add NAME URL NODE_PK",
            soft_wrap=True,
        )


def added(console: Terminal, host: Mapping[str, Any]) -> None:
    """Show a host that was registered, and what to do if it does not answer."""
    hosts(console, {"hosts": [host]})
    if host["state"] != "connected":
        console.print(
            "It is registered and will be asked again. Is xen-bridge running there, and does it "
            "know this controller? 'horizonctl xen identity' tells the key to authorize."
        )


def domains(console: Terminal, data: Iterable[Mapping[str, Any]]) -> None:
    """Show domains, one a row; under the table, what is wrong with one.

    What its host cannot read is a question mark; a dash is what it has not.
    """
    rows = list(data)
    headers = ["domain", "id", "state", "MB", "vCPUs", "on CPUs", "weight", "cap", "CPU s"]
    has_foreign = any(domain["origin"] != OURS for domain in rows)
    has_networks = any(domain["network"] for domain in rows)
    headers += [*(["network"] if has_networks else []), *(["made by"] if has_foreign else [])]
    table = _table(*headers)
    for domain in rows:
        vcpus, scheduler = domain["vcpus"], domain["scheduler"]
        no_share = UNKNOWN if "scheduler" in domain["unknown"] else "-"
        table.add_row(
            domain["name"],
            _text(domain["id"]),
            _state(domain["state"]),
            _megabytes(domain["memory_kb"], UNKNOWN),
            f"{_text(vcpus['current'], UNKNOWN)}/{_text(vcpus['maximum'], UNKNOWN)}",
            " ".join(_cpus(cpus) for cpus in vcpus["affinity"]) or "-",
            _text(scheduler["weight"], no_share),
            _text(scheduler["cap"], no_share),
            UNKNOWN if domain["cpu_time_s"] is None else f"{domain['cpu_time_s']:.1f}",
            *([_text(domain["network"])] if has_networks else []),
            *([domain["origin"]] if has_foreign else []),
        )
    console.print(table)
    if has_foreign:
        console.print("What xl made can be looked at only: change it with xl, on its host.")
    for domain in rows:
        if "uuid" in domain and not is_name(domain["name"]):
            console.print(f"{domain['name']} is reached as {domain['uuid']}", soft_wrap=True)
        for problem in domain["problems"]:
            console.print(f"{domain['name']}: {problem}", soft_wrap=True)


def life_policy(console: Terminal, domain: Mapping[str, Any]) -> None:
    """Show what becomes of a domain when it reboots or crashes, and when its host starts."""
    if domain["origin"] != OURS or domain["id"] == 0:
        return
    starts = {True: "yes", False: "no", None: UNKNOWN}[domain["autostart"]]
    console.print(
        f"{domain['name']}: after a reboot {_text(domain['on_reboot'], UNKNOWN)}, after a crash "
        f"{_text(domain['on_crash'], UNKNOWN)}; starts with its host: {starts}",
        soft_wrap=True,
    )


def scheduling(console: Terminal, data: Iterable[Mapping[str, Any]]) -> None:
    """Show weight and cap, as xm sched-credit does."""
    table = _table("domain", "id", "scheduler", "weight", "cap")
    for one in data:
        scheduler = one["scheduler"]
        numbers = (scheduler["weight"], scheduler["cap"])
        kind = _text(scheduler["kind"], UNKNOWN)
        table.add_row(one["name"], str(one["id"]), kind, *map(_text, numbers))
    console.print(table)


def vcpus(console: Terminal, data: Iterable[Mapping[str, Any]]) -> None:
    """Show where vCPUs run, as xm vcpu-list does."""
    table = _table("domain", "id", "vCPU", "CPU", "state", "time s", "may run on")
    for one in data:
        table.add_row(
            one["domain"],
            str(one["id"]),
            str(one["vcpu"]),
            _text(one["cpu"]),
            one["state"],
            f"{one['time_s']:.1f}",
            _cpus(one["affinity"]),
        )
    console.print(table)


def devices(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show devices, and the queues of interfaces."""
    table = _table("device", "kind", "product", "driver", "interface", "functions", "given to")
    for one in data["devices"]:
        functions = f"{one['functions']}/{one['max_functions']}" if one["max_functions"] else "-"
        table.add_row(
            one["address"],
            one["kind"].replace("_", " "),
            f"{_text(one['vendor'], UNKNOWN)}:{_text(one['product'], UNKNOWN)}",
            _text(one["driver"]),
            _text(one["interface"]),
            functions,
            _text(one["domain"]),
        )
    console.print(table)
    for name in data["unknown"]:
        console.print(f"nobody can tell which devices {name} has", soft_wrap=True)
    if data["queues"]["maximum"] is not None:
        console.print(f"queues of a new interface: at most {data['queues']['maximum']}")


def _table(*headers: str) -> Table:
    table = Table(headers[0])
    # A name that is to be copied is never cut.
    table.columns[0].no_wrap = True
    for header in headers[1:]:
        table.add_column(header)
    return table


def _state(state: str) -> Text:
    return styled(state, _STATES.get(state, ""))


def _text(value: object, none: str = "-") -> str:
    return none if value is None else str(value)


def _megabytes(kilobytes: int | None, none: str = "-") -> str:
    return none if kilobytes is None else str(kilobytes // 1024)


def _cpus(numbers: Iterable[int]) -> str:
    """Return CPUs as ``0-2,5``."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans) or "-"
