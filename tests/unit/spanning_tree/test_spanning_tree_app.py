"""The Ryu application over a real store that cannot always be written, and faults of ours."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ryu.lib import hub
from sqlalchemy import event

from horizon_ryu import spanning_tree
from horizon_ryu.audit.service import AuditService
from horizon_ryu.core.errors import RequestUnanswered, StoreError, SwitchError
from horizon_ryu.core.spanning_tree.choice import Choice
from horizon_ryu.core.spanning_tree.control import TreeControl
from horizon_ryu.core.spanning_tree.desired_state import DesiredState
from horizon_ryu.core.spanning_tree.memory import memory_from_json
from horizon_ryu.core.timers import TreeTimers
from horizon_ryu.core.topology import Link, Port, PortRef, Switch, TopologyChange, TopologyView
from horizon_ryu.discovery_events import EventTopologyChanged
from horizon_ryu.http.event_log import EventLog
from horizon_ryu.metrics import Metrics
from horizon_ryu.openflow.packet_in_pipeline import PacketInPipeline
from horizon_ryu.openflow.queries import Query, SwitchAnswer
from horizon_ryu.published import Published
from horizon_ryu.spanning_tree import MEMORY_SETTING, TIMERS_SETTING, SpanningTree
from horizon_ryu.store import Store
from horizon_ryu.store_thread import StoreThread
from horizon_ryu.supervision import Supervisor
from horizon_ryu.wire.messages import FlowEntry, Outgoing
from unit.audit.table_answers import entries_read
from xen_bridge.runtime.green import GreenRuntime


class Switches:
    """Confirm everything, and have no entries; ``failures`` are raised first, by dpid."""

    def __init__(self) -> None:
        self.failures: dict[int, Exception] = {}
        self.unanswered: set[int] = set()
        self.confirmed: Counter[int] = Counter()
        self.disconnected: list[int] = []

    def send(self, _messages: Sequence[Outgoing]) -> None:
        """Nobody looks."""

    def confirm(self, messages: Sequence[Outgoing]) -> tuple[SwitchError, ...]:
        hub.sleep(0)
        for dpid in {sent.dpid for sent in messages}:
            if dpid in self.failures:
                raise self.failures.pop(dpid)
            self.confirmed[dpid] += 1
        silent = self.unanswered & {sent.dpid for sent in messages}
        return tuple(RequestUnanswered(dpid, "barrier") for dpid in silent)

    def flow_entries(self, dpid: int) -> tuple[FlowEntry, ...]:
        hub.sleep(0)
        if dpid in self.unanswered:
            raise RequestUnanswered(dpid, "flows")
        return ()

    def flood_group(self, _dpid: int) -> None:
        return None

    def read(self, dpid: int, queries: Sequence[Query]) -> list[SwitchAnswer | SwitchError]:
        return entries_read(self.flow_entries, dpid, queries)

    def disconnect(self, dpid: int, _reason: str) -> None:
        self.disconnected.append(dpid)


class Running:
    """The application at work over a store in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        metrics, self.switches = Metrics(), Switches()
        self.store = Store(f"sqlite:///{path}")
        self.horizon = SimpleNamespace(
            settings=SimpleNamespace(
                spanning_tree=SimpleNamespace(timers=TreeTimers(port_hold_time=0.05))
            ),
            store=self.store,
            store_thread=StoreThread(GreenRuntime()),
            generation=5,
            clock=time.monotonic,
            published=Published(),
            switches=self.switches,
            packet_in_pipeline=PacketInPipeline(self.switches.send, metrics),
            router=SimpleNamespace(add=lambda resources: None),
            locate_host=lambda mac: None,
            is_looked_for=lambda _ref, _now: True,
            metrics=metrics,
            events=EventLog(GreenRuntime()),
            runtime=GreenRuntime(),
            supervisor=Supervisor(GreenRuntime(), time.monotonic, metrics.loop_failed),
            audits=AuditService(
                GreenRuntime(), self.switches, dict, time.monotonic, lambda _name, _error: None
            ),
            start=lambda wsgi: None,
        )
        self.app = SpanningTree(wsgi=None, horizon=self.horizon)
        self.app.start()
        self.view = TopologyView()

    def join(self, *dpids: int) -> None:
        """Have switches join, in a line: each has a cable to the one before it."""
        switches = {**self.view.switches, **{dpid: switch(dpid) for dpid in dpids}}
        links = {}
        for dpid in switches:
            if dpid - 1 in switches:
                one, other = PortRef(dpid - 1, 2), PortRef(dpid, 1)
                links.update({one: Link(one, other), other: Link(other, one)})
        new = [link for src, link in links.items() if src not in self.view.links]
        self.view = TopologyView(self.view.version + 1, switches, links)
        changes = [TopologyChange("switch_join", switches[dpid]) for dpid in dpids]
        changes += [TopologyChange("link_add", link) for link in new]
        self.app._topology_changed(EventTopologyChanged(self.view, tuple(changes)))

    def settled(self, *dpids: int) -> bool:
        """Tell whether exactly these switches are in one settled tree."""
        trees = self.app.forest().trees
        return self.app.settled() and [set(tree.switches) for tree in trees] == [set(dpids)]

    def remembered(self) -> set[int]:
        """Return the switches that a new run would know of, as another process reads it."""
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as connection:
            query = "SELECT value FROM settings WHERE name = ?"
            found = connection.execute(query, (MEMORY_SETTING,)).fetchone()
        return set(memory_from_json(json.loads(found[0])).frozen) if found else set()


