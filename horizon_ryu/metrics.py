"""Metrics: what the controller counts and measures, and its Prometheus form.

Counting is a plain addition, for some of it happens once per packet-in; the families that
Prometheus reads are made when it reads them. Names follow Faucet's: ``of_`` for what happens on
OpenFlow connections, ours for the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from horizon_ryu import __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_LABELS = 200
"""Values of one label; what comes after is counted as ``other``, so that no peer grows us."""

_Family = TypeVar("_Family", CounterMetricFamily, GaugeMetricFamily)
_LABELLED = (
    ("violations", "of_violations", "reason", "Messages of peers that the wire guard refused"),
    ("refusals", "of_refusals", "reason", "Peers turned away or closed for another reason"),
    ("unparsed_messages", "of_unparsed_messages", "reason", "Messages that Ryu could not read"),
    ("handler_failures", "horizon_handler_errors", "handler", "Exceptions of handlers"),
    ("loop_failures", "horizon_loop_failures", "loop", "Exceptions of loops, which went on"),
    ("lldp_frames", "horizon_lldp_frames", "outcome", "LLDP frames heard, by what became of them"),
    ("requests", "horizon_rest_requests", "status", "REST requests answered, by status"),
)
_PLAIN = (
    ("packet_ins", "of_packet_ins", "Packet-ins received"),
    ("packet_ins_shed", "of_ignored_packet_ins", "Packet-ins dropped by the rate limit"),
    ("tree_changes", "horizon_tree_changes", "Spanning forests published"),
)
_GAUGES = (
    ("switches", "horizon_switches", "Switches in the topology"),
    ("links", "horizon_links", "Links in the topology, one per direction"),
    ("hosts", "horizon_hosts", "Hosts in the topology"),
    ("trees", "horizon_trees", "Connected parts of the spanning forest"),
)


class Metrics(Collector):
    """All counters (they only grow) and gauges; also the Counters of the wire guard."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register with ``registry``, by default one of its own."""
        self.registry = CollectorRegistry() if registry is None else registry
        self.violations: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.unparsed_messages: Counter[str] = Counter()
        self.handler_failures: Counter[str] = Counter()
        self.loop_failures: Counter[str] = Counter()
        self.lldp_frames: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.packet_ins = 0
        self.packet_ins_shed = 0
        self.tree_changes = 0
        self.switches = 0
        self.links = 0
        self.hosts = 0
        self.trees = 0
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._labelled_gauges: dict[str, tuple[str, str, Callable[[], Mapping[str, float]]]] = {}
        self._counters: dict[str, tuple[str, str, Callable[[], Mapping[str, int]]]] = {}
        self._streams: list[Callable[[], Iterator[str]]] = []
        self.registry.register(self)

    def violation(self, reason: str) -> None:
        """Count a message that the wire guard refused."""
        _count(self.violations, reason)

    def refused(self, reason: str) -> None:
        """Count a peer turned away or closed."""
        _count(self.refusals, reason)

    def unparsed(self, reason: str) -> None:
        """Count a message that passed the guard and that Ryu could not read."""
        _count(self.unparsed_messages, reason)

    def handler_failed(self, handler: str) -> None:
        """Count an exception of a handler."""
        _count(self.handler_failures, handler)

    def loop_failed(self, name: str) -> None:
        """Count an exception of a loop, or of a task, of ours."""
        _count(self.loop_failures, name)

    def shed(self) -> None:
        """Count a packet-in dropped by the rate limit."""
        self.packet_ins_shed += 1

    def packet_in(self) -> None:
        """Count a packet-in."""
        self.packet_ins += 1

    def lldp(self, outcome: str) -> None:
        """Count an LLDP frame by what became of it."""
        _count(self.lldp_frames, outcome)

    def request(self, _method: str, _template: str, status: int, _seconds: float) -> None:
        """Count a REST request; has the form that the router tells its observer."""
        _count(self.requests, str(status))

    def topology(self, switches: int, links: int, hosts: int) -> None:
        """Set the gauges of the topology."""
        self.switches = switches
        self.links = links
        self.hosts = hosts

    def tree(self, trees: int) -> None:
        """Count a new forest of so many trees."""
        self.trees = trees
        self.tree_changes += 1

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Have ``read`` called for the gauge ``name`` whenever Prometheus asks."""
        self._gauges[name] = (text, read)

    def gauges(
        self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]
    ) -> None:
        """Have ``read`` called for the values, by ``label``, whenever Prometheus asks."""
        self._labelled_gauges[name] = (text, label, read)

    def counters(
        self, name: str, text: str, label: str, read: Callable[[], Mapping[str, int]]
    ) -> None:
        """Have ``read`` called for the counts, by value of ``label``, that somebody else keeps."""
        self._counters[name] = (text, label, read)

    def stream(self, write: Callable[[], Iterator[str]]) -> None:
        """Have ``write`` called for families of its own, too many to be made as objects."""
        self._streams.append(write)

    def text(self) -> bytes:
        """Return the families of the registry in Prometheus' text format."""
        return generate_latest(self.registry)

    def texts(self) -> Iterator[str]:
        """Yield everything in Prometheus' text format."""
        yield self.text().decode()
        for write in self._streams:
            yield from write()

    def describe(self) -> list[Metric]:
        """Return nothing: the registry then does not read us when we register."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield each family, as the registry asks."""
        yield GaugeMetricFamily("horizon_up", f"Horizon {__version__} runs", 1)
        for attribute, name, text in _PLAIN:
            yield CounterMetricFamily(name, text, getattr(self, attribute))
        for attribute, name, label, text in _LABELLED:
            yield _labelled(
                CounterMetricFamily(name, text, labels=[label]), getattr(self, attribute)
            )
        for attribute, name, text in _GAUGES:
            yield GaugeMetricFamily(name, text, getattr(self, attribute))
        for name, (text, value) in self._gauges.items():
            yield GaugeMetricFamily(name, text, value())
        for name, (text, label, values) in self._labelled_gauges.items():
            yield _labelled(GaugeMetricFamily(name, text, labels=[label]), values())
        for name, (text, label, counts) in self._counters.items():
            yield _labelled(CounterMetricFamily(name, text, labels=[label]), counts())


def _count(counter: Counter[str], value: str) -> None:
    if value not in counter and len(counter) >= MAX_LABELS:
        value = "other"
    counter[value] += 1


def _labelled(family: _Family, values: Mapping[str, float]) -> _Family:
    for value, number in values.items():
        family.add_metric([value], number)
    return family
