"""Tables that ``xl`` writes, read row by row: vCPUs, domains, and their shares.

Names come first and may hold anything, blanks too; so rows are read from what follows them. What
is no row is passed over: whatever ``xl`` writes, reading it ends, and raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from xen_bridge.protocol.documents.domains import MAX_CPUS, State, VcpuAssignment

MAX_LINE = 32_768
"""Characters of a row: the affinity of a vCPU, twice, has every other of all CPUs at most."""
# Bounded, for a row that is none must not be tried in all its ways.
_NAME, _GAP = r"(?P<name>\S.{0,1023}?)", r"\s{1,400}"
_VCPU = re.compile(
    rf"{_NAME}{_GAP}(?P<id>\d{{1,5}}){_GAP}(?P<vcpu>\d{{1,5}}){_GAP}(?P<cpu>\d{{1,5}}|-){_GAP}"
    rf"(?P<state>\S{{3}}){_GAP}(?P<time>\d{{1,15}}(\.\d{{1,9}})?){_GAP}"
    r"(?P<hard>any cpu|\S+)\s*(/\s*(?P<soft>any cpu|\S+))?\s*",
    re.ASCII,
)
_DOMAIN = re.compile(
    rf"{_NAME}{_GAP}(?P<id>\d{{1,5}}){_GAP}(?P<mb>\d{{1,12}}){_GAP}(?P<vcpus>\d{{1,5}}){_GAP}"
    rf"(?P<state>[r-][b-][p-][s-][c-][d-]){_GAP}(?P<time>\d{{1,15}}(\.\d{{1,9}})?){_GAP}"
    r"(?P<uuid>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(\s.*)?",
    re.ASCII,
)
_SHARE = re.compile(
    rf"{_NAME}{_GAP}(?P<id>\d{{1,5}}){_GAP}(?P<weight>\d{{1,5}}){_GAP}(?P<cap>\d{{1,7}})\s*",
    re.ASCII,
)
_PCI = re.compile(
    r"[0-9a-f]{2}\.[0-9a-f]{1,2}\s+(?P<address>[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\s*",
    re.ASCII,
)
_CPUS = re.compile(r"(?P<first>\d{1,5})(-(?P<last>\d{1,5}))?", re.ASCII)
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


def _lines(text: str) -> Iterator[str]:
    """Yield the lines that may be rows. A name may hold what else Python takes for a line's end."""
    return (line.rstrip("\r") for line in text.split("\n") if len(line) <= MAX_LINE)


def read_list(text: str) -> Iterator[ListedDomain]:
    """Yield the domains of ``xl list -v``, but those that are just coming or going."""
    for line in _lines(text):
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
    rows = filter(None, map(_SHARE.fullmatch, _lines(text)))
    return {int(row["id"]): (int(row["weight"]), int(row["cap"])) for row in rows}


def read_pci_list(text: str) -> tuple[str, ...]:
    """Return the addresses of the devices that a domain has, of ``xl pci-list``."""
    rows = filter(None, map(_PCI.fullmatch, _lines(text)))
    return tuple(row["address"] for row in rows)


def read_vcpu_list(text: str, cpus: int) -> Iterator[VcpuAssignment]:
    """Yield the rows that ``xl vcpu-list`` writes."""
    for line in _lines(text):
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

    Xen before 4.5 writes ``any cpu`` for all. Of a list every number is kept that a message can
    carry: CPUs are not 0 to n-1 everywhere.
    """
    if text in ("all", "any", "any cpu"):
        return tuple(range(cpus))
    found: set[int] = set()
    for span in filter(None, map(_CPUS.fullmatch, text.split(","))):
        last = int(span["last"] or span["first"])
        found.update(range(int(span["first"]), min(last, MAX_CPUS) + 1))
    return tuple(sorted(found))
