"""Tables that ``xl`` writes, read row by row: vCPUs, domains, and their shares.

Names come first and may hold anything, blanks too; so rows are read from what follows them. What
is no row is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from xen_bridge.protocol.documents.domains import MAX_CPUS, State, VcpuAssignment

_VCPU = re.compile(
    r"(?P<name>\S.*?)\s+(?P<id>\d+)\s+(?P<vcpu>\d+)\s+(?P<cpu>\d+|-)\s+(?P<state>\S{3})"
    r"\s+(?P<time>\d+(\.\d+)?)\s+(?P<hard>\S+)\s*(/\s*(?P<soft>\S+))?\s*"
)
_DOMAIN = re.compile(
    r"(?P<name>\S.*?)\s+(?P<id>\d{1,5})\s+(?P<mb>\d{1,12})\s+(?P<vcpus>\d{1,5})"
    r"\s+(?P<state>[r-][b-][p-][s-][c-][d-])\s+(?P<time>\d{1,15}(\.\d+)?)"
    r"\s+(?P<uuid>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(\s.*)?",
    re.ASCII,
)
_SHARE = re.compile(
    r"\S.*?\s+(?P<id>\d{1,5})\s+(?P<weight>\d{1,5})\s+(?P<cap>\d{1,7})\s*", re.ASCII
)
_STATES: tuple[tuple[str, State], ...] = (("c", "crashed"), ("s", "shutdown"), ("p", "paused"))
NAMELESS = "(null)"
"""Of a domain that is being made or unmade."""


@dataclass(frozen=True, slots=True)
class ListedDomain:
    """A running domain as ``xl list -v`` tells of it."""

    name: str
    id: int
    uuid: str
    state: State
    memory_kb: int
    vcpus: int
    time_s: float


def read_list(text: str) -> Iterator[ListedDomain]:
    """Yield the domains of ``xl list -v``, but those that are just coming or going."""
    for line in text.splitlines():
        row = _DOMAIN.fullmatch(line)
        if row is None or row["name"] == NAMELESS or "d" in row["state"]:
            continue
        yield ListedDomain(
            name=row["name"],
            id=int(row["id"]),
            uuid=row["uuid"],
            state=next((state for letter, state in _STATES if letter in row["state"]), "running"),
            memory_kb=int(row["mb"]) * 1024,
            vcpus=int(row["vcpus"]),
            time_s=float(row["time"]),
        )


def read_shares(text: str) -> dict[int, tuple[int, int]]:
    """Return weight and cap by the domains' ids, of ``xl sched-credit`` or ``sched-credit2``."""
    rows = filter(None, map(_SHARE.fullmatch, text.splitlines()))
    return {int(row["id"]): (int(row["weight"]), int(row["cap"])) for row in rows}


def read_vcpu_list(text: str, cpus: int) -> Iterator[VcpuAssignment]:
    """Yield the rows that ``xl vcpu-list`` writes."""
    for line in text.splitlines():
        row = _VCPU.fullmatch(line)
        if row is not None:
            yield VcpuAssignment(
                domain=row["name"],
                id=int(row["id"]),
                vcpu=int(row["vcpu"]),
                cpu=None if row["cpu"] == "-" else int(row["cpu"]),
                state=row["state"],
                time_s=float(row["time"]),
                affinity=read_cpu_list(row["hard"], cpus),
            )


def read_cpu_list(text: str, cpus: int) -> tuple[int, ...]:
    """Return the CPUs of ``all``, which are ``cpus``, of ``none``, or of a list as ``0-2,5``.

    Of a list every number is kept that a message can carry: CPUs are not 0 to n-1 everywhere.
    """
    if text in ("all", "any"):
        return tuple(range(cpus))
    found: set[int] = set()
    for item in text.split(","):
        first, _, last = item.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            found.update(range(int(first), min(int(last or first), MAX_CPUS) + 1))
    return tuple(sorted(found))
