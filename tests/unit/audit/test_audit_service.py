"""Audits of all applications, one switch after the other, whatever goes wrong with one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from ryu.lib import hub

from horizon_ryu.audit import service
from horizon_ryu.audit.service import AuditService
from horizon_ryu.core.errors import SwitchAway, SwitchDeadline, SwitchError
from horizon_ryu.openflow.queries import Query, SwitchAnswer
from horizon_ryu.supervision import Supervisor
from xen_bridge.runtime.green import GreenRuntime


class NobodyAsked:
    """Switches of which these audits ask nothing."""

    def read(self, dpid: int, queries: Sequence[Query]) -> list[SwitchAnswer | SwitchError]:
        raise AssertionError(f"switch {dpid} was asked")

    def repeat(self, dpid: int, *_: object) -> None:
        raise AssertionError(f"switch {dpid} was asked again")


class Running:
    """The service at work on a clock that runs a thousand times as fast."""

    def __init__(self, *dpids: int) -> None:
        self.dpids = set(dpids)
        started = time.monotonic()
        self.supervisor = Supervisor(GreenRuntime(), lambda: 0.0, lambda _name: None)
        self.service = AuditService(
            GreenRuntime(),
            NobodyAsked(),
            lambda: self.dpids,
            lambda: started + 1000 * (time.monotonic() - started),
            self.supervisor.failed,
        )
        self.loop = hub.spawn(self.supervisor.forever, self.service.turn)

    def wait(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + 30
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("it did not come to pass")
            hub.sleep(0.001)


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(service, "_TICK", 0.001)
    made = Running(1, 2, 3)
    yield made
    hub.kill(made.loop)


def test_each_connected_switch_is_audited_again_and_again(running: Running) -> None:
    seen: list[int] = []

    def audit(dpid: int) -> int:
        seen.append(dpid)
        return 0

    running.service.register("one", audit)
    running.wait(lambda: all(seen.count(dpid) >= 3 for dpid in (1, 2, 3)))
    running.dpids.discard(2)
    seen.clear()
    running.wait(lambda: seen.count(1) >= 5)
    assert seen.count(2) <= 1
    assert running.service.repairs["one"] == 0


def test_a_switch_that_does_not_answer_holds_up_no_other(running: Running) -> None:
    seen: list[int] = []
    never = hub.Event()

    def audit(dpid: int) -> int:
        if dpid == 2:
            never.wait()
        seen.append(dpid)
        return 0

    running.service.register("one", audit)
    running.wait(lambda: seen.count(1) >= 5 and seen.count(3) >= 5)
    assert 2 not in seen


def test_what_fails_is_counted_and_the_others_go_on(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[int] = []

    def broken(dpid: int) -> int:
        raise ValueError("bug")

    def late(dpid: int) -> int:
        if dpid == 1:
            raise SwitchDeadline(dpid, "no answer")
        if dpid == 2:
            raise SwitchAway(dpid)
        seen.append(dpid)
        return 2

    running.service.register("broken", broken)
    running.service.register("late", late)
    running.wait(lambda: seen.count(3) >= 2 and running.service.failures["late"])
    assert running.service.failures["broken"] >= 4
    assert running.service.repairs["late"] == 2 * len(seen)
    assert set(seen) == {3}
    assert "bug" in caplog.text


def test_an_audit_that_always_raises_is_told_by_health_and_has_one_traceback(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_dpid: int) -> int:
        raise ValueError("bug")

    running.service.register("broken", broken)
    running.wait(lambda: running.service.failures["broken"] >= 4)
    assert running.supervisor.failing() == ("audit of broken",)
    assert caplog.text.count("Traceback") == 1


def test_a_switch_that_is_never_as_it_should_be_is_named_once(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.dpids = {5}
    running.service.register("one", lambda dpid: 1)
    running.wait(lambda: running.service.repairs["one"] >= 8)
    assert caplog.text.count("never as it should be") == 1
