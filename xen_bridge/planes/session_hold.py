"""Session hold: BFD sessions of a router whose timers are raised before it stands still.

A session ends when either side hears nothing for its detection time (RFC 5880, 6.8.4). How long
the neighbor waits for the router follows from the router's multiplier, how long the router waits
for the neighbor from the interval at which it wants to hear it: both are the router's own to raise,
and the neighbor agrees by a poll sequence. OSPF's and BGP's timers are agreed on when a session
begins, and cannot be raised so.

What the timers were is kept in a file, so that they are put back by a later start of this program.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import math
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xen_bridge.atomic_write import forget_file, replace_file
from xen_bridge.errors import BridgeError, RequestConflict
from xen_bridge.planes.dead_times import QUESTIONS
from xen_bridge.vtysh import NOT_RUNNING, Vtysh

LOG = logging.getLogger(__name__)
FILE = "held-sessions.json"
MAX_SECONDS = 60.0
"""An interval of FRR's BFD may be that long."""
MARGIN_SECONDS = 60.0
"""After which timers are put back though nobody asked for it, beyond what they were raised to."""
MAX_MULTIPLIER = 255
MIN_MS, MAX_MS = 10, 60_000
MAX_SESSIONS = 256
QUESTION = QUESTIONS["BFD"][0]
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")


@dataclass(frozen=True, slots=True)
class BfdTimers:
    """A router's own: its multiplier, and in ms how often it sends and wants to hear."""

    multiplier: int
    transmit_ms: int
    receive_ms: int


@dataclass(frozen=True, slots=True)
class BfdSession:
    """A session that is up, by what FRR knows it by, and its timers on both sides."""

    peer: str
    local: str | None
    interface: str | None
    vrf: str | None
    multihop: bool
    own: BfdTimers
    remote: BfdTimers

    @property
    def identity(self) -> tuple[str, str | None, str | None, str | None, bool]:
        """What makes it another session."""
        return self.peer, self.local, self.interface, self.vrf, self.multihop


def sessions_of(text: str) -> tuple[BfdSession, ...]:
    """Return the sessions that are up, of FRR's ``show bfd peers json``.

    What cannot be named again safely is left out. BridgeError if it is no answer.
    """
    if text.strip().endswith(NOT_RUNNING):
        return ()
    try:
        told = json.loads(text[text.index("[") :])
    except (ValueError, RecursionError) as error:
        raise BridgeError("FRR does not tell its BFD sessions") from error
    rows = told if isinstance(told, list) else []
    found = (_session(row) for row in rows[:MAX_SESSIONS] if isinstance(row, Mapping))
    return tuple(one for one in found if one is not None)


def raised(session: BfdSession, seconds: float) -> BfdTimers:
    """Return timers by which a session outlasts ``seconds`` of silence of either side."""
    own, remote = session.own, session.remote
    wanted = math.ceil(1000 * seconds)
    transmit = own.transmit_ms
    if max(transmit, remote.receive_ms) * MAX_MULTIPLIER < wanted:
        transmit = math.ceil(wanted / MAX_MULTIPLIER)
    multiplier = math.ceil(wanted / max(transmit, remote.receive_ms)) + 1
    receive = math.ceil(wanted / max(remote.multiplier, 1))
    return BfdTimers(
        min(max(own.multiplier, multiplier), MAX_MULTIPLIER),
        min(transmit, MAX_MS),
        min(max(own.receive_ms, receive), MAX_MS),
    )


def lines(session: BfdSession, timers: BfdTimers) -> tuple[str, ...]:
    """Return what sets up a session of FRR so."""
    words = ["peer", session.peer]
    words += ["multihop"] if session.multihop else []
    words += ["local-address", session.local] if session.local else []
    words += ["interface", session.interface] if session.interface else []
    words += ["vrf", session.vrf] if session.vrf and session.vrf != "default" else []
    return (
        "bfd",
        " ".join(words),
        f"detect-multiplier {timers.multiplier}",
        f"transmit-interval {timers.transmit_ms}",
        f"receive-interval {timers.receive_ms}",
    )


