"""The Ryu application: what it asks of switches and when, with the services replaced."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace

import pytest
from ryu.lib import hub

from horizon_ryu.audit.service import AuditService
from horizon_ryu.core.errors import SwitchAway, SwitchDeadline, SwitchError
from horizon_ryu.core.forwarding.answers import along_the_tree
from horizon_ryu.core.forwarding.control import SETTLE_AT_ONCE
from horizon_ryu.core.forwarding.pair_flows import Pair, PairFlows
from horizon_ryu.core.learning_entries import learning_entries
from horizon_ryu.core.ownership import Owner, Priority, cookie
from horizon_ryu.core.topology import (
    Host,
    Link,
    Port,
    PortRef,
    Switch,
    TopologyChange,
    TopologyView,
)
from horizon_ryu.discovery_events import EventTopologyChanged
from horizon_ryu.forwarding import Forwarding
from horizon_ryu.metrics import Metrics
from horizon_ryu.openflow.counters import ConnectionCounters
from horizon_ryu.openflow.packet_in_pipeline import PacketInPipeline
from horizon_ryu.openflow.queries import Query, SwitchAnswer
from horizon_ryu.published import Published
from horizon_ryu.supervision import Supervisor
from horizon_ryu.wire.capabilities import capabilities_of
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.messages import (
    VLAN_NONE,
    FlowCommand,
    FlowEntry,
    FlowMod,
    Match,
    Outgoing,
    Output,
    PacketIn,
)
from unit.audit.table_answers import entries_read
from xen_bridge.runtime.green import GreenRuntime

HOLD = 0.05
OLD = cookie(Owner.FORWARDING, 1)
INGRESS = FlowEntry(
    Match(9, bytes(5) + b"\2", bytes(5) + b"\4"), Priority.UNICAST, OLD, (Output(1),)
)
TRANSIT = FlowEntry(
    Match(1, bytes(5) + b"\4", bytes(5) + b"\2"), Priority.UNICAST, OLD, (Output(9),)
)


class Switches:
    """Records what is sent; every switch holds the same entries."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.entries: tuple[FlowEntry, ...] = ()
        self.failure: SwitchError | None = None

    def send(self, messages: Iterable[Outgoing]) -> None:
        self.sent += messages

    def disconnect(self, _dpid: int, reason: str) -> None:
        raise AssertionError(reason)

    def confirm(self, messages: Sequence[Outgoing]) -> tuple[SwitchError, ...]:
        self.sent += messages
        return ()

    def codec(self, dpid: int) -> Codec:
        return codec_of(4)

    def flow_entries(self, dpid: int, **_asked: object) -> tuple[FlowEntry, ...]:
        if self.failure is not None:
            raise self.failure
        return self.entries

    def deleted(self) -> list[tuple[int, Match]]:
        return [
            (sent.dpid, sent.message.match)
            for sent in self.sent
            if isinstance(sent.message, FlowMod)
            and sent.message.command is FlowCommand.DELETE_STRICT
        ]

    def read(self, dpid: int, queries: Sequence[Query]) -> list[SwitchAnswer | SwitchError]:
        return entries_read(self.flow_entries, dpid, queries)


class Horizon(SimpleNamespace):
    """What the application uses of the services."""

    def __init__(self) -> None:
        self.places: dict[bytes, PortRef] = {}
        self.switches = Switches()
        self.metrics = Metrics()
        super().__init__(
            runtime=GreenRuntime(),
            supervisor=Supervisor(GreenRuntime(), time.monotonic, self.metrics.loop_failed),
            settings=SimpleNamespace(
                forwarding=SimpleNamespace(idle_timeout=30, max_pairs=10_000),
                spanning_tree=SimpleNamespace(port_hold_time=HOLD),
            ),
            generation=2,
            clock=time.monotonic,
            locate_host=self.places.get,
            is_contested=lambda _address: False,
            flood=along_the_tree,
            published=Published(),
            packet_in_pipeline=PacketInPipeline(self.switches.send, ConnectionCounters()),
            start=lambda wsgi: None,
            audits=AuditService(
                GreenRuntime(), self.switches, dict, time.monotonic, lambda _name, _error: None
            ),
        )