def switch(dpid: int) -> Switch:
    return Switch(dpid, "", 4, {n: Port(n, "", bytes(6), True) for n in (1, 2, 3)})


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        hub.sleep(0.01)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.close()


@contextmanager
def full(running: Running) -> Iterator[None]:
    """Leave the store no page more than it has."""
    engine = running.store._engine
    with engine.connect() as connection:
        most = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection: sqlite3.Connection, *_of_pool: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {most}")

    # Of every connection: the store may be writing by one meanwhile, and then there are two.
    event.listen(engine, "checkout", limit)
    try:
        yield
    finally:
        most = 100_000


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(spanning_tree, "SAVE_INTERVAL", 0.01)
    running = Running(tmp_path / "store.sqlite")
    yield running
    running.app.stop()
    running.store.close()


def test_trees_settle_while_the_store_is_locked_and_are_remembered_afterwards(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.join(1, 2)
    until(lambda: running.settled(1, 2) and running.remembered() == {1, 2})
    with locked(running.path):
        running.join(3)
        until(lambda: running.store.failures["write"] >= 2 and running.settled(1, 2, 3))
        running.join(4)
        until(lambda: running.settled(1, 2, 3, 4))
        assert running.remembered() == {1, 2}
        assert running.store.trouble == "database is locked"
    until(lambda: running.remembered() == {1, 2, 3, 4})
    assert running.store.trouble is None
    assert running.horizon.supervisor.failing() == ()
    assert len([record for record in caplog.records if "store" in record.name]) == 2


def test_trees_settle_while_the_disk_is_full(running: Running) -> None:
    with full(running):
        running.join(*range(1, 60))
        until(lambda: running.store.failures["write"] >= 1 and running.settled(*range(1, 60)))
        assert running.store.trouble is not None
    until(lambda: running.remembered() == set(range(1, 60)))


def test_timers_that_cannot_be_kept_are_not_in_force(running: Running) -> None:
    before = running.app.timers()
    other = TreeTimers(port_hold_time=7.0)
    with locked(running.path), pytest.raises(StoreError):
        running.app.set_timers(other)
    assert running.app.timers() == before
    assert running.app._control.hold_time == before.port_hold_time
    assert running.store.get_setting(TIMERS_SETTING) is None
    running.app.set_timers(other)
    assert running.app.timers() == other
    assert running.store.get_setting(TIMERS_SETTING)["port_hold_time"] == 7.0


def test_it_stops_while_the_store_is_locked(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.join(1)
    with locked(running.path):
        running.app.stop()
    assert "the next run begins without the newest" in caplog.text


def test_a_turn_that_raises_is_made_good_by_the_next(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plan, calls = TreeControl.plan, []

    def fail_at_first(self: TreeControl, now: float) -> Any:
        calls.append(now)
        if len(calls) <= 3:
            raise KeyError("a fault of ours")
        return plan(self, now)

    monkeypatch.setattr(TreeControl, "plan", fail_at_first)
    running.join(1, 2)
    until(lambda: running.settled(1, 2))
    assert running.horizon.metrics.loop_failures == {"SpanningTree._turn": 3}
    assert running.horizon.supervisor.failing() == ("SpanningTree._turn",)
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_a_decision_that_raises_is_made_again(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    derive, calls = DesiredState._derive_wanted, []

    def fail_at_first(self: DesiredState, before: Choice) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise KeyError("a fault of ours")
        derive(self, before)

    monkeypatch.setattr(DesiredState, "_derive_wanted", fail_at_first)
    running.join(1, 2)
    until(lambda: running.settled(1, 2))


def test_a_switch_whose_plan_raises_is_disconnected_and_the_others_settle(
    running: Running,
) -> None:
    running.switches.failures[2] = KeyError("a fault of ours")
    running.join(1, 2, 3)
    until(lambda: running.switches.disconnected == [2] and running.switches.confirmed[3])
    assert running.switches.confirmed[1]
    running.app._topology_changed(
        EventTopologyChanged(
            running.view,
            (
                TopologyChange("switch_leave", switch(2)),
                TopologyChange("switch_join", running.view.switches[2]),
            ),
        )
    )
    until(lambda: running.settled(1, 2, 3))


def test_a_switch_that_answers_neither_statistics_nor_barriers_is_in_the_tree(
    running: Running,
) -> None:
    running.switches.unanswered = {2}
    running.join(1, 2, 3)
    until(lambda: running.settled(1, 2, 3))
    assert running.switches.confirmed[2]
    assert running.switches.disconnected == []


def test_a_change_that_raises_leaves_the_members_of_the_view(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("a fault of ours")

    join = DesiredState._join
    monkeypatch.setattr(DesiredState, "_join", fail)
    with pytest.raises(KeyError):
        running.join(1, 2)
    monkeypatch.setattr(DesiredState, "_join", join)
    until(lambda: running.settled(1, 2))