class SessionHold:
    """Raises the timers of this router's BFD sessions, and puts them back. Any thread may call."""

    def __init__(self, file: Path, vtysh: Vtysh, clock: Callable[[], float]) -> None:
        self._file = file
        self._vtysh = vtysh
        self._clock = clock
        self._lock = threading.Lock()
        # What an earlier start left is put back at once: nobody knows for how long it is held.
        self._until = clock() if file.exists() else None

    def hold(self, seconds: float) -> tuple[str, ...]:
        """Let all sessions outlast ``seconds`` of silence; return their peers.

        They are put back by :meth:`release`, or MARGIN_SECONDS later. RequestConflict while they
        are held already. All of them, or none.
        """
        with self._lock:
            if self._until is not None:
                raise RequestConflict("the sessions are held already")
            told = self._vtysh.ask(QUESTION)
            sessions = sessions_of(told)
            if not sessions:
                return ()
            self._keep(told)
            self._until = self._clock() + seconds + MARGIN_SECONDS
            try:
                for one in sessions:
                    self._vtysh.configure(lines(one, raised(one, seconds)))
            except BridgeError:
                self._put_back()
                raise
            return tuple(one.peer for one in sessions)

    def release(self) -> tuple[str, ...]:
        """Put the timers back; return whose. Those of sessions that are gone are left alone."""
        with self._lock:
            return self._put_back() if self._until is not None else ()

    @property
    def holds(self) -> bool:
        """Whether there is anything to put back; does not block."""
        return self._until is not None

    def due(self) -> None:
        """Put them back if nobody did in time; called from time to time."""
        with self._lock:
            if self._until is None or self._clock() < self._until:
                return
            try:
                self._put_back()
            except BridgeError as error:
                self._until = self._clock() + MARGIN_SECONDS
                LOG.warning("the timers of BFD cannot be put back yet: %s", error)

    def _put_back(self) -> tuple[str, ...]:
        there = {one.identity for one in sessions_of(self._vtysh.ask(QUESTION))}
        done = []
        for one in self._kept():
            if one.identity in there:
                self._vtysh.configure(lines(one, one.own))
                done.append(one.peer)
        forget_file(self._file)
        self._until = None
        return tuple(done)

    def _keep(self, told: str) -> None:
        try:
            replace_file(self._file, told)
        except OSError as error:
            raise BridgeError(f"{self._file} cannot be written: {error.strerror}") from error

    def _kept(self) -> tuple[BfdSession, ...]:
        try:
            return sessions_of(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError, BridgeError) as error:
            LOG.warning("%s does not say which timers BFD had: %s", self._file, error)
            return ()


def _session(row: Mapping[str, Any]) -> BfdSession | None:
    peer, local = (_address(row.get(key)) for key in ("peer", "local"))
    interface, vrf = (_name(row.get(key)) for key in ("interface", "vrf"))
    own = _timers(row, "")
    remote = _timers(row, "remote-")
    if row.get("status") != "up" or peer is None or own is None or remote is None:
        return None
    return BfdSession(peer, local, interface, vrf, row.get("multihop") is True, own, remote)


def _address(value: Any) -> str | None:
    try:
        return None if not isinstance(value, str) or "%" in value else str(_parsed(value))
    except ValueError:
        return None


def _parsed(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(value)


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def _timers(row: Mapping[str, Any], prefix: str) -> BfdTimers | None:
    keys = ("detect-multiplier", "transmit-interval", "receive-interval")
    found = [row.get(prefix + key) for key in keys]
    numbers = [one for one in found if isinstance(one, int) and 0 < one <= 10 * MAX_MS]
    return BfdTimers(*numbers) if len(numbers) == len(keys) else None
