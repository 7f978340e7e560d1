"""Table that ``xentop -b -f -n`` writes, read as it comes.

Rows are read from the right: a name may hold anything, blanks too. Names and numbers come from
guests and from other tools: whatever the text, the only error is HypervisorError. A row that is
none is left out with the interfaces below it, and logged: the other domains are told.
"""

from __future__ import annotations

import logging
import math
import re

from xen_bridge.errors import HypervisorError
from xen_bridge.protocol.documents.measures import DomainUsage, VirtualInterface

LOG = logging.getLogger(__name__)
COLUMNS = (
    *("NAME", "STATE", "CPU(sec)", "CPU(%)", "MEM(k)", "MEM(%)", "MAXMEM(k)", "MAXMEM(%)"),
    *("VCPUS", "NETS", "NETTX(k)", "NETRX(k)", "VBDS", "VBD_OO", "VBD_RD", "VBD_WR"),
    *("VBD_RSECT", "VBD_WSECT", "SSID"),
)

_COUNT = r"\d{1,20}"
_SHARE = r"-?(?:\d{1,20}(?:\.\d{1,9})?|nan|inf)"
# Of a disk that tells nothing.
_NONE = rf"{_COUNT}|-"
_FIELDS = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        *(r"[d-][s-][b-][c-][p-][r-]", _COUNT, _SHARE, _COUNT, _SHARE),
        *(rf"{_COUNT}|no limit", rf"{_SHARE}|n/a", _COUNT, _COUNT, _COUNT, _COUNT),
        *(_COUNT, _NONE, _NONE, _NONE, _NONE, _NONE, _COUNT),
    )
)
"""All columns but the name."""
_INTERFACE = re.compile(
    r"Net(\d{1,9}) RX: *(\d{1,20})bytes *(\d{1,20})pkts *(\d{1,20})err *(\d{1,20})drop"
    r" +TX: *(\d{1,20})bytes *(\d{1,20})pkts *(\d{1,20})err *(\d{1,20})drop *",
    re.ASCII,
)
MAX_LINE = 8192
MAX_LINES = 100_000
"""Of one table: more domains and interfaces than a host has."""
UNNAMED = "(unnamed)"
"""Of a domain that is being made or unmade."""


class XentopReader:
    """Reads tables: give it bytes with :meth:`feed`, and :meth:`end` when there are no more."""

    def __init__(self) -> None:
        self.begun = 0
        """Tables whose header was seen."""
        self._rest = b""
        self._lines = 0
        self._domains: list[tuple[_Row | None, list[VirtualInterface]]] = []
        """Of the table that is being read; None for a row that is none."""
        self._strange = ""
        self._finished: list[tuple[DomainUsage, ...]] = []

    def feed(self, data: bytes) -> None:
        """Read what was written since; raises HypervisorError for what is no such table."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._read(line)
        if len(self._rest) > MAX_LINE:
            raise HypervisorError("xentop wrote a line without end")

    def end(self) -> None:
        """Read what is left; the last table is finished, and must be whole."""
        if self._rest:
            self._read(self._rest)
            if self._domains and self._domains[-1][0] is None:
                raise _strange(self._strange)
        self._rest = b""
        self._finish()

    def take(self) -> list[tuple[DomainUsage, ...]]:
        """Return the tables finished since the last call: the next has begun."""
        taken, self._finished = self._finished, []
        return taken

    def _read(self, raw: bytes) -> None:
        if len(raw) > MAX_LINE:
            raise HypervisorError("xentop wrote a line that is too long")
        line = raw.decode(errors="replace")
        if line.split() == list(COLUMNS):
            self._finish()
            self.begun += 1
            return
        self._lines += 1
        if not self.begun or self._lines > MAX_LINES:
            raise _strange(line)
        self._read_row(line)

    def _read_row(self, line: str) -> None:
        interface = _INTERFACE.fullmatch(line)
        if interface is not None and self._domains:
            self._domains[-1][1].append(VirtualInterface(*map(int, interface.groups())))
            return
        try:
            row = _row(line)
        except HypervisorError as error:
            if not self._strange:
                LOG.warning("a domain is left out: %s", error)
            row, self._strange = None, line
        self._domains.append((row, []))

    def _finish(self) -> None:
        if self.begun:
            found = [(row, vifs) for row, vifs in self._domains if row is not None]
            if self._domains and not found:
                raise _strange(self._strange)
            self._finished.append(tuple(_usage(*domain) for domain in found))
        self._domains, self._lines = [], 0


_Row = tuple[str, list[str]]
"""The name, and the other columns."""


def _row(line: str) -> _Row:
    """Take a row apart from the right; "no limit", of memory, is the one value of two words."""
    count = len(_FIELDS)
    words = line.rsplit(maxsplit=count + 1)
    unlimited = words[-14:-12] == ["no", "limit"]
    words = line.rsplit(maxsplit=count + unlimited)
    if unlimited:
        words[-14:-12] = ["no limit"]
    name, fields = " ".join(words[:-count]), words[-count:]
    fits = (field.fullmatch(word) for field, word in zip(_FIELDS, fields, strict=False))
    if len(fields) != count or not all(fits):
        raise _strange(line)
    return name, fields


def _usage(row: _Row, interfaces: list[VirtualInterface]) -> DomainUsage:
    name, (_, seconds, cpu, memory, memory_share, _, _, vcpus, nets, *_) = row
    return DomainUsage(
        name=name.strip() or UNNAMED,
        cpu_time=int(seconds),
        cpu_percent=_share(cpu),
        memory=int(memory),
        memory_percent=_share(memory_share),
        vcpus=int(vcpus),
        interface_count=int(nets),
        interfaces=tuple(interfaces),
    )


def _share(text: str) -> float:
    """Return a percentage; xentop divides by zero, and by counters that were set back."""
    value = float(text)
    return value if math.isfinite(value) and value > 0 else 0.0


def _strange(line: str) -> HypervisorError:
    return HypervisorError(f"xentop wrote {line[:200]!r}")
