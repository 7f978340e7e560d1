"""The Flow Manager hears of removals: a switch is believed only in what it can know."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ryu.lib import hub

from horizon_ryu import flow_manager
from horizon_ryu.core.flows.entries import keys_of
from horizon_ryu.core.flows.flow import EntrySpec, Flow, PathSpec
from horizon_ryu.core.flows.planner import CreateFlow
from horizon_ryu.core.ownership import Owner, cookie, flow_cookie
from horizon_ryu.core.topology import PortRef
from horizon_ryu.flows import reconciler
from horizon_ryu.metrics import Metrics
from horizon_ryu.published import Published
from horizon_ryu.settings import FlowManagerOptions, FlowMigrationOptions
from horizon_ryu.store import Store
from horizon_ryu.supervision import Supervisor
from horizon_ryu.wire import match10, oxm
from horizon_ryu.wire.messages import Match, Output
from unit.flows.fabric import EDGE, EventList, FabricSwitches, network
from xen_bridge.runtime.green import GreenRuntime

RING = [(1, 2), (2, 3), (3, 4), (4, 1)]
IDLE, HARD, DELETE = 0, 1, 2
LONG = 3600
"""A timeout that no test waits for."""


class Switches(FabricSwitches):
    """FabricSwitches that count how often they are read."""

    def __init__(self, version: int) -> None:
        super().__init__((1, 2, 3, 4), version)
        self.looks: list[int] = []

    def connected_switches(self) -> dict[int, Any]:
        return self.connections

    def disconnect(self, _dpid: int, reason: str) -> None:
        raise AssertionError(reason)

    def flow_entries(self, dpid: int, *args: Any, **kwargs: Any) -> Any:
        self.looks.append(dpid)
        return super().flow_entries(dpid, *args, **kwargs)


class Manager:
    """The application at work on switches in memory; time is moved by hand."""

    def __init__(self, version: int = 4) -> None:
        self.version = version
        self.now = 1000.0
        self.switches = Switches(version)
        published = Published()
        published.topology = network(RING, version)
        self.metrics = Metrics()
        self.horizon = SimpleNamespace(
            settings=SimpleNamespace(
                flow_manager=FlowManagerOptions(reconcile_interval=3600.0),
                flow_migration=FlowMigrationOptions(drain=0.0),
            ),
            store=Store("sqlite://"),
            events=EventList(),
            switches=self.switches,
            published=published,
            metrics=self.metrics,
            runtime=GreenRuntime(),
            supervisor=Supervisor(GreenRuntime(), lambda: self.now, self.metrics.loop_failed),
            router=SimpleNamespace(add=lambda resources: None),
            clock=lambda: self.now,
            flow_migrations=None,
            start=lambda wsgi: None,
        )
        self.app = flow_manager.FlowManager(wsgi=None, horizon=self.horizon)
        self.app.start()

    @property
    def service(self) -> Any:
        return self.app._parts.service

    @property
    def registry(self) -> Any:
        return self.service._registry

    def path(self, **changes: Any) -> Flow:
        """Lay a flow from the host at 1 to the host at 3, over 2."""
        match = changes.pop("match", Match(dl_type=0x800, nw_src=(0x0A000001, 32)))
        spec = PathSpec(match, PortRef(1, EDGE), PortRef(3, EDGE), (2,), **changes)
        (flow,) = self.service.create([CreateFlow(spec)])
        return flow

    def entry(self, **changes: Any) -> Flow:
        spec = EntrySpec(1, Match(in_port=4), (Output(2),), **changes)
        (flow,) = self.service.create([CreateFlow(spec)])
        return flow

    def report(
        self,
        flow: Flow,
        dpid: int,
        reason: int,
        match: Match | None = None,
        duration: int = LONG,
        **changes: Any,
    ) -> None:
        """Report a removal, by default the truth about an entry of ``flow`` on ``dpid``."""
        if match is None:
            match = next(key.match for key in keys_of(flow) if key.dpid == dpid)
        value = changes.get("cookie", flow_cookie(flow.number))
        priority = changes.get("priority", flow.spec.priority)
        fields = [value, priority, reason, changes.get("table", 0), duration, 0]
        if self.version == 1:
            body = match10.encode_match(match) + struct.pack(
                "!QHBxII16s8x", *_without_table(fields)
            )
        else:
            encoded = changes.get("raw", oxm.encode_match(match))
            body = struct.pack("!QHBBII4x16s", *fields, b"") + encoded
        message = struct.pack("!BBHI", self.version, 11, 8 + len(body), 0) + body
        datapath = SimpleNamespace(id=dpid)
        notice = SimpleNamespace(version=self.version, buf=message, datapath=datapath)
        self.app._flow_removed(SimpleNamespace(msg=notice))

    def let_others_work(self) -> None:
        """Give whoever ends a flow its turns: switches in memory answer at once."""
        for _ in range(50):
            hub.sleep(0)

    def wait(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + 30
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("it did not come to pass")
            hub.sleep(0.001)

    def wait_for_looks(self, *dpids: int) -> None:
        """Wait until these switches, and no others, were looked at, in this order."""
        self.wait(lambda: len(self.switches.looks) >= len(dpids) and self.is_quiet())
        assert self.switches.looks == list(dpids)

    def is_quiet(self) -> bool:
        """Tell whether nobody is about to have a switch looked at."""
        looking = self.app._parts.reconciler
        return not looking._wake.is_set() and not looking._hurried - looking._resting

    def is_kept(self, flow: Flow) -> bool:
        self.let_others_work()
        return flow.number in self.registry

    def counted(self, outcome: str) -> bool:
        name = f'horizon_flow_removals_total{{outcome="{outcome}"}}'
        return any(line.startswith(name) for line in self.metrics.text().decode().splitlines())


def _without_table(fields: list[Any]) -> list[Any]:
    return [*fields[:3], *fields[4:], b""]


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def manager(request: pytest.FixtureRequest) -> Iterator[Manager]:
    made = Manager(request.param)
    yield made
    made.app.stop()


@pytest.fixture
def manager13() -> Iterator[Manager]:
    made = Manager()
    yield made
    made.app.stop()


@pytest.mark.parametrize("reason", [IDLE, HARD])
def test_a_switch_that_is_not_on_the_path_ends_no_flow(manager: Manager, reason: int) -> None:
    flow = manager.path(idle_timeout=LONG, hard_timeout=LONG)
    manager.now += 2 * LONG
    manager.report(flow, 4, reason, match=keys_of(flow)[0].match)
    assert manager.is_kept(flow)
    assert manager.counted("not_its_entry")


def test_a_flow_without_timeouts_has_no_end(manager: Manager) -> None:
    flow = manager.path()
    manager.now += LONG
    manager.report(flow, 2, IDLE)
    manager.report(flow, 2, HARD)
    assert manager.is_kept(flow)
    assert manager.counted("no_such_timeout")


@pytest.mark.parametrize(("timeout", "reason"), [("hard_timeout", IDLE), ("idle_timeout", HARD)])
def test_a_timeout_of_the_other_kind_ends_nothing(
    manager: Manager, timeout: str, reason: int
) -> None:
    flow = manager.path(**{timeout: LONG})
    manager.now += 2 * LONG
    manager.report(flow, 2, reason)
    assert manager.is_kept(flow)


@pytest.mark.parametrize(("timeout", "reason"), [("idle_timeout", IDLE), ("hard_timeout", HARD)])
def test_a_timeout_ends_a_flow_once_it_can_have_passed(
    manager: Manager, timeout: str, reason: int
) -> None:
    flow = manager.path(**{timeout: 60})
    manager.now += 30
    manager.report(flow, 2, reason, duration=60)
    assert manager.is_kept(flow), "by our clock it is too early"
    manager.now += 30
    manager.report(flow, 2, reason, duration=30)
    assert manager.is_kept(flow), "by its own words it is too early"
    assert manager.counted("too_early")
    manager.report(flow, 2, reason, duration=60)
    assert not manager.is_kept(flow)
    assert manager.switches.held() == set()
    assert manager.counted("expired")
    assert manager.horizon.events.kinds()[-1] == "flow_timeout"
    assert manager.app._parts.confirmation.dated == 0


def test_a_single_entry_ends_by_its_own_switch_alone(manager: Manager) -> None:
    flow = manager.entry(idle_timeout=60)
    manager.now += 60
    for dpid in (2, 3, 4):
        manager.report(flow, dpid, IDLE, match=Match(in_port=4))
    assert manager.is_kept(flow)
    manager.report(flow, 1, IDLE)
    assert not manager.is_kept(flow)


@pytest.mark.parametrize(
    "lie",
    [
        {"match": Match(in_port=99)},
        {"match": Match()},
        {"priority": 5},
        {"table": 3},
        {"cookie": flow_cookie(77)},
        {"cookie": cookie(Owner.FORWARDING, 1)},
        {"cookie": 0},
    ],
    ids=str,
)
def test_an_entry_that_the_flow_has_not_ends_nothing(manager13: Manager, lie: Any) -> None:
    flow = manager13.path(idle_timeout=60)
    manager13.now += 60
    manager13.report(flow, 2, IDLE, **lie)
    assert manager13.is_kept(flow)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(lambda good: b"\0\0" + good[2:], id="no OXM"),
        pytest.param(lambda good: good[:2] + b"\xff\xff" + good[4:], id="longer than the message"),
        pytest.param(lambda good: good[:2] + b"\0\0" + good[4:], id="of no length"),
        pytest.param(lambda good: good[:3] + b"\xff" + good[4:], id="beyond the end"),
        pytest.param(
            lambda good: (
                struct.pack("!HH", 1, 4 + 32) + good[4:32] + b"\xff\xff\x02\x04" + bytes(8)
            ),
            id="with a field that nobody knows",
        ),
    ],
)
def test_hostile_matches_end_nothing(manager13: Manager, raw: Any) -> None:
    flow = manager13.path(match=Match(dl_type=0x800, nw_src=(0x0A000001, 32)), idle_timeout=60)
    manager13.now += 60
    good = oxm.encode_match(next(key.match for key in keys_of(flow) if key.dpid == 2))
    manager13.report(flow, 2, IDLE, raw=raw(good))
    assert manager13.is_kept(flow)


def test_a_match_is_known_in_the_form_in_which_switches_report_it(manager: Manager) -> None:
    asked = Match(dl_type=0x800, nw_src=(0x0A000001, 24))
    flow = manager.path(match=asked, idle_timeout=60)
    manager.now += 60
    told = next(key.match for key in keys_of(flow) if key.dpid == 2)
    assert told.nw_src == (0x0A000001, 24)
    manager.report(flow, 2, IDLE, match=told._replace(nw_src=(0x0A000000, 24)))
    assert not manager.is_kept(flow)


def test_an_entry_deleted_by_others_is_brought_back_and_the_flow_stays(manager: Manager) -> None:
    flow = manager.path(match=Match(dl_type=0x800, nw_src=(0x0A000001, 24)), idle_timeout=60)
    wanted = manager.switches.held()
    for reason in (DELETE, IDLE):
        manager.switches.tables[2].entries.clear()
        manager.report(flow, 2, reason, duration=0)
        assert manager.is_kept(flow)
        manager.wait(lambda: manager.switches.held() == wanted)
        manager.app._parts.reconciler._rested(2)
    assert manager.counted("deleted")


def test_a_deletion_for_a_switch_that_is_not_on_the_path_is_no_reason_to_look(
    manager: Manager,
) -> None:
    flow = manager.path()
    manager.report(flow, 4, DELETE, match=keys_of(flow)[0].match)
    assert manager.app._parts.reconciler._hurried == set()
    manager.let_others_work()
    assert manager.switches.looks == []


def test_a_flow_that_is_just_being_changed_does_not_end(manager: Manager) -> None:
    flow = manager.path(idle_timeout=60)
    manager.now += 60
    registry = manager.registry
    registry.claim(flow.number, flow, keys_of(flow))
    manager.report(flow, 2, IDLE)
    assert manager.is_kept(flow)
    assert manager.counted("changing")
    registry.release(flow.number, flow)


def test_the_old_entries_of_a_flow_that_has_moved_say_nothing(manager: Manager) -> None:
    flow = manager.path(idle_timeout=60)
    spec = PathSpec(flow.spec.match, flow.spec.src, flow.spec.dst, (4,), idle_timeout=60)
    manager.now += 60
    moved = manager.service.change(flow.number, spec)
    assert moved.dpids == {1, 4, 3}
    old = next(key.match for key in keys_of(flow) if key.dpid == 2)
    manager.report(moved, 2, IDLE, match=old)
    assert manager.is_kept(moved)
    manager.report(moved, 1, IDLE)
    assert manager.is_kept(moved), "sent anew when the flow moved"
    manager.now += 60
    manager.report(moved, 4, IDLE)
    assert not manager.is_kept(moved)


def test_entries_of_an_earlier_run_may_end_at_any_time(manager: Manager) -> None:
    flow = manager.path(hard_timeout=60)
    manager.app.stop()
    horizon = manager.horizon
    manager.app = flow_manager.FlowManager(wsgi=None, horizon=horizon)
    manager.app.start()
    manager.report(flow, 2, HARD, duration=60)
    assert not manager.is_kept(flow)


def test_reports_without_end_cost_one_look_at_a_time(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "_REST", 3600.0)
    flow = manager.path(idle_timeout=LONG)
    for _ in range(5):
        for _ in range(200):
            manager.report(flow, 2, IDLE, duration=0)
        manager.wait_for_looks(2)
    assert manager.app._parts.reconciler._hurried == {2}
    manager.app._parts.reconciler._rested(2)
    manager.wait_for_looks(2, 2)


def test_a_switch_that_does_not_answer_holds_up_no_other(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = manager.path(idle_timeout=LONG)
    answered, asked = hub.Event(), list[int]()
    read = manager.switches.flow_entries

    def slow(dpid: int, *args: Any, **kwargs: Any) -> Any:
        asked.append(dpid)
        if dpid == 2:
            answered.wait()
        return read(dpid, *args, **kwargs)

    monkeypatch.setattr(manager.switches, "flow_entries", slow)
    manager.report(flow, 2, IDLE, duration=0)
    manager.wait(lambda: asked == [2])
    manager.report(flow, 3, IDLE, duration=0)
    manager.wait_for_looks(3)
    answered.set()
    manager.wait_for_looks(3, 2)