class Unsettled:
    """A tree that is not settled before ``settled`` says so; counts ``looks`` down to 0."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.settled = False

    @property
    def is_tree_settled(self) -> bool:
        self.looks = max(0, self.looks - 1)
        return self.settled


@pytest.fixture
def horizon() -> Horizon:
    return Horizon()


@pytest.fixture
def app(horizon: Horizon) -> Iterator[Forwarding]:
    app = Forwarding(wsgi=None, horizon=horizon)
    yield app
    app.stop()


def switch(dpid: int) -> Switch:
    return Switch(dpid, "", 4, {n: Port(n, "", bytes(6), True) for n in range(1, 10)})


def line_view() -> TopologyView:
    """Switches 1 and 2 with two cables, ports 1 and 2."""
    links = {}
    for port in (1, 2):
        for src, dst in ((1, 2), (2, 1)):
            links[PortRef(src, port)] = Link(PortRef(src, port), PortRef(dst, port))
    return TopologyView(1, {1: switch(1), 2: switch(2)}, links)


def join(app: Forwarding) -> None:
    joins = tuple(TopologyChange("switch_join", switch(dpid)) for dpid in (1, 2))
    app._topology_changed(EventTopologyChanged(line_view(), joins))


def wait_for(condition: object, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # type: ignore[operator]
        hub.sleep(0.01)
    assert condition()  # type: ignore[operator]


def test_a_frame_takes_the_fast_lane(app: Forwarding, horizon: Horizon) -> None:
    join(app)
    a, b = b"\2" + bytes(5), b"\4" + bytes(5)
    horizon.places.update({a: PortRef(1, 9), b: PortRef(2, 9)})
    horizon.switches.sent.clear()
    packet = PacketIn(1, 9, b + a + b"\x08\x00" + bytes(46))
    assert horizon.packet_in_pipeline.dispatch(packet, time.monotonic())
    assert [sent.dpid for sent in horizon.switches.sent] == [2, 1, 2]
    app.stop()
    assert not horizon.packet_in_pipeline.dispatch(packet, time.monotonic())


def test_old_entries_go_after_the_hold_those_at_hosts_first(
    app: Forwarding, horizon: Horizon
) -> None:
    horizon.settings.spanning_tree.port_hold_time = 1.0
    horizon.switches.entries = (TRANSIT, INGRESS)
    join(app)
    for _ in range(100):
        hub.sleep(0)
    assert horizon.switches.deleted() == []
    wait_for(lambda: len(horizon.switches.deleted()) >= 6)
    deleted = horizon.switches.deleted()
    assert {match for _, match in deleted[:2]} == {INGRESS.match}
    assert {dpid for dpid, _ in deleted[:2]} == {1, 2}
    assert {match for _, match in deleted[2:]} == {INGRESS.match, TRANSIT.match}


def test_old_entries_stay_while_a_switch_of_the_earlier_run_is_still_away(
    app: Forwarding, horizon: Horizon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hosts are reached by the old entries alone: it can ask nobody about frames yet."""
    monkeypatch.setattr("horizon_ryu.forwarding.LOOK_AGAIN", 0.01)
    horizon.published = Unsettled(looks=5)
    horizon.switches.entries = (TRANSIT, INGRESS)
    join(app)
    wait_for(lambda: horizon.published.looks == 0)
    assert horizon.switches.deleted() == []
    horizon.published.settled = True
    wait_for(lambda: len(horizon.switches.deleted()) >= 6)


