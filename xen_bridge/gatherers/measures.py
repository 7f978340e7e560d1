"""The main component of the Measures Gatherer (report 2.3.2): one request, all its gatherers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from xen_bridge.errors import RequestUnsupported
from xen_bridge.gatherers.ifconfig import IfconfigGatherer
from xen_bridge.gatherers.latency import LatencyGatherer, check_neighbors
from xen_bridge.gatherers.memory import MemoryGatherer
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol.documents.measures import Measures, MeasuresAnswer, ToolMeasures, answer_of
from xen_bridge.runtime.port import Runtime


class Gatherer(Protocol):
    """Measures one thing; ``get_measures`` is the report's ``getMeasures()``."""

    def get_measures(self, sampling: Any, runtime: Runtime) -> ToolMeasures:
        """Return the iterations that ``sampling`` asks for, one after the other."""


class MeasuresGatherer:
    """Answers requests with the gatherers that a node has, by their names.

    The names are those of :meth:`Measures.sampling`: xentop, ifconfig, latency, memory.
    """

    def __init__(self, gatherers: Mapping[str, Gatherer], runtime: Runtime) -> None:
        self._gatherers = dict(gatherers)
        self._runtime = runtime

    def get_measures(self, request: Measures) -> MeasuresAnswer:
        """Return what the gatherers in use measured, side by side.

        Raises InvalidRequest for a request that takes too long or has a neighbor that cannot be
        probed, RequestUnsupported for a gatherer that this node has not, before anything is
        measured; otherwise what a gatherer raises, when all have ended.
        """
        request.check_length()
        sampling = request.sampling()
        self._check(sampling)
        jobs: list[Callable[[], ToolMeasures]] = [
            partial(self._gatherers[name].get_measures, one, self._runtime)
            for name, one in sampling.items()
        ]
        return answer_of(tuple(self._runtime.gather(jobs)))

    def _check(self, sampling: Mapping[str, Any]) -> None:
        for name in sampling:
            if name not in self._gatherers:
                raise RequestUnsupported(f"this node has no {name} gatherer")
        if "latency" in sampling:
            check_neighbors(sampling["latency"].neighbors)


def node_gatherers(netlink: Netlink) -> dict[str, Gatherer]:
    """Return the gatherers that every node has, Domain 0 or router: all but xentop."""
    return {
        "ifconfig": IfconfigGatherer(netlink),
        "latency": LatencyGatherer(netlink),
        "memory": MemoryGatherer(),
    }
