"""The main component: one request, the gatherers it names, side by side."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from backstop import BACKSTOP
from fake_runtime import FakeRuntime
from xen_bridge.errors import HypervisorError, InvalidRequest, RequestUnsupported
from xen_bridge.gatherers.measures import Gatherer, MeasuresGatherer, node_gatherers
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.measures import (
    GathererParameters,
    LatencySampling,
    Measures,
    MeasuresAnswer,
    MemoryIteration,
    MemoryMeasures,
    Sampling,
    ToolMeasures,
    UsedGatherers,
    XentopMeasures,
)
from xen_bridge.runtime.port import Runtime
from xen_bridge.runtime.threads import ThreadRuntime

ALL = UsedGatherers(ifconfig=True, xentop=True, latency=True, memory=True)


class Canned:
    """Returns what it was given, and remembers how it was asked."""

    def __init__(self, measures: ToolMeasures | Exception) -> None:
        self.measures = measures
        self.asked: list[Any] = []

    def get_measures(self, sampling: Any, runtime: Runtime) -> ToolMeasures:
        self.asked.append(sampling)
        if isinstance(self.measures, Exception):
            raise self.measures
        return self.measures


def test_only_what_is_used_is_measured_as_it_was_asked() -> None:
    memory = Canned(MemoryMeasures(iterations=(MemoryIteration(1, 2.0, 1, 2, 3, 4, 5, 6),)))
    xentop = Canned(XentopMeasures())
    gatherer = MeasuresGatherer({"memory": memory, "xentop": xentop}, FakeRuntime())
    request = Measures(
        UsedGatherers(memory=True), GathererParameters(memory=Sampling(7, 0.5), xentop=Sampling(9))
    )
    answer = gatherer.get_measures(request)
    assert answer == MeasuresAnswer(memory=memory.measures)  # type: ignore[arg-type]
    assert (memory.asked, xentop.asked) == ([Sampling(7, 0.5)], [])


def test_without_parameters_the_defaults_hold() -> None:
    memory = Canned(MemoryMeasures())
    MeasuresGatherer({"memory": memory}, FakeRuntime()).get_measures(
        Measures(UsedGatherers(memory=True))
    )
    assert memory.asked == [Sampling(1, 1.0)]


def test_nothing_asked_is_nothing_answered() -> None:
    answer = MeasuresGatherer({}, FakeRuntime()).get_measures(Measures(UsedGatherers()))
    assert answer == MeasuresAnswer()


def test_what_the_node_has_not_is_named_before_anything_is_measured() -> None:
    memory = Canned(MemoryMeasures())
    gatherer = MeasuresGatherer({"memory": memory}, FakeRuntime())
    with pytest.raises(RequestUnsupported, match="no xentop gatherer"):
        gatherer.get_measures(Measures(UsedGatherers(memory=True, xentop=True)))
    assert not memory.asked


def test_more_than_an_hour_is_refused_before_anything_is_measured() -> None:
    memory = Canned(MemoryMeasures())
    gatherer = MeasuresGatherer({"memory": memory}, FakeRuntime())
    request = Measures(UsedGatherers(memory=True), GathererParameters(memory=Sampling(1000, 600.0)))
    with pytest.raises(InvalidRequest) as raised:
        gatherer.get_measures(request)
    assert raised.value.loc == ("memory", "iterations")
    assert not memory.asked


def test_a_bad_neighbor_is_refused_before_anything_is_measured() -> None:
    memory, latency = Canned(MemoryMeasures()), Canned(HypervisorError("not reached"))
    gatherer = MeasuresGatherer({"memory": memory, "latency": latency}, FakeRuntime())
    request = Measures(
        UsedGatherers(memory=True, latency=True),
        GathererParameters(latency=LatencySampling(neighbors=("10.0.0.1", "224.0.0.1"))),
    )
    with pytest.raises(InvalidRequest) as raised:
        gatherer.get_measures(request)
    assert raised.value.loc == ("latency", "neighbors", "1")
    assert not memory.asked


def test_an_error_of_one_is_raised_when_all_have_ended() -> None:
    memory = Canned(MemoryMeasures())
    gatherers: dict[str, Gatherer] = {
        "xentop": Canned(HypervisorError("broken")),
        "memory": memory,
    }
    with pytest.raises(HypervisorError, match="broken"):
        MeasuresGatherer(gatherers, FakeRuntime()).get_measures(
            Measures(UsedGatherers(memory=True, xentop=True))
        )
    assert memory.asked


def test_the_gatherers_of_a_request_run_gather() -> None:
    barrier = threading.Barrier(2, timeout=20)

    class Meeting(Canned):
        def get_measures(self, sampling: Any, runtime: Runtime) -> ToolMeasures:
            barrier.wait()
            return super().get_measures(sampling, runtime)

    gatherers: dict[str, Gatherer] = {
        "xentop": Meeting(XentopMeasures()),
        "memory": Meeting(MemoryMeasures()),
    }
    answer = MeasuresGatherer(gatherers, ThreadRuntime()).get_measures(
        Measures(UsedGatherers(memory=True, xentop=True))
    )
    assert [item.tool_id for item in answer.tools()] == [1, 4]


def test_every_node_has_all_but_xentop() -> None:
    netlink = Netlink()
    try:
        gatherer = MeasuresGatherer(node_gatherers(netlink), ThreadRuntime())
        request = Measures(
            UsedGatherers(ifconfig=True, memory=True),
            GathererParameters(memory=Sampling(2, 0.01), ifconfig=Sampling(2, 0.01)),
        )
        answer = gatherer.get_measures(request)
        assert [item.tool_id for item in answer.tools()] == [2, 4]
        for item in answer.tools():
            document_schema.check(item)
            assert len(item.iterations) == 2
        with pytest.raises(RequestUnsupported, match="xentop"):
            gatherer.get_measures(Measures(ALL))
    finally:
        netlink.close()


def test_a_router_needs_nothing_of_a_hypervisor() -> None:
    code = (
        "import sys\n"
        "from xen_bridge.gatherers import measures, summary\n"
        "bad = ('libvirt', 'pyroute2', 'psutil', 'eventlet', 'asyncio.base_events')\n"
        "back_ends = 'xen_host', 'libvirt_host', 'libvirt_test_host', 'memory_host', 'opening'\n"
        "bad += tuple('xen_bridge.dom0.hypervisor.' + name for name in back_ends)\n"
        "print([name for name in bad if name in sys.modules and not name.startswith('asyncio')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=BACKSTOP
    )
    assert done.stdout == "[]\n"
