"""Switches that answer only some requests are served by a real controller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tools.controller_process import ControllerProcess, wait_until
from virtual_switch.benchmark import BenchmarkSwitch

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(240)]


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[ControllerProcess]:
    with ControllerProcess(tmp_path, ("horizon_ryu.bundle",)) as running:
        yield running


def _shown(controller: ControllerProcess, switch: BenchmarkSwitch) -> dict[str, object]:
    """Return what the topology tells of a switch, nothing while it has not joined."""
    text = f"{switch.dpid:016x}"
    found = [one for one in controller.get("/v1/topology")["switches"] if one["dpid"] == text]
    return found[0] if found else {}


@pytest.mark.parametrize("barriers", [True, False], ids=["as cbench does", "without barriers"])
def test_a_switch_that_answers_little_is_joined_and_its_frames_are_answered(
    controller: ControllerProcess, barriers: bool
) -> None:
    with closing(BenchmarkSwitch(controller.openflow_port, 7, barriers)) as switch:

        def joins() -> bool:
            switch.probe()
            switch.wait_for_answers(1)
            return "flows" in _shown(controller, switch).get("unanswered", ())  # type: ignore[operator]

        wait_until(joins, 60, "it is a switch of the network")
        unanswered = _shown(controller, switch)["unanswered"]
        assert ("barrier" not in unanswered) == barriers  # type: ignore[operator]
        before = switch.flows
        for _ in range(50):
            switch.probe()
            switch.wait_for_answers(1)
        assert switch.flows > before
        assert controller.get("/v1/health")["unanswering"] == [f"{switch.dpid:016x}"]
        assert "does not answer: " in controller.log()
    wait_until(lambda: not controller.get("/v1/health")["unanswering"], 30, "it has left")
    assert "Traceback" not in controller.log()
    assert "disconnecting" not in controller.log()


def test_many_benchmark_switches_at_once_get_answers_for_bursts(
    controller: ControllerProcess,
) -> None:
    switches = [BenchmarkSwitch(controller.openflow_port, dpid) for dpid in range(1, 17)]
    for _ in range(3):
        for switch in switches:
            switch.probe(100)
        for switch in switches:
            switch.wait_for_answers(50)
    for switch in switches:
        switch.close()
    assert "Traceback" not in controller.log()
