"""The Ryu application: what it asks of switches and publishes, with the services replaced."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import FrozenInstanceError
from types import SimpleNamespace
from typing import Any

import pytest
from ryu.lib import hub

from horizon_ryu import discovery
from horizon_ryu.audit.service import AuditService
from horizon_ryu.core import frames
from horizon_ryu.core.discovery.host_questions import PROBER
from horizon_ryu.core.discovery.pair_trial import PairStanding
from horizon_ryu.core.discovery.virtual_network import NetworkDefinition
from horizon_ryu.core.errors import (
    InvalidInput,
    RequestUnanswered,
    StoreError,
    SwitchAway,
    SwitchDeadline,
    SwitchError,
)
from horizon_ryu.core.ownership import Owner, Priority, cookie
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import HeldLink, Host, Link, PortRef
from horizon_ryu.discovery_events import EventSetProbeInterval, EventTopologyChanged
from horizon_ryu.metrics import Metrics
from horizon_ryu.openflow.packet_in_pipeline import PacketInPipeline, PacketInVerdict
from horizon_ryu.openflow.queries import Query, SwitchAnswer
from horizon_ryu.published import Published
from horizon_ryu.settings import DiscoveryOptions
from horizon_ryu.supervision import Supervisor
from horizon_ryu.switch_events import (
    EventPortChanged,
    EventSwitchConnected,
    EventSwitchJoining,
    EventSwitchLeft,
)
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.messages import (
    FlowCommand,
    FlowEntry,
    FlowMod,
    FlowModFlags,
    Match,
    Outgoing,
    PacketIn,
    ToController,
)
from unit.audit.table_answers import entries_read
from unit.discovery.small_network import both, outgoing, port, switch
from xen_bridge.runtime.green import GreenRuntime

A, B = 1, 2
GENERATION = 7
OURS = cookie(Owner.DISCOVERY, GENERATION)
ALICE = bytes((0x0A, 0, 0, 0, 0, 1))


class Switches:
    """Records what is sent; a cable joins port 1 of A and port 1 of B."""

    def __init__(self) -> None:
        self.confirmed: list[Outgoing] = []
        self.refusals: dict[int, SwitchError] = {}
        self.disconnected: list[int] = []
        self.entries: dict[int, tuple[FlowEntry, ...]] = {}
        self.lane: PacketInPipeline | None = None

    def send(self, messages: Iterable[Outgoing]) -> None:
        cable = {PortRef(A, 1): PortRef(B, 1), PortRef(B, 1): PortRef(A, 1)}
        for src, data in map(outgoing, messages):
            here = cable.get(src)
            if here is not None and self.lane is not None:
                self.lane.dispatch(PacketIn(here.dpid, here.port_no, data), time.monotonic())

    def confirm(self, messages: Sequence[Outgoing]) -> tuple[SwitchError, ...]:
        self.confirmed += messages
        hub.sleep(0)
        return tuple(self.refusals[sent.dpid] for sent in messages if sent.dpid in self.refusals)

    def disconnect(self, dpid: int, reason: str) -> None:
        self.disconnected.append(dpid)

    def codec(self, dpid: int) -> Codec:
        return codec_of(4)

    def flow_entries(self, dpid: int, **_asked: Any) -> tuple[FlowEntry, ...]:
        if dpid in self.refusals:
            raise self.refusals[dpid]
        return self.entries.get(dpid, ())

    def read(self, dpid: int, queries: Sequence[Query]) -> list[SwitchAnswer | SwitchError]:
        return entries_read(self.flow_entries, dpid, queries)


class Store(dict[str, Any]):
    """Settings in memory."""

    def get_setting(self, name: str) -> Any:
        return self.get(name)

    def set_setting(self, name: str, value: Any) -> None:
        self[name] = value


class Horizon(SimpleNamespace):
    """What the application uses of the services."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        switches, metrics = Switches(), Metrics()
        switches.lane = PacketInPipeline(switches.send, metrics)
        super().__init__(
            settings=SimpleNamespace(discovery=DiscoveryOptions(lldp_interval=0.5)),
            signing_key=b"k" * 32,
            generation=GENERATION,
            clock=time.monotonic,
            locator=None,
            switches=switches,
            packet_in_pipeline=switches.lane,
            router=SimpleNamespace(add=lambda resources: None),
            store=Store(),
            metrics=metrics,
            runtime=GreenRuntime(),
            supervisor=Supervisor(GreenRuntime(), time.monotonic, metrics.loop_failed),
            limits=SimpleNamespace(forget=lambda dpid: None),
            published=Published(),
            switch_names={},
            events=SimpleNamespace(publish=lambda kind, data: self.told.append((kind, data))),
            start=lambda wsgi: None,
            ports_of_slice=lambda _name, _authorization: None,
            audits=AuditService(
                GreenRuntime(), switches, dict, time.monotonic, lambda _name, _error: None
            ),
        )


