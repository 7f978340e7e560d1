"""A lab with flows: asks for them over REST, and looks for them on the switches themselves."""

from __future__ import annotations

import json
import re
import time
import urllib.error
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import websocket

from tools.lab import QUICK, Cable, Lab
from tools.traffic import SMALL_PACKET, TrafficRoute, roomy_queues

OWN = 0x485A04
"""The highest 24 bits of the Flow Manager's cookies."""
HORIZON = 0x485A
"""The highest 16 bits of the cookies of all our applications."""
SHORT_DRAIN = """
[flow_migration]
drain = 0.05
"""
"""Long enough for a network on one machine; the default is for real ones."""
_COOKIE = re.compile(r"cookie=0x([0-9a-f]+)")
_DEFAULT_PRIORITY = "32768"
"""Which ovs-ofctl does not write."""
_FIELD = re.compile(r"in_port=(\d+)")
_NO_EVENT_YET = 10**14
_OUTPUT = re.compile(r"output:(\d+)|enqueue:(\d+)|\b(IN_PORT)\b")

Passage = tuple[int, int, int]
"""A dpid, the port where frames come in, the port where they leave."""


@dataclass(frozen=True)
class Entry:
    """A flow entry as the switch itself has it; ``match`` and ``actions`` as ovs-ofctl writes."""

    dpid: int
    cookie: int
    priority: int
    match: str
    actions: str

    @property
    def is_ours(self) -> bool:
        """Tell whether its cookie is one of the Flow Manager's."""
        return self.cookie >> 40 == OWN

    @property
    def passage(self) -> Passage:
        """Return where frames come in and leave; port 0 for what is not said."""
        came, left = _FIELD.search(self.match), _OUTPUT.search(self.actions)
        in_port = int(came[1]) if came else 0
        if left is None:
            return self.dpid, in_port, 0
        return self.dpid, in_port, in_port if left[3] else int(left[1] or left[2])


def parse_entry(dpid: int, line: str) -> Entry:
    """Return the entry in a line of ``ovs-ofctl dump-flows``; ValueError if there is none."""
    head, _, actions = line.strip().rpartition(" actions=")
    cookie = _COOKIE.search(head)
    if cookie is None:
        raise ValueError(f"not a flow entry: {line!r}")
    match = head.rpartition(" ")[2].split(",")
    priority = next((part[9:] for part in match if part.startswith("priority=")), _DEFAULT_PRIORITY)
    fields = ",".join(part for part in match if not part.startswith("priority="))
    return Entry(dpid, int(cookie[1], 16), int(priority), fields, actions)


@dataclass(frozen=True)
class RefusedRequest:
    """An answer of 4xx or 5xx and its problem document."""

    status: int
    problem: Mapping[str, Any]


