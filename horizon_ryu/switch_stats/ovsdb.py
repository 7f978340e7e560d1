"""CPU and memory of Open vSwitch, from its database where that can be reached.

Open vSwitch writes them into the column ``statistics`` when told to:
``ovs-vsctl set Open_vSwitch . other_config:enable-statistics=true`` (ovs-vswitchd.conf.db(5)).
"""

from __future__ import annotations

import errno
import json
import os
import re
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import ovs.json
import ovs.jsonrpc
import ovs.poller
import ovs.stream

from horizon_ryu.switch_stats.node_measures import NO_LOAD, SwitchLoad

INTERVAL = 5.0
"""Seconds between two questions: Open vSwitch writes its statistics that often."""
DEADLINE_MS = 2000
MAX_ANSWER = 4 << 20
"""Characters of an answer; a bridge has forty."""
_CHUNK = 65_536
_NO_BLANK = re.compile(r"\S")
_DAEMON = "process_ovs-vswitchd"
_QUERY = [
    "Open_vSwitch",
    {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["statistics"]},
    {"op": "select", "table": "Bridge", "where": [], "columns": ["datapath_id"]},
]


class Process(NamedTuple):
    """What is told of the daemon: resident KiB of so many in all, and milliseconds of CPU time."""

    resident_kb: int
    memory_kb: int
    cpu_ms: int


class OvsdbSnapshot(NamedTuple):
    """One answer; ``process`` None where statistics are not enabled."""

    at: float
    dpids: frozenset[int]
    process: Process | None


class OvsLoad:
    """Knows the load of the Open vSwitch that is behind a dpid, if its database is here."""

    def __init__(
        self,
        remote: str,
        clock: Callable[[], float] = time.monotonic,
        ask: Callable[[str], Any] | None = None,
    ) -> None:
        """``remote`` as of ovs-vsctl: ``unix:PATH``, ``tcp:HOST:PORT``; empty: nowhere.

        ``ask`` is :func:`read`, in a thread where it must hold up nobody.
        """
        self._remote = remote
        self._clock = clock
        self._ask = ask or read
        self._last: OvsdbSnapshot | None = None
        self._load = NO_LOAD

    def load(self, dpid: int) -> SwitchLoad:
        """Return the load as it was last read."""
        known = self._last is not None and dpid in self._last.dpids
        return self._load if known else NO_LOAD

    def renew(self) -> None:
        """Ask the database; waits for a few seconds at most."""
        answer = self._ask(self._remote) if self._remote else None
        before, self._last = self._last, snapshot(answer, self._clock())
        self._load = load_between(before, self._last)


def load_between(before: OvsdbSnapshot | None, after: OvsdbSnapshot) -> SwitchLoad:
    """Return the load at the later of two moments; its CPU share needs both."""
    process = after.process
    if process is None:
        return NO_LOAD
    memory = 100 * process.resident_kb / process.memory_kb if process.memory_kb > 0 else None
    cpu = None
    if before is not None and before.process is not None and after.at > before.at:
        spent = process.cpu_ms - before.process.cpu_ms
        # Statistics are renewed every 5 s: the same value twice tells nothing new; a smaller one
        # is that of a daemon that was started again.
        cpu = spent / (after.at - before.at) / 10 if spent >= 0 else None
    return SwitchLoad(cpu, memory)


def snapshot(answer: Any, now: float) -> OvsdbSnapshot:
    """Return what an answer of the database says; nothing for one that is malformed."""
    try:
        statistics = dict(answer[0]["rows"][0]["statistics"][1])
        dpids = frozenset(
            int(row["datapath_id"], 16)
            for row in answer[1]["rows"]
            if isinstance(row["datapath_id"], str)
        )
    except (IndexError, KeyError, TypeError, ValueError):
        # Whoever answers there may say anything.
        return OvsdbSnapshot(now, frozenset(), None)
    return OvsdbSnapshot(now, dpids, _process(statistics))


def _process(statistics: Mapping[str, str]) -> Process | None:
    """Return the daemon's figures: virtual KiB, resident KiB, CPU ms, crashes, ages."""
    try:
        _, resident, cpu_ms = statistics[_DAEMON].split(",")[:3]
        memory_kb = int(statistics["memory"].split(",")[0])
        return Process(int(resident), memory_kb, int(cpu_ms))
    except (AttributeError, KeyError, ValueError):
        return None


def read(remote: str) -> Any:
    """Return the answer of the database, None if there is none in time; blocks as long."""
    if remote.startswith("unix:") and not os.path.exists(remote.removeprefix("unix:")):
        return None
    deadline = time.monotonic() + DEADLINE_MS / 1000
    error, stream = ovs.stream.Stream.open_block(
        ovs.stream.Stream.open(remote), timeout=DEADLINE_MS
    )
    if error:
        return None
    request = ovs.jsonrpc.Message.create_request("transact", _QUERY)
    try:
        # In one piece: it has a few hundred bytes, and nothing was sent before.
        stream.send(ovs.json.to_string(request.to_json()).encode())
        return _result(_received(stream, deadline), request.id)
    finally:
        stream.close()


def _received(stream: Any, deadline: float) -> Iterator[str]:
    """Yield all that has come, whenever there is more, until ``deadline`` (monotonic).

    The library's own loop waits for ever for a database that says nothing, or has no end.
    """
    text, decoder = "", getincrementaldecoder("utf-8")("replace")
    while len(text) <= MAX_ANSWER and (left := deadline - time.monotonic()) > 0:
        error, data = stream.recv(_CHUNK)
        if error == errno.EAGAIN:
            poller = ovs.poller.Poller()
            stream.run()
            stream.recv_wait(poller)
            poller.timer_wait(1 + int(1000 * left))
            poller.block()
        elif error or not data:
            return
        else:
            text += decoder.decode(data)
            yield text


def _result(received: Iterable[str], request_id: Any) -> Any:
    """Return what answers the request; None if nothing does. It may ask something itself."""
    decoder, at = json.JSONDecoder(), 0
    for text in received:
        while start := _NO_BLANK.search(text, at):
            try:
                message, at = decoder.raw_decode(text, start.start())
            except (ValueError, RecursionError):
                # The end of it has not come yet.
                break
            if isinstance(message, dict) and message.get("id") == request_id:
                return message.get("result")
    return None