def test_old_entries_go_at_last_where_the_tree_never_settles(
    app: Forwarding, horizon: Horizon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("horizon_ryu.forwarding.LONGEST_WAIT", 0.1)
    horizon.published = Unsettled(looks=1)
    horizon.switches.entries = (TRANSIT, INGRESS)
    join(app)
    wait_for(lambda: len(horizon.switches.deleted()) >= 6)


def test_old_entries_into_dead_ports_go_at_once(app: Forwarding, horizon: Horizon) -> None:
    dead = FlowEntry(INGRESS.match, Priority.UNICAST, OLD, (Output(77),))
    horizon.switches.entries = (dead,)
    join(app)
    hub.sleep(0)
    assert {dpid for dpid, _ in horizon.switches.deleted()} == {1, 2}


@pytest.mark.parametrize("failure", [SwitchAway(1), SwitchDeadline(1, "late")])
def test_a_switch_that_does_not_answer_is_left_alone(
    app: Forwarding, horizon: Horizon, failure: SwitchError, caplog: pytest.LogCaptureFixture
) -> None:
    horizon.switches.failure = failure
    join(app)
    wait_for(lambda: not app._unswept)
    assert horizon.switches.deleted() == []
    assert bool(caplog.records) == isinstance(failure, SwitchDeadline)


def test_many_pairs_are_rerouted_by_and_by(app: Forwarding, horizon: Horizon) -> None:
    join(app)
    server = b"\2" + bytes(5)
    clients = [b"\4\0\0\0" + n.to_bytes(2, "big") for n in range(2 * SETTLE_AT_ONCE)]
    horizon.places[server] = PortRef(2, 9)
    horizon.places.update({mac: PortRef(1, 9) for mac in clients})
    for mac in clients:
        packet = PacketIn(1, 9, server + mac + b"\x08\x00" + bytes(46))
        horizon.packet_in_pipeline.dispatch(packet, time.monotonic())
    view = line_view()
    cut = {ref: link for ref, link in view.links.items() if ref.port_no == 2}
    gone = TopologyChange("link_delete", Link(PortRef(1, 1), PortRef(2, 1)))
    horizon.switches.sent.clear()
    app._topology_changed(EventTopologyChanged(TopologyView(2, view.switches, cut), (gone,)))
    assert app._core.unsettled
    wait_for(lambda: not app._core.unsettled)
    rerouted = {
        sent.message.match.dl_src
        for sent in horizon.switches.sent
        if isinstance(sent.message, FlowMod) and sent.message.actions == (Output(2),)
    }
    assert rerouted == set(clients)


def two_ways(version: int, *dpids: int) -> TopologyView:
    """Switches 1 and 2, each with a cable to each of ``dpids``, whose numbers are the ports."""
    links = {}
    for edge in (1, 2):
        for dpid in dpids:
            one, other = PortRef(edge, dpid), PortRef(dpid, edge)
            links.update({one: Link(one, other), other: Link(other, one)})
    return TopologyView(version, {dpid: switch(dpid) for dpid in (1, 2, *dpids)}, links)


def rerouted(horizon: Horizon, port: int) -> set[tuple[bytes | None, bytes | None]]:
    """Return the pairs that switch 1 was told to send out of ``port``."""
    return {
        (sent.message.match.dl_src, sent.message.match.dl_dst)
        for sent in horizon.switches.sent
        if isinstance(sent.message, FlowMod)
        and (sent.dpid, sent.message.actions) == (1, (Output(port),))
    }


def talk(horizon: Horizon, pairs: int = 300) -> set[tuple[bytes | None, bytes | None]]:
    """Have ``pairs`` hosts at switch 1 send to one at switch 2."""
    server = b"\2" + bytes(5)
    clients = [b"\4\0\0\0" + n.to_bytes(2, "big") for n in range(pairs)]
    horizon.places.update({mac: PortRef(1, 9) for mac in clients} | {server: PortRef(2, 9)})
    for mac in clients:
        packet = PacketIn(1, 9, server + mac + b"\x08\x00" + bytes(46))
        assert horizon.packet_in_pipeline.dispatch(packet, time.monotonic())
    return {(mac, server) for mac in clients}


def lose(app: Forwarding, horizon: Horizon, before: TopologyView, after: TopologyView) -> None:
    """Have the switches that are not in ``after`` die, with their links and hosts."""
    gone = before.switches.keys() - after.switches.keys()
    changes = [TopologyChange("switch_leave", before.switches[dpid]) for dpid in gone]
    lost = [link for src, link in before.links.items() if src not in after.links]
    changes += [TopologyChange("link_delete", link) for link in lost]
    for mac, place in list(horizon.places.items()):
        if place.dpid in gone:
            changes.append(TopologyChange("host_delete", Host(mac, (), horizon.places.pop(mac))))
    app._topology_changed(EventTopologyChanged(after, tuple(changes)))


def settled(app: Forwarding) -> None:
    wait_for(lambda: not app._core.unsettled and not app._settling)


@pytest.mark.parametrize("source", [b"\6" + bytes(5), b"\xff" * 6, bytes(6)])
def test_pairs_are_rerouted_though_a_frame_came_from_its_own_destination(
    app: Forwarding, horizon: Horizon, source: bytes
) -> None:
    view = two_ways(1, 3, 4)
    app._topology_changed(EventTopologyChanged(view, ()))
    wanted = talk(horizon)
    assert rerouted(horizon, 3) == wanted
    horizon.places[source] = PortRef(3, 9)
    nonsense = PacketIn(3, 9, source + source + b"\x08\x00" + bytes(46))
    assert horizon.packet_in_pipeline.dispatch(nonsense, time.monotonic())
    horizon.switches.sent.clear()
    lose(app, horizon, view, two_ways(2, 4))
    settled(app)
    assert rerouted(horizon, 4) == wanted


def test_a_pair_that_fails_leaves_the_others_theirs_and_the_next_change_its_turn(
    app: Forwarding, horizon: Horizon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pairs raise, one at once and one later."""
    view = two_ways(1, 3, 4)
    app._topology_changed(EventTopologyChanged(view, ()))
    wanted = talk(horizon)
    keys = [pair.key for pair in app._core._pairs]
    poisoned = {keys[1], keys[-1]}
    install = PairFlows.install

    def fail_for_some(self: PairFlows, pair: Pair, now: float) -> list[Outgoing]:
        if pair.key in poisoned:
            raise KeyError("a fault of ours")
        return install(self, pair, now)

    monkeypatch.setattr(PairFlows, "install", fail_for_some)
    horizon.switches.sent.clear()
    lose(app, horizon, view, two_ways(2, 4))
    settled(app)
    failed = {(key[6:], key[:6]) for key in poisoned}
    assert rerouted(horizon, 4) == wanted - failed
    assert {(m.dl_src, m.dl_dst) for dpid, m in horizon.switches.deleted() if dpid == 1} == failed
    assert horizon.metrics.loop_failures == {"Forwarding._settle": 2}
    monkeypatch.undo()
    horizon.switches.sent.clear()
    again = two_ways(3, 3)
    joined = (TopologyChange("switch_join", again.switches[3]),)
    app._topology_changed(EventTopologyChanged(again, joined))
    settled(app)
    assert rerouted(horizon, 3) == wanted - failed
    assert {Outgoing(3, mod) for mod in app._core.base_entries(3)} <= set(horizon.switches.sent)


def test_rerouting_goes_on_when_sending_failed_once(
    app: Forwarding, horizon: Horizon, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = two_ways(1, 3, 4)
    app._topology_changed(EventTopologyChanged(view, ()))
    talk(horizon)
    send, calls = horizon.switches.send, []

    def fail_second(messages: Iterable[Outgoing]) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("a fault of ours")
        send(messages)

    monkeypatch.setattr(horizon.switches, "send", fail_second)
    lose(app, horizon, view, two_ways(2, 4))
    settled(app)
    assert horizon.metrics.loop_failures == {"Forwarding._settle_some": 1}


def test_switches_that_join_are_swept_though_the_change_raised(
    app: Forwarding, horizon: Horizon, monkeypatch: pytest.MonkeyPatch
) -> None:
    horizon.switches.entries = (INGRESS,)

    def fail(*_: object) -> list[Outgoing]:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(app._core, "topology_changed", fail)
    with pytest.raises(KeyError):
        join(app)
    wait_for(lambda: {dpid for dpid, _ in horizon.switches.deleted()} == {1, 2})
    assert not app._unswept


def test_a_timed_out_entry_is_taken_from_ryus_event(app: Forwarding, horizon: Horizon) -> None:
    join(app)
    a, b = b"\2" + bytes(5), b"\4" + bytes(5)
    horizon.places.update({a: PortRef(1, 9), b: PortRef(2, 9)})
    packet = PacketIn(1, 9, b + a + b"\x08\x00" + bytes(46))
    horizon.packet_in_pipeline.dispatch(packet, time.monotonic())
    horizon.switches.sent.clear()
    place = TopologyChange("host_move", Host(b, (), PortRef(2, 9)))
    notice = SimpleNamespace(version=4, buf=removed(a, b), datapath=SimpleNamespace(id=1))
    app._flow_removed(SimpleNamespace(msg=notice))
    assert len(app._core._pairs) == 1, "it cannot have been idle for long enough"
    sent_at = app._core._pairs.of_match(Match(dl_src=a, dl_dst=b, dl_vlan=VLAN_NONE)).installed_at
    horizon.clock = lambda: sent_at + 30
    app._flow_removed(SimpleNamespace(msg=notice))
    counts = 'horizon_pair_removals_total{outcome="%s"} 1.0'
    text = horizon.metrics.text().decode()
    assert counts % "expired" in text
    assert counts % "not_believed" in text
    horizon.places[b] = PortRef(2, 8)
    app._topology_changed(EventTopologyChanged(line_view(), (place,)))
    assert horizon.switches.sent == []


def test_an_audit_restores_the_entries_by_which_stations_are_learned(
    app: Forwarding, horizon: Horizon
) -> None:
    assert horizon.audits.audit(1), "nothing is asked of a switch that is not there"
    join(app)
    horizon.switches.sent.clear()
    assert not horizon.audits.audit(1)
    mods = [sent.message for sent in horizon.switches.sent if isinstance(sent.message, FlowMod)]
    assert mods == list(learning_entries(capabilities_of(4), cookie(Owner.FORWARDING, 2)))
    horizon.switches.entries = tuple(
        FlowEntry(mod.match, mod.priority, mod.cookie, mod.actions) for mod in mods
    )
    assert horizon.audits.audit(1)
    lost, *horizon.switches.entries = horizon.switches.entries
    horizon.switches.sent.clear()
    assert not horizon.audits.audit(1)
    assert [sent.message.match for sent in horizon.switches.sent] == [lost.match]


def removed(src: bytes, dst: bytes) -> bytes:
    fields = b"\x80\x00\x00\x04\0\0\0\x09" + b"\x80\x00\x06\x06" + dst + b"\x80\x00\x08\x06" + src
    head = b"\x04\x0b\0\x58" + bytes(4) + cookie(Owner.FORWARDING, 2).to_bytes(8, "big")
    rest = b"\0\x96\0\0" + (30).to_bytes(4, "big") + bytes(24)
    untagged = b"\x80\x00\x0c\x02" + bytes(2)
    return head + rest + b"\0\x01\0\x26" + fields + untagged + bytes(2)