class Running:
    """The application at work, and the events it sent to observers."""

    def __init__(self, horizon: Horizon) -> None:
        self.horizon = horizon
        self.events: list[EventTopologyChanged] = []
        self.app = discovery.Discovery(wsgi=None, horizon=horizon)
        self.app.send_event_to_observers = self.events.append
        self.app.start()

    def join(self, *dpids: int) -> None:
        for dpid in dpids:
            self.app._joining(EventSwitchJoining(dpid))
            self.app._connected_switch(EventSwitchConnected(switch(dpid, range(1, 5))))

    def wait(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + 30
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("it did not come to pass")
            hub.sleep(0.001)

    @property
    def links(self) -> set[Link]:
        return set(self.horizon.published.topology.links.values())

    def removed(self, dpid: int, value: int) -> None:
        """Report the removal of an entry as a 1.3 switch does."""
        body = value.to_bytes(8, "big") + Priority.LLDP.to_bytes(2, "big") + bytes((2, 0))
        buffer = bytes((4, 11, 0, 56)) + bytes(4) + body.ljust(40, b"\0") + b"\0\1\0\4" + bytes(4)
        datapath = SimpleNamespace(id=dpid)
        message = SimpleNamespace(version=4, buf=buffer, datapath=datapath)
        self.app._flow_removed(SimpleNamespace(msg=message))


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running(Horizon())
    yield made
    made.app.stop()


CABLE = both((A, 1), (B, 1))


def test_the_drop_is_confirmed_before_the_first_probe(running: Running) -> None:
    running.join(A, B)
    running.wait(lambda: running.links == CABLE)
    entry = FlowMod(
        FlowCommand.ADD,
        Match(dl_type=0x88CC),
        Priority.LLDP,
        OURS,
        (ToController(),),
        flags=FlowModFlags.SEND_FLOW_REM,
    )
    assert running.horizon.switches.confirmed == [Outgoing(A, entry), Outgoing(B, entry)]


@pytest.mark.parametrize("error", [SwitchDeadline(B, "silent"), SwitchError(B, "refused")])
def test_a_switch_without_the_drop_is_let_go_and_never_probed(
    running: Running, error: SwitchError
) -> None:
    running.horizon.switches.refusals[B] = error
    running.join(B)
    running.wait(lambda: running.horizon.switches.disconnected)
    running.app._left(EventSwitchLeft(B))
    running.join(A)
    running.wait(lambda: set(running.horizon.published.topology.switches) == {A})
    assert running.horizon.switches.disconnected == [B]


def test_a_switch_that_confirms_nothing_is_probed_all_the_same(running: Running) -> None:
    running.horizon.switches.refusals[B] = RequestUnanswered(B, "barrier")
    running.join(A, B)
    running.wait(lambda: running.links == CABLE)
    assert running.horizon.switches.disconnected == []


def test_a_switch_that_left_meanwhile_is_no_member(running: Running) -> None:
    running.horizon.switches.refusals[B] = SwitchAway(B)
    running.join(B)
    running.app._left(EventSwitchLeft(B))
    running.join(A)
    running.wait(lambda: set(running.horizon.published.topology.switches) == {A})
    assert running.horizon.switches.disconnected == []


def test_a_port_changed_while_joining_is_not_forgotten(running: Running) -> None:
    running.join(A)
    running.app._port_changed(EventPortChanged(A, 2, None))
    running.app._port_changed(EventPortChanged(A, 9, port(9, up=False)))
    running.wait(lambda: A in running.horizon.published.topology.switches)
    ports = running.horizon.published.topology.switches[A].ports
    assert set(ports) == {1, 3, 4, 9}
    assert not ports[9].up


def test_events_carry_immutable_views_that_grow(running: Running) -> None:
    running.join(A, B)
    running.wait(lambda: running.links == CABLE)
    running.app._left(EventSwitchLeft(B))
    running.wait(lambda: not running.links)
    versions = [event.view.version for event in running.events]
    assert versions == sorted(set(versions))
    kinds = [change.kind for event in running.events for change in event.changes]
    assert kinds.count("switch_join") == 2
    assert kinds[-3:] == ["link_delete", "link_delete", "switch_leave"]
    assert [kind for kind, _ in running.horizon.told] == kinds
    with pytest.raises(FrozenInstanceError):
        running.events[0].view = running.events[1].view  # type: ignore[misc]


def test_a_burst_of_joins_is_one_event(running: Running) -> None:
    for dpid in range(10, 60):
        running.app._core.switch_ready(switch(dpid, (1, 2)), time.monotonic())
    running.app._changed()
    running.wait(lambda: len(running.horizon.published.topology.switches) == 50)
    assert len(running.events) == 1


def test_lldp_is_consumed_whatever_it_says_and_other_frames_pass(running: Running) -> None:
    lane = running.horizon.packet_in_pipeline
    assert lane.dispatch(PacketIn(A, 1, bytes(12) + b"\x88\xcc"), 0.0)
    assert lane.dispatch(PacketIn(A, 1, bytes(12) + b"\x81\0\0\1\x88\xcc" + bytes(9)), 0.0)
    assert not lane.dispatch(PacketIn(A, 1, bytes(12) + b"\x08\0" + bytes(40)), 0.0)
    assert not lane.dispatch(PacketIn(A, 1, b""), 0.0)


def test_hosts_are_published_and_located(running: Running) -> None:
    running.join(A)
    running.wait(lambda: A in running.horizon.published.topology.switches)
    data = frames.build_arp_request(ALICE, bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
    assert not running.horizon.packet_in_pipeline.dispatch(PacketIn(A, 3, data), time.monotonic())
    assert running.horizon.locator(ALICE) == PortRef(A, 3)
    running.wait(lambda: ALICE in running.horizon.published.topology.hosts)


# ---- the LLDP entry is watched


def test_an_entry_that_somebody_removed_is_put_back(running: Running) -> None:
    running.join(A, B)
    running.wait(lambda: running.links == CABLE)
    count = len(running.horizon.switches.confirmed)
    running.events.clear()
    running.removed(A, OURS)
    assert running.app._core.doubt.joining == {A}
    running.wait(lambda: not running.app._core.doubt.joining)
    assert len(running.horizon.switches.confirmed) == count + 1
    assert running.links == CABLE
    assert running.events == []


def test_removals_without_end_cost_one_restoration_at_a_time(
    running: Running,
) -> None:
    running.join(A)
    running.wait(lambda: A in running.horizon.published.topology.switches)
    count = len(running.horizon.switches.confirmed)
    for _ in range(1000):
        running.removed(A, OURS)
    running.wait(lambda: not running.app._core.doubt.joining)
    for _ in range(1000):
        running.removed(A, OURS)
    assert len(running.horizon.switches.confirmed) == count + 1
    assert not running.app._core.doubt.joining


@pytest.mark.parametrize("value", [cookie(Owner.DISCOVERY, 6), cookie(Owner.FORWARDING, 7), 0])
def test_entries_of_others_are_their_business(running: Running, value: int) -> None:
    running.join(A)
    running.wait(lambda: A in running.horizon.published.topology.switches)
    running.removed(A, value)
    running.removed(99, OURS)
    assert not running.app._restoring


def test_where_it_cannot_be_put_back_the_switch_is_let_go(running: Running) -> None:
    running.join(A)
    running.wait(lambda: A in running.horizon.published.topology.switches)
    running.horizon.switches.refusals[A] = SwitchError(A, "table full")
    running.removed(A, OURS)
    running.wait(lambda: running.horizon.switches.disconnected == [A])
    running.wait(lambda: not running.app._restoring)


def lldp_entry(**changes: Any) -> FlowEntry:
    values = {"match": Match(dl_type=0x88CC), "priority": Priority.LLDP, "cookie": OURS}
    return FlowEntry(**{**values, "actions": (ToController(),), **changes})


def test_an_audit_restores_an_entry_that_nobody_told_about(running: Running) -> None:
    running.join(A, B)
    running.wait(lambda: running.links == CABLE)
    switches, audits = running.horizon.switches, running.horizon.audits
    switches.entries = {A: (lldp_entry(),), B: (lldp_entry(actions=()),)}
    count = len(switches.confirmed)
    assert audits.audit(A)
    assert not audits.audit(B), "changed by others"
    assert running.app._core.doubt.joining == {B}
    running.wait(lambda: not running.app._core.doubt.joining)
    assert [sent.dpid for sent in switches.confirmed[count:]] == [B]
    assert audits.audit(B), "it is on its way"
    assert audits.repairs["discovery"] == 1
    assert running.links == CABLE


def test_an_audit_asks_nothing_of_a_switch_that_is_not_ready(running: Running) -> None:
    running.app._joining(EventSwitchJoining(A))
    assert running.horizon.audits.audit(A)
    assert running.horizon.switches.confirmed == []


def test_a_switch_that_is_slow_to_join_is_told_and_counted(running: Running) -> None:
    running.app._core.switch_joining(99, time.monotonic() - 5.0)
    running.wait(lambda: running.horizon.told)
    assert running.horizon.told[0][0] == "alarm_slow_join"
    assert running.horizon.told[0][1]["dpid"] == "0000000000000063"
    assert running.horizon.published.slow_joins == {99}
    text = running.horizon.metrics.text().decode()
    assert 'horizon_switch_joins_total{outcome="slow"} 1.0' in text
    assert "horizon_joining_switches 1.0" in text
    running.app._left(EventSwitchLeft(99))
    running.wait(lambda: not running.horizon.published.slow_joins)


def test_pins_survive_a_restart() -> None:
    horizon = Horizon()
    first = Running(horizon)
    pin = Host(ALICE, ("10.0.0.1",), PortRef(A, 3))
    first.app.pin_host(pin)
    first.join(A)
    first.wait(lambda: ALICE in horizon.published.topology.hosts)
    first.app.stop()
    second = Running(horizon)
    assert second.app.pins() == {ALICE: pin}
    second.app.unpin_host(ALICE)
    assert horizon.store["discovery.pins"] == []
    second.app.stop()


# ---- timers


def test_timers_survive_a_restart() -> None:
    horizon = Horizon()
    wanted = DiscoveryTimers(0.25, 2.0, 4.0)
    first = Running(horizon)
    assert first.app.timers() == DiscoveryTimers(0.5, 5.0, 10.0)
    first.app.set_timers(wanted)
    first.app.stop()
    second = Running(horizon)
    assert second.app.timers() == wanted
    second.app.stop()


def test_spanning_tree_sets_the_interval_for_this_run_only(running: Running) -> None:
    running.app._set_probe_interval(EventSetProbeInterval(0.05))
    assert running.app.timers() == DiscoveryTimers(0.05, 5.0, 10.0)
    assert running.horizon.store == {}
    with pytest.raises(InvalidInput):
        running.app._set_probe_interval(EventSetProbeInterval(0.0))
    assert running.app.timers().lldp_interval == 0.05


# ---- virtual networks


def test_a_virtual_network_is_read_from_the_switches(running: Running) -> None:
    running.join(A, B)
    running.wait(lambda: running.links == CABLE)
    tagged = FlowEntry(Match(dl_vlan=10), 1, 0, (), 0, True)
    running.horizon.switches.entries = {A: (tagged,), B: (tagged,)}
    network = NetworkDefinition(vlan=10)
    assert set(running.app.network_view(network).links.values()) == CABLE
    running.horizon.switches.refusals[B] = SwitchAway(B)
    assert set(running.app.network_view(network).switches) == {A}
    running.horizon.switches.refusals[B] = SwitchDeadline(B, "silent")
    with pytest.raises(SwitchDeadline):
        running.app.network_view(network)


def test_a_fault_of_ours_while_a_switch_joins_costs_that_switch_its_connection_alone(
    running: Running,
) -> None:
    """A switch that counts as joining for ever would keep every new link from being believed."""
    confirm, calls = running.horizon.switches.confirm, []

    def fail_for_one(messages: Sequence[Outgoing]) -> tuple[SwitchError, ...]:
        if messages[0].dpid == 3 and not calls:
            calls.append(1)
            raise KeyError("a fault of ours")
        return confirm(messages)

    running.horizon.switches.confirm = fail_for_one
    running.join(3, A, B)
    running.wait(lambda: running.horizon.switches.disconnected == [3])
    running.app._left(EventSwitchLeft(3))
    running.wait(lambda: running.links == CABLE)
    assert running.horizon.metrics.loop_failures == {"Discovery._force_drop": 1}


def test_an_entry_that_could_not_be_put_back_for_a_fault_of_ours_is_put_back_later(
    running: Running,
) -> None:
    running.join(A)
    running.wait(lambda: A in running.horizon.published.topology.switches)
    confirm = running.horizon.switches.confirm

    def fail(_messages: Sequence[Outgoing]) -> tuple[SwitchError, ...]:
        raise KeyError("a fault of ours")

    running.horizon.switches.confirm = fail
    running.removed(A, OURS)
    running.wait(lambda: running.horizon.switches.disconnected == [A])
    running.wait(lambda: not running.app._restoring)
    running.horizon.switches.confirm = confirm
    running.removed(A, OURS)
    running.wait(lambda: len(running.horizon.switches.confirmed) == 2)


def test_turns_that_raise_lose_neither_probes_nor_changes(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def fail_once(method: str) -> None:
        real = getattr(running.app._core, method)

        def wrapper(*args: Any) -> Any:
            if method not in calls:
                calls.append(method)
                raise KeyError("a fault of ours")
            return real(*args)

        monkeypatch.setattr(running.app._core, method, wrapper)

    for method in ("tick", "take_changes", "_next_view"):
        fail_once(method)
    running.join(A, B)
    running.wait(lambda: running.links == CABLE)
    assert sorted(calls) == ["_next_view", "take_changes", "tick"]
    kinds = [change.kind for event in running.events for change in event.changes]
    assert kinds.count("switch_join") == 2
    assert running.horizon.metrics.loop_failures == {
        "Discovery._probe": 1,
        "Discovery._publish": 2,
    }


def test_timers_that_cannot_be_kept_are_not_used(running: Running) -> None:
    def refuse(*_: Any) -> None:
        raise StoreError("the store cannot be written: locked")

    before = running.app.timers()
    running.horizon.store.set_setting = refuse
    with pytest.raises(StoreError):
        running.app.set_timers(DiscoveryTimers(lldp_interval=2.0))
    assert running.app.timers() == before
    assert running.horizon.store == {}


@pytest.mark.parametrize("src", [b"\xff" * 6, b"\1\0\x5e\0\0\1", bytes(6), ALICE])
def test_no_host_is_learned_from_a_source_that_no_station_has(running: Running, src: bytes) -> None:
    running.join(A)
    running.wait(lambda: A in running.horizon.published.topology.switches)
    data = ALICE + src + b"\x08\x00" + bytes(46)
    running.horizon.packet_in_pipeline.dispatch(PacketIn(A, 3, data), time.monotonic())
    assert running.horizon.locator(src) is None


def test_links_that_are_held_are_told_counted_and_logged(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.join(A)
    running.join(B)
    running.wait(lambda: running.links == CABLE)
    link = Link(PortRef(A, 3), PortRef(B, 3))
    running.app.pin_host(Host(ALICE, (), link.src))
    core = running.app._core
    judged = core._evidence._judge(link, 0.001, time.monotonic())
    assert judged is PairStanding.HELD
    running.app._changed()
    published = running.horizon.published
    running.wait(lambda: published.topology.held == (HeldLink(link, "asking"),))
    running.wait(lambda: published.topology.held == (HeldLink(link, "relayed"),))
    kinds = [kind for kind, _ in running.horizon.told]
    assert kinds.count("alarm_relayed_link") == 1
    assert kinds.count("link_held") == 2
    (data,) = [data for kind, data in running.horizon.told if kind == "alarm_relayed_link"]
    assert data["src"]["port_no"] == data["dst"]["port_no"] == data["other_port"]["port_no"] == 3
    assert "probes are relayed between" in caplog.text
    text = running.horizon.metrics.text().decode()
    assert "horizon_held_links 1.0" in text
    assert 'horizon_link_trials_total{outcome="relayed"} 1.0' in text


def test_questions_and_checks_that_come_in_elsewhere_are_seen_by_nobody(running: Running) -> None:
    running.join(A)
    seen: list[PacketIn] = []

    def noted(packet: PacketIn) -> PacketInVerdict:
        seen.append(packet)
        return PacketInVerdict(True)

    running.horizon.packet_in_pipeline.register(99, lambda packet, _now: noted(packet))
    question = frames.build_arp_probe(ALICE, PROBER, bytes((10, 0, 0, 1)))
    assert running.horizon.packet_in_pipeline.dispatch(PacketIn(A, 3, question), 0.0)
    assert seen == []
