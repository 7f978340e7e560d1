"""Listings of 500 switches with the whole bundle, and what the controller uses at rest.

At rest it stands beside Ryu's own discovery, its LLDP made as fast as ours, in the same run: that
probes the same ports, and neither polls nor audits. What counts is processor time of the
controller's own process, so others may run beside it; but only while every switch is connected and
the probes go at their pace, which a busy machine may not allow. It is measured again then, and the
row says so if that does not help.
Time of the event loop's thread per answer: when nothing changed since the last one, and when one
port did. A port that changes is one without a cable. Beside it stands what is allowed.
"""

from __future__ import annotations

import itertools
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from bench.controller import Controller
from bench.discovery import HOST_PORTS, LINK_PORTS, torus
from bench.served import connect, while_serving
from bench.table import Figure
from bench.watch_ryu import PERIOD
from horizon_ryu.settings import DiscoveryOptions
from horizon_ryu.wire.ofp13 import OFPT
from virtual_switch.load import LoadSwitch
from virtual_switch.load_network import LoadNetwork

SIZE = (20, 25)
REPEATED = 5
SETTLE_SECONDS = 25.0
REST_SECONDS = 20.0
TRIES = 4
FULL_PACE = 0.9
"""Part of the probes due without which a controller at rest has not done its work."""
PUBLISHED_SECONDS = 0.5
MOST_MS = 10.0
"""Of the event loop, for an answer of which nothing changed."""
MOST_AT_REST = 11.0
"""Percent of a processor, where version c76a624 uses 22 and a49bb17 used 30."""
SETTINGS = "[stats]\novsdb = \n"


class KeepingSwitch(LoadSwitch):
    """Keeps the entries that it is told: audits find everything as it should be."""

    def _take(self, message: bytes) -> None:
        if message[1] == OFPT.FLOW_MOD:
            self.answer(message)
        else:
            super()._take(message)


class Listing(NamedTuple):
    """A resource, in one of its representations."""

    path: str
    media_type: str = "application/json"
    encoding: str = "identity"

    def __str__(self) -> str:
        kind = self.media_type.rpartition("/")[2]
        return f"{self.path} {kind}{'' if self.encoding == 'identity' else ' ' + self.encoding}"


LISTINGS = (
    Listing("/v1/topology"),
    Listing("/v1/topology", encoding="gzip"),
    Listing("/v1/topology/links", "application/xml"),
    Listing("/v1/stats"),
    Listing("/v1/stats", encoding="gzip"),
    Listing("/v1/stats", "application/xml"),
    Listing("/v1/nodes"),
    Listing("/v1/spanning-tree"),
    Listing("/v1/flows"),
    Listing("/v1/openapi.json"),
)


class Bench:
    """A controller with the network that it lists."""

    def __init__(self, controller: Controller, network: LoadNetwork) -> None:
        self._controller = controller
        self._network = network
        self._up = itertools.cycle((False, True))

    def change(self) -> None:
        """Have one port change, and give the controller time to publish that."""
        self._network.switches[1].set_port(LINK_PORTS + 1, next(self._up))
        self._network.run_for(PUBLISHED_SECONDS)

    def hub_ms(self, listing: Listing) -> tuple[float, int]:
        """Return the milliseconds of the event loop that an answer takes, and its bytes."""
        before = self._answers()
        size = while_serving(self._network, lambda: self._download(listing), 60)
        self._network.run(lambda: self._answers() > before, time.monotonic() + 10)
        return float(self._controller.newest("hub_ms")), size

    def _answers(self) -> int:
        return sum("hub_ms" in reading for reading in self._controller.readings)

    def _download(self, listing: Listing) -> int:
        url = f"http://127.0.0.1:{self._controller.rest_port}{listing.path}"
        headers = {"Accept": listing.media_type, "Accept-Encoding": listing.encoding}
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as it:
            return len(it.read())


def figures() -> Iterator[Figure]:
    """Measure rest first, then each listing."""
    applications = ("horizon_ryu.bundle", "bench.watch_listings")
    with Controller(*applications, settings=SETTINGS) as controller:
        network = torus(*SIZE, KeepingSwitch)
        try:
            try:
                connect(controller, network, len(network.cables))
            except RuntimeError:
                # A busy machine does not let so many switches answer in time.
                yield Figure("at rest: CPU (NOT VALID: they do not stay connected)", "%", None)
                return
            rest = _at_rest(controller, network, FULL_PACE * DiscoveryOptions().total_rate)
            yield Figure(f"at rest: CPU{rest.doubt}", "%", rest.percent, MOST_AT_REST)
            yield Figure("at rest: probes", "/s", rest.probes)
            bench = Bench(controller, network)
            for listing in LISTINGS:
                yield from _told(bench, listing)
        finally:
            network.close()
    if rest.probes:
        ryus = _of_ryu(rest)
        share = ryus.percent * rest.probes / ryus.probes if ryus.probes else None
        yield Figure(f"at rest: CPU, beside Ryu's LLDP{ryus.doubt}", "%", rest.percent, share)


class Rest(NamedTuple):
    """What a controller did at rest; probes are counted per second.

    ``doubt`` is why that was not all of its work; empty if it was.
    """

    percent: float
    probes: float
    doubt: str = ""


def _at_rest(controller: Controller, network: LoadNetwork, least: float) -> Rest:
    """Measure until all switches were there, and so many probes a second; else the last time."""
    for _ in range(TRIES):
        # Those that were given up meanwhile come back.
        while_serving(network, partial(time.sleep, SETTLE_SECONDS), 120, controller.address)
        rest = _measured(controller, network)
        lost = sum(switch.closed for switch in network.switches.values())
        if not lost and rest.probes >= least:
            return rest
    here = len(network.switches) - lost
    said = f" (NOT VALID: {here} switches, {rest.probes:.0f} probes/s of {least:.0f})"
    return rest._replace(doubt=said)


def _measured(controller: Controller, network: LoadNetwork) -> Rest:
    network.probes.clear()
    cpu, start = controller.cpu_seconds(), time.monotonic()
    network.run_for(REST_SECONDS)
    passed = time.monotonic() - start
    percent = 100 * (controller.cpu_seconds() - cpu) / passed
    return Rest(percent, network.probes.total() / passed)


def _of_ryu(ours: Rest) -> Rest:
    """Return what Ryu's discovery does, its probes at our pace."""
    rows, columns = SIZE
    period = rows * columns * (LINK_PORTS + HOST_PORTS) / ours.probes
    pace = {PERIOD: f"{period:.4f}"}
    with Controller("--observe-links", "bench.watch_ryu", **pace) as controller:
        network = torus(rows, columns)
        try:
            network.connect(controller.address, time.monotonic() + 60)
            network.run(network.joined, time.monotonic() + 60)
            return _at_rest(controller, network, ours.probes / 2)
        finally:
            network.close()


def _told(bench: Bench, listing: Listing) -> Iterator[Figure]:
    first, _ = bench.hub_ms(listing)
    yield Figure(f"{listing}: the first time", "ms", first)
    again = [bench.hub_ms(listing) for _ in range(REPEATED)]
    yield Figure(f"{listing}: nothing changed", "ms", min(again)[0], MOST_MS)
    changed = []
    for _ in range(REPEATED):
        bench.change()
        changed.append(bench.hub_ms(listing)[0])
    yield Figure(f"{listing}: one port changed", "ms", min(changed))
    yield Figure(f"{listing}: answer", "kB", again[0][1] / 1000)
