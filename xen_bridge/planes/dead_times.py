"""Dead times: after how long a silence the neighbors of a router take it, or it them, for gone.

What FRR tells of its protocols is read; each daemon that does not run has none. A router that
stands still for longer, in a migration say, loses these sessions, and with them its routes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xen_bridge.errors import BridgeError, RequestUnsupported
from xen_bridge.vtysh import NOT_RUNNING, Vtysh

MAX_TIMES = 256
MAX_PEER = 80
"""Characters of the name of a neighbor, or of an interface."""
BONDS = Path("/proc/thread-self/net/bonding")
LACP = {"fast": 3.0, "slow": 90.0}
"""Seconds of three lost LACPDUs (IEEE 802.1AX, 6.4.13)."""


@dataclass(frozen=True, slots=True)
class DeadTime:
    """A session of a protocol: with whom, and the seconds of silence that end it."""

    protocol: str
    peer: str
    seconds: float


@dataclass(frozen=True, slots=True)
class FoundDeadTimes:
    """Those of a router, the shortest first, and why some could not be read."""

    times: tuple[DeadTime, ...]
    unknown: tuple[str, ...] = ()


Row = Mapping[str, Any]


def _bfd(told: Any) -> Iterator[DeadTime]:
    """Read RFC 5880, 6.8.4: the multiplier of the silent side by the slower of both intervals."""
    for row in _rows(told):
        ways = (
            ("detect-multiplier", "transmit-interval", "remote-receive-interval"),
            ("remote-detect-multiplier", "remote-transmit-interval", "receive-interval"),
        )
        found = [
            _number(row, times) * max(_number(row, one), _number(row, other)) / 1000
            for times, one, other in ways
        ]
        if row.get("status") == "up" and min(found) > 0:
            yield DeadTime("BFD", _name(row.get("peer")), min(found))


def _ospf(told: Any) -> Iterator[DeadTime]:
    for name, row in _named(_inside(told, "interfaces")):
        if _number(row, "nbrCount"):
            yield DeadTime("OSPF", name, _number(row, "timerDeadSecs"))


def _ospf6(told: Any) -> Iterator[DeadTime]:
    for name, row in _named(told):
        yield DeadTime("OSPFv3", name, _number(row, "timerIntervalsConfigDead"))


def _bgp(told: Any) -> Iterator[DeadTime]:
    for name, row in _named(told):
        if row.get("bgpState") == "Established":
            yield DeadTime("BGP", name, _number(row, "bgpTimerHoldTimeMsecs") / 1000)


def _vrrp(told: Any) -> Iterator[DeadTime]:
    for row in _rows(told):
        for version in ("v4", "v6"):
            half = row.get(version)
            if isinstance(half, Mapping) and half.get("status") == "Master":
                name = f"{row.get('interface')} {row.get('vrid')}"
                yield DeadTime("VRRP", _name(name), _number(half, "masterDownInterval") / 1000)


QUESTIONS: Mapping[str, tuple[str, Callable[[Any], Iterable[DeadTime]]]] = {
    "BFD": ("show bfd peers json", _bfd),
    "OSPF": ("show ip ospf interface json", _ospf),
    "OSPFv3": ("show ipv6 ospf6 interface json", _ospf6),
    "BGP": ("show bgp neighbors json", _bgp),
    "VRRP": ("show vrrp json", _vrrp),
}


def read_answer(protocol: str, text: str) -> tuple[DeadTime, ...]:
    """Return what FRR's answer says. BridgeError if it is no answer.

    A daemon that does not run says so in words, and has no sessions.
    """
    if text.strip().endswith(NOT_RUNNING):
        return ()
    try:
        # What a daemon warns of stands before it.
        start = min(at for at in map(text.find, "[{") if at >= 0)
        found = tuple(QUESTIONS[protocol][1](json.loads(text[start:])))
    except (ValueError, RecursionError) as error:
        raise BridgeError(f"FRR tells nothing of {protocol}: {_name(text.strip())}") from error
    return tuple(one for one in found if one.seconds > 0)[:MAX_TIMES]


def read_bond(name: str, text: str) -> tuple[DeadTime, ...]:
    """Return what the kernel's file of a bond (/proc/net/bonding/…) says of LACP."""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() in ("lacp rate", "lacp active rate"):
            return tuple(
                DeadTime("LACP", _name(name), seconds)
                for rate, seconds in LACP.items()
                if value.strip() == rate
            )
    return ()


class DeadTimes:
    """Asks FRR, and the kernel for its bonds."""

    def __init__(self, vtysh: Vtysh) -> None:
        self._vtysh = vtysh

    def read(self) -> FoundDeadTimes:
        """Return the sessions of all protocols; without FRR of LACP only, and nothing unknown."""
        found = list(_bonds(BONDS))
        unknown: list[str] = []
        for protocol, (question, _) in QUESTIONS.items():
            try:
                found += read_answer(protocol, self._vtysh.ask(question))
            except RequestUnsupported:
                break
            except BridgeError as error:
                unknown.append(str(error))
        return FoundDeadTimes(shortest_first(found), tuple(unknown))


def _bonds(folder: Path) -> Iterator[DeadTime]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        with contextlib.suppress(OSError):
            yield from read_bond(path.name, path.read_text(encoding="utf-8", errors="replace"))


def shortest_first(times: Iterable[DeadTime]) -> tuple[DeadTime, ...]:
    """Return them in that order, at most MAX_TIMES."""
    return tuple(sorted(times, key=lambda one: one.seconds))[:MAX_TIMES]


def warning(times: Iterable[DeadTime], pause_s: float | None) -> str | None:
    """Return what is to be said of a router that stands still for ``pause_s``; None if nothing.

    None for ``pause_s``: nobody knows yet how long that will be.
    """
    told = shortest_first(times)
    if pause_s is None or not told or told[0].seconds > 2 * pause_s:
        return None
    ended = [one for one in told if one.seconds <= pause_s]
    first = told[0]
    says = f"{first.protocol} with {first.peer} ends after {first.seconds:g} s of silence"
    pause = f"the last migration stood still for {pause_s:.3g} s"
    if not ended:
        return f"{says}, and {pause}: that is close"
    return (
        f"{says}, but {pause}: {len(ended)} of {len(told)} sessions would end; raise their timers"
    )


# ---- what FRR tells, of any form


def _rows(told: Any) -> Iterator[Row]:
    yield from (row for row in (told if isinstance(told, list) else ()) if isinstance(row, Mapping))


def _named(told: Any) -> Iterator[tuple[str, Row]]:
    for name, row in (told if isinstance(told, Mapping) else {}).items():
        if isinstance(row, Mapping):
            yield _name(name), row


def _inside(told: Any, key: str) -> Any:
    return told.get(key) if isinstance(told, Mapping) else None


def _number(row: Row, key: str) -> float:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    return float(value) if 0 <= value < 1e9 else 0.0


def _name(value: Any) -> str:
    return "".join(one if one.isprintable() else "?" for one in str(value)[:MAX_PEER])