class FlowLab(Lab):
    """A lab whose switches are called by the letters of the report's figures."""

    def __init__(
        self,
        folder: Path,
        config: str = SHORT_DRAIN,
        apps: tuple[str, ...] = ("horizon_ryu.bundle",),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(folder, QUICK + config, apps, environment)
        self._limited: set[int] = set()
        self._foreign: set[tuple[int, int]] = set()
        self._heard = 0

    def stage(self, name: str, versions: tuple[str, ...], **arguments: Any) -> None:
        """Start everything, with hosts that talk and know each other's MAC for good."""
        with roomy_queues():
            self.build(name, versions, **arguments)
        self.expect_true_topology()
        self.expect_no_loss()
        for one, other in permutations(self.graph.hosts, 2):
            self.pin_neighbor(one, other)
        self._foreign = self._foreign_cookies()

    def reset(self) -> None:
        """Have neither flows nor others' entries, full tables, hosts that talk, no old events."""
        for flow in self.ask("GET", "/v1/flows")["flows"]:
            self.ask("DELETE", f"/v1/flows/{flow['id']}")
        for dpid in tuple(self._limited):
            self.limit_entries(dpid, None)
        super().reset()
        for dpid, cookie in self._foreign_cookies() - self._foreign:
            self.network.ofctl(dpid, "del-flows", f"cookie={cookie:#x}/-1")
        self.expect_laid(set())
        if self._foreign_cookies() != self._foreign:
            raise AssertionError("there are entries of others that were not there at first")
        self.expect_no_loss()
        self._heard = self._newest_event()

    def restart_controller(self) -> None:
        """End the controller cleanly and start it again; events are counted anew."""
        super().restart_controller()
        self._heard = 0

    def _foreign_cookies(self) -> set[tuple[int, int]]:
        """Return the cookies that are none of Horizon's, with their switches."""
        entries = self.entries()
        return {(one.dpid, one.cookie) for one in entries if one.cookie >> 48 != HORIZON}

    # Names.

    def dpid(self, letter: str) -> int:
        """Return the dpid of the switch called ``letter``."""
        return self.graph.named(letter).dpid

    def dpids(self, letters: str) -> list[str]:
        """Return the dpids of the switches in ``letters``, as REST writes them."""
        return [f"{self.dpid(letter):016x}" for letter in letters]

    def cable(self, letters: str) -> Cable:
        """Return the cable between two switches."""
        one, other = (self.dpid(letter) for letter in letters)
        edge = self.graph.edges_between(one, other)[0]
        return frozenset({(edge.dpid, edge.port), (edge.peer_dpid, edge.peer_port)})

    def end(self, host: str) -> dict[str, Any]:
        """Return the port of a host, as REST writes it."""
        found = self.graph.host(host)
        return {"dpid": f"{found.dpid:016x}", "port_no": found.port}

    def passages(self, source: str, letters: str, target: str) -> set[Passage]:
        """Return where frames from host to host enter and leave the switches in ``letters``."""
        dpids = [self.dpid(letter) for letter in letters]
        ports = [self.graph.host(source).port]
        for one, other in pairwise(dpids):
            edge = self.graph.edges_between(one, other)[0]
            ends = [edge.port, edge.peer_port]
            ports += ends if edge.dpid == one else ends[::-1]
        ports.append(self.graph.host(target).port)
        return set(zip(dpids, ports[0::2], ports[1::2], strict=True))

    def route(
        self, source: str, target: str, packet: int = SMALL_PACKET, ports: int = 1
    ) -> TrafficRoute:
        """Return the way for test traffic from host to host."""
        hosts = self.graph.host(source), self.graph.host(target)
        return TrafficRoute(self.network, *hosts, packet, ports)

    # What is asked for.

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON answer, None for an empty one; AssertionError with what was wrong."""
        try:
            answer = self.controller.request(method, path, body)
        except urllib.error.HTTPError as error:
            words = error.read().decode(errors="replace")
            if error.code == HTTPStatus.INTERNAL_SERVER_ERROR:
                words += f"\n{self.controller.log()[-3000:]}"
            raise AssertionError(f"{method} {path}: {error.code} {words}") from None
        return json.loads(answer) if answer else None

    def refused(self, method: str, path: str, body: Any = None) -> RefusedRequest:
        """Return what refuses a request; AssertionError if nothing does."""
        try:
            answer = self.controller.request(method, path, body)
        except urllib.error.HTTPError as error:
            return RefusedRequest(error.code, json.loads(error.read()))
        raise AssertionError(f"{method} {path} was not refused: {answer[:500]!r}")

    def spec(self, source: str, target: str, letters: str = "", **more: Any) -> dict[str, Any]:
        """Return the request for a UDP flow between hosts; ``letters`` is its whole path."""
        match = {"dl_type": 2048, "nw_proto": 17, "nw_dst": f"{self.graph.host(target).ip}/32"}
        spec = {"match": match, "src": self.end(source), "dst": self.end(target), **more}
        return {**spec, "path": self.dpids(letters)} if letters else spec

    def make_flow(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Make a flow and return it."""
        flow: dict[str, Any] = self.ask("POST", "/v1/flows", spec)
        return flow

    def flow(self, number: str) -> dict[str, Any]:
        """Return a flow."""
        flow: dict[str, Any] = self.ask("GET", f"/v1/flows/{number}")
        return flow

    def migrate(self, number: str, letters: str, **more: Any) -> dict[str, Any]:
        """Migrate a flow through switches and return the migration."""
        body = {"flow": number, "dpids": "|".join(self.dpids(letters)), **more}
        migration: dict[str, Any] = self.ask("POST", "/v1/migrations", body)
        return migration

    def migrations(self) -> list[dict[str, Any]]:
        """Return all migrations that Horizon remembers."""
        migrations: list[dict[str, Any]] = self.ask("GET", "/v1/migrations")["migrations"]
        return migrations

    def wait_for_event(self, kind: str, seconds: float = 30.0, **data: Any) -> dict[str, Any]:
        """Return the data of the first event of ``kind`` that has ``data`` in it.

        It may have been told already: since ``reset``, or else since the controller started.
        """
        deadline = time.monotonic() + seconds
        events = self._events(f"since={self._heard}&kinds={kind}", seconds)
        try:
            with suppress(websocket.WebSocketTimeoutException):
                while (left := deadline - time.monotonic()) > 0:
                    events.settimeout(left)
                    event = json.loads(events.recv())
                    found: dict[str, Any] = event["data"]
                    if event["kind"] == kind and data.items() <= found.items():
                        return found
        finally:
            events.close()
        raise AssertionError(f"no event {kind} with {data} within {seconds:g} s")

    def _newest_event(self) -> int:
        """Return the number of the newest event, which is told to whoever asks for a later one."""
        events = self._events(f"since={_NO_EVENT_YET}", 30.0)
        try:
            return int(json.loads(events.recv())["data"]["newest"])
        finally:
            events.close()

    def _events(self, query: str, seconds: float) -> websocket.WebSocket:
        url = f"ws://127.0.0.1:{self.controller.rest_port}/v1/events?{query}"
        return websocket.create_connection(url, timeout=seconds)

    # What is on the switches.

    def entries(self) -> list[Entry]:
        """Return all flow entries of all running switches."""
        live = [dpid for dpid in self.switches() if dpid not in self._stopped]
        return [parse_entry(dpid, line) for dpid in live for line in self.network.flows(dpid)]

    def own_entries(self) -> list[Entry]:
        """Return the entries of the Flow Manager."""
        return [entry for entry in self.entries() if entry.is_ours]

    def laid(self) -> list[Passage]:
        """Return where the Flow Manager's entries take frames in and send them out, in order."""
        return sorted(entry.passage for entry in self.own_entries())

    def expect_laid(self, passages: set[Passage], seconds: float = 10.0) -> None:
        """Wait until the Flow Manager's entries are exactly those of ``passages``."""
        wanted = sorted(passages)
        try:
            self.wait_until(lambda: self.laid() == wanted, seconds, f"entries are {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}; they are {self.laid()}") from None

    def limit_entries(self, dpid: int, limit: int | None) -> None:
        """Have a switch refuse more than ``limit`` entries in table 0; None: take any number."""
        if limit is None:
            self._limited.discard(dpid)
        else:
            self._limited.add(dpid)
        self.network.limit_entries(dpid, limit)
