"""Moves of the lab's routers by REST, and what became of them, judged from outside."""

from __future__ import annotations

import re
from typing import Any

from tools.xen_path import HOSTS, ROUTER
from tools.xen_pilot import Pilot

MOVE_SECONDS = 900.0
"""Half a minute on an idle machine."""
MOVES = 3
"""How often a move is begun."""
TOO_SLOW = "is not running on destination host"
FINAL = ("done", "rolled_back", "failed", "refused")


# ---- outside


def runs_at(pilot: Pilot, name: str = ROUTER) -> dict[str, str]:
    """Return the state of a domain at each host that has one of that name, as Xen tells it.

    A copy that stands paused is one too.
    """
    found: dict[str, str] = {}
    for host in HOSTS:
        listed = pilot.lab.machine(host).run("xl list")
        row = re.search(rf"^{name}\s+\d+\s+\d+\s+\d+\s+(\S+)\s", listed, re.M)
        if row is not None:
            found[host] = row[1]
    return found


def defined_at(pilot: Pilot, name: str = ROUTER) -> list[str]:
    """Return the hosts whose libvirt knows a domain."""
    virsh = "virsh -c xen:///system list --all --name"
    return [host for host in HOSTS if name in pilot.lab.machine(host).run(virsh).split()]


def is_only_at(pilot: Pilot, host: str, name: str = ROUTER) -> bool:
    """Tell whether the router runs at a host, and is known to no other."""
    states = runs_at(pilot, name)
    return set(states) == {host} and "p" not in states[host] and defined_at(pilot, name) == [host]


# ---- by REST


def begin(pilot: Pilot, source: str, name: str = ROUTER, **body: Any) -> tuple[int, Any]:
    """Ask for a migration; return the status and the answer."""
    wanted = {"mode": "standard", **body}
    path = f"/xen/hosts/{source}/domains/{name}/migrations"
    return pilot.ask("POST", path, wanted)  # type: ignore[no-any-return]


def ended(pilot: Pilot, number: str) -> Any:
    """Return a migration at its end."""

    def look() -> Any:
        found = pilot.get(f"/migrations/{number}")
        return found if found["state"] in FINAL else None

    return pilot.wait(look, MOVE_SECONDS, f"migration {number} ends")


def until_moved(pilot: Pilot, source: str, target: str, name: str = ROUTER, **body: Any) -> Any:
    """Move a router and return how that ended, begun anew if the toolstack had too little time.

    libxl gives each script that connects an interface 40 s of the wall's clock, whatever a busy
    machine leaves of those to one that is emulated. The move is rolled back then, wholly.
    """
    for _ in range(MOVES):
        status, answer = begin(pilot, source, name, destination=target, **body)
        assert status == 202, answer
        told = ended(pilot, answer["id"])
        if told["state"] != "rolled_back" or TOO_SLOW not in told["problem"]:
            break
        assert is_only_at(pilot, source, name), (runs_at(pilot, name), defined_at(pilot, name))
        said = pilot.lab.machine(target).run("tail -n 20 /var/log/libvirt/libxl/libxl-driver.log")
        assert "because of timeout" in said, said
        print(f"{target} was too slow for its own toolstack: {told['problem']}")
    return told
