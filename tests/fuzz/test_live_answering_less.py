"""Switches that answer only some requests are served by a real controller."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from horizon_ryu.wire.of13.multipart import MultipartRequest
from horizon_ryu.wire.ofp13 import OFPMP
from tools.controller_process import ControllerProcess, wait_until
from virtual_switch.benchmark import BenchmarkSwitch
from virtual_switch.blocking import Gone, SocketSwitch
from virtual_switch.faults import Faults
from virtual_switch.refusal import SwitchRefusal

pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("forked_controllers"),
]


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


def _is_statistics(message: object) -> bool:
    return isinstance(message, MultipartRequest) and message.type != OFPMP.PORT_DESC


def _refuse(message: object) -> SwitchRefusal | None:
    return SwitchRefusal("BAD_REQUEST", "BAD_MULTIPART") if _is_statistics(message) else None


@contextmanager
def _served(port: int, dpid: int, faults: Faults) -> Iterator[SocketSwitch]:
    """Give a switch of 1.3 with ``faults`` that answers from a thread of its own."""
    over = threading.Event()

    def answer() -> None:
        while not over.is_set():
            try:
                switch.expect(-1, 0.1)
            except TimeoutError:
                continue
            except Gone:
                return

    with closing(SocketSwitch(port)) as switch:
        switch.shake_hands(dpid, faults=faults)
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield switch
            assert thread.is_alive(), "the controller closed the connection"
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    "make",
    [lambda: Faults(ignore=_is_statistics), lambda: Faults(refuse=_refuse)],
    ids=["unanswered", "refused"],
)
def test_a_switch_of_1_3_without_any_statistics_is_in_the_tree(
    controller: ControllerProcess, make: Callable[[], Faults]
) -> None:
    with _served(controller.openflow_port, 0x13, make()):

        def is_limited() -> bool:
            switches = controller.get("/v1/topology")["switches"]
            return any("flows" in one["unanswered"] for one in switches)

        wait_until(is_limited, 60, "it is a switch of the network, and its limits are told")
        wait_until(lambda: controller.get("/v1/spanning-tree")["settled"], 60, "the tree settles")
        (switch,) = controller.get("/v1/topology")["switches"]
        assert "barrier" not in switch["unanswered"]
    assert "disconnecting" not in controller.log()
