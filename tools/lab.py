"""One real network and one real controller, and what is expected of the two together.

The integration tests and the demonstration both work with it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from tools.controller_process import ControllerProcess, wait_until
from topologies.catalogue import build
from topologies.driver import LATEST_ANSWER, SYSTEM_PYTHON, MininetProcess
from topologies.graphs import Graph, GraphHost

PROBE = Path(__file__).with_name("broadcast_probe.py")
BROADCASTS = 10
IDLE_SECONDS = 1.5
"""Without a frame: then no second copy is on its way."""
_GENERATION = re.compile(r"cookie=0x485a0[1-35-9]00([0-9a-f]{8})")
QUICK = """
[spanning_tree]
port_hold_time = 3
"""
"""A hold time that tests can wait for; the report's is 10 s."""

End = tuple[int, int]
Cable = frozenset[End]


@dataclass
class Pings:
    """What a ping that ran beside a test counted."""

    sent: int = 0
    lost: int = 0


class Lab:
    """Builds a network, breaks it on demand, and compares what Horizon says with the truth."""

    def __init__(
        self,
        folder: Path,
        config: str = QUICK,
        apps: tuple[str, ...] = ("horizon_ryu.bundle",),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.controller = ControllerProcess(folder, apps, config, environment)
        self._mininet: MininetProcess | None = None
        self._graph: Graph | None = None
        self._cut: set[Cable] = set()
        self._stopped: set[int] = set()

    @property
    def network(self) -> MininetProcess:
        """The running network."""
        if self._mininet is None:
            raise RuntimeError("build() first")
        return self._mininet

    @property
    def graph(self) -> Graph:
        """What was cabled."""
        if self._graph is None:
            raise RuntimeError("build() first")
        return self._graph

    def close(self) -> None:
        """Take everything down, in whatever state it is."""
        try:
            if self._mininet is not None:
                self._mininet.close()
        finally:
            self.controller.stop()

    @property
    def openflow_port(self) -> int:
        """The port where switches find the controller, or who stands between."""
        return self.controller.openflow_port

    # What is done.

    def build(self, name: str, versions: tuple[str, ...], **arguments: Any) -> None:
        """Start everything and wait until every port is open or blocked for good."""
        self.start(name, versions, **arguments)
        self.expect_holds_over()

    def stage(self, name: str, versions: tuple[str, ...], **arguments: Any) -> None:
        """Build, and wait until it is what ``reset`` comes back to."""
        self.build(name, versions, **arguments)
        self.expect_true_topology()

    def reset(self) -> None:
        """Undo what was done since ``stage``; AssertionError if it does not come right."""
        for dpid in tuple(self._stopped):
            self._stopped.discard(dpid)
            self.network.start_switch(dpid)
        for cable in tuple(self._cut):
            self._cut.discard(cable)
            self.network.link_up(self._edge(cable))
        self.expect_true_topology()
        self.expect_tree_spans()
        self.expect_holds_over()

    def start(self, name: str, versions: tuple[str, ...], **arguments: Any) -> None:
        """Start the controller, then the network ``name``; versions go round the switches."""
        self.controller.start()
        self._graph = build(name, **arguments)
        rota = cycle(versions)
        self._mininet = MininetProcess(
            self._graph,
            [f"tcp:127.0.0.1:{self.openflow_port}"],
            versions={switch.dpid: [next(rota)] for switch in self._graph.switches},
        )
        self._mininet.start()

    def cut(self, cable: Cable) -> None:
        """Take both ends of a cable down."""
        self._cut.add(cable)
        self.network.link_down(self._edge(cable))

    def restore(self, cable: Cable) -> None:
        """Bring a cable up again, and wait until what is at its ends is decided."""
        self.plug(cable)
        self.expect_holds_over()

    def plug(self, cable: Cable) -> None:
        """Bring a cable up again."""
        self._cut.discard(cable)
        self.network.link_up(self._edge(cable))

    def stop_switch(self, dpid: int) -> None:
        """Take a switch away."""
        self._stopped.add(dpid)
        self.network.stop_switch(dpid)

    def start_switch(self, dpid: int) -> None:
        """Bring a stopped switch back."""
        self._stopped.discard(dpid)
        self.network.start_switch(dpid)
        self.expect_holds_over()

    def restart_controller(self) -> None:
        """End the controller cleanly and start it again on the same ports."""
        status = self.controller.stop()
        if status != 0:
            raise AssertionError(f"exit status {status}\n{self.controller.log()[-3000:]}")
        self.controller.start()

    def pin_neighbor(self, host: GraphHost, other: GraphHost) -> None:
        """Let a host know the MAC of another for good.

        One that asks for it again holds back its datagrams meanwhile, which is no loss of the
        network's.
        """
        words = ["ip", "neigh", "replace", other.ip, "lladdr", other.mac, "nud", "permanent"]
        ran = self.network.run(host.name, [*words, "dev", host.interface])
        if ran.status != 0:
            raise AssertionError(f"{host.name}: {ran.output}")

    # What is asked.

    def switches(self) -> list[int]:
        """Every dpid of the network, in order."""
        return [switch.dpid for switch in self.graph.switches]

    def tree_edge(self) -> Cable:
        """Return a cable that carries broadcasts just now."""
        links = self.controller.get("/v1/topology")["links"]
        link = next(link for link in links if link["in_tree"])
        return frozenset({_end(link["src"]), _end(link["dst"])})

    def cables_seen(self) -> set[Cable]:
        """Return the cables that Horizon sees in both directions."""
        return self._seen()[1]

    def switches_seen(self) -> set[int]:
        """Return the switches that Horizon sees."""
        return self._seen()[0]

    def log_tail(self) -> str:
        """Return the last lines of the controller's log."""
        return "\n".join(self.controller.log().splitlines()[-20:])

    @contextmanager
    def pinging(self) -> Iterator[Pings]:
        """Ping from the first host to the last, ten times a second, while the block runs."""
        first, last = self._live_hosts()[0], self._live_hosts()[-1]
        pings = Pings()
        job = self.network.spawn(first.name, ["ping", "-i", "0.1", "-W", "2", last.ip])
        try:
            yield pings
        finally:
            output = self.network.interrupt(job).output
            summary = next(line for line in output.splitlines() if "packets transmitted" in line)
            numbers = [int(word) for word in summary.replace(",", "").split() if word.isdigit()]
            pings.sent = numbers[0]
            # The last request may still have been on its way when ping was interrupted.
            pings.lost = max(0, numbers[0] - numbers[1] - 1)

    # What is expected: AssertionError says what was not so.

    def wait_until(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        """Return the first true value of ``condition``; AssertionError after ``seconds``.

        Those do not count for which the controller had no processor.
        """
        return wait_until(condition, seconds, what, self.controller.held_up)

    def expect_true_topology(self, seconds: float = 30.0) -> None:
        """Wait until switches and links are exactly what is cabled and running."""
        truth = self._true_cables()
        live = set(self.switches()) - self._stopped
        self.wait_until(lambda: self._seen() == (live, truth), seconds, "topology equals truth")

    def expect_tree_spans(self, seconds: float = 30.0) -> None:
        """Wait until one tree reaches every switch of the (connected) network."""
        live = len(self.switches()) - len(self._stopped)

        def spans() -> bool:
            links = self.controller.get("/v1/topology")["links"]
            return bool(sum(link["in_tree"] for link in links) == 2 * (live - 1))

        self.wait_until(spans, seconds, f"a tree of {live - 1} links")

    def expect_holds_over(self, seconds: float = 30.0) -> None:
        """Wait until no port is held any more and the tree is on the switches."""

        def settled() -> bool:
            tree = self.controller.get("/v1/spanning-tree")
            live = len(self.switches()) - len(self._stopped)
            known = sum(len(part["switches"]) for part in tree["trees"])
            return known == live and bool(tree["settled"])

        self.wait_until(settled, seconds, "holds over")

    def expect_entries_of_one_run(self, seconds: float = 30.0) -> None:
        """Wait until nothing that an earlier run of the controller installed is left."""

        def runs() -> set[str]:
            flows = [flow for dpid in self.switches() for flow in self.network.flows(dpid)]
            return {cookie for flow in flows for cookie in _GENERATION.findall(flow)}

        self.wait_until(lambda: len(runs()) == 1, seconds, "entries of one run only")

    def expect_no_loss(self, hosts: Sequence[GraphHost] = ()) -> None:
        """Every host (of these, if any are named) reaches every other, without one lost packet."""
        names = [host.name for host in hosts or self._live_hosts()]
        result = self.network.ping_all(names, LATEST_ANSWER)
        if result.lost:
            raise AssertionError(f"of {result.sent} pings these were lost: {result.lost}")

    def expect_each_broadcast_once(self, hosts: Sequence[GraphHost] = ()) -> None:
        """Broadcasts from each host (of these, if any) arrive at each other one exactly once."""
        hosts = hosts or self._live_hosts()
        expected = str((len(hosts) - 1) * BROADCASTS)
        jobs = {
            host.name: self._probe(host, "count", expected, str(IDLE_SECONDS)) for host in hosts
        }
        for job in jobs.values():
            self.network.wait_for_output(job, "listening", LATEST_ANSWER)
        for job in [self._probe(host, "send", str(BROADCASTS)) for host in hosts]:
            self.network.wait(job, 2 * LATEST_ANSWER)
        counted = {
            name: Counter(json.loads(self._counted(job).splitlines()[-1]))
            for name, job in jobs.items()
        }
        self._judge(counted, {host.name: host.mac for host in hosts})

    def _probe(self, host: GraphHost, verb: str, *words: str) -> int:
        command = [SYSTEM_PYTHON, str(PROBE), verb, host.interface, *words]
        return self.network.spawn(host.name, command)

    def _counted(self, job: int) -> str:
        return self.network.interrupt(job, 3 * LATEST_ANSWER).output

    def _judge(self, counted: dict[str, Counter[str]], macs: dict[str, str]) -> None:
        for name, heard in counted.items():
            wanted = {
                f"{mac}/{number}": 1
                for other, mac in macs.items()
                if other != name
                for number in range(BROADCASTS)
            }
            if heard != wanted:
                wrong = {key: heard[key] for key in heard | wanted if heard[key] != wanted.get(key)}
                raise AssertionError(f"{name} heard wrongly: {dict(list(wrong.items())[:10])}")

    def _live_hosts(self) -> list[GraphHost]:
        return [host for host in self.graph.hosts if host.dpid not in self._stopped]

    def _true_cables(self) -> set[Cable]:
        cables = {_cable(edge) for edge in self.graph.edges}
        dead = {cable for cable in cables if any(dpid in self._stopped for dpid, _ in cable)}
        return cables - dead - self._cut

    def _edge(self, cable: Cable) -> Any:
        return next(edge for edge in self.graph.edges if _cable(edge) == cable)

    def _seen(self) -> tuple[set[int], set[Cable]]:
        topology = self.controller.get("/v1/topology")
        switches = {int(switch["dpid"], 16) for switch in topology["switches"]}
        links = [link for link in topology["links"] if link["bidirectional"]]
        return switches, {frozenset({_end(link["src"]), _end(link["dst"])}) for link in links}


def _end(end: dict[str, Any]) -> End:
    return int(end["dpid"], 16), int(end["port_no"])


def _cable(edge: Any) -> Cable:
    return frozenset({(edge.dpid, edge.port), (edge.peer_dpid, edge.peer_port)})
