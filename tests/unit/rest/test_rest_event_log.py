"""The event log: numbered, bounded, and never waiting for a reader."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.errors import LimitExceeded
from horizon_ryu.core.spanning_tree.forest import build_forest
from horizon_ryu.core.topology import (
    Host,
    Link,
    Port,
    PortRef,
    Switch,
    TopologyChange,
    TopologyView,
)
from horizon_ryu.http.event_log import MAX_SUBSCRIBERS, QUEUE_EVENTS, EventLog, EventSubscription
from horizon_ryu.rest.event_data import PORTS_TOLD, change_to_event, forest_to_event
from xen_bridge.runtime.green import GreenRuntime


def make_log(size: int = 8) -> EventLog:
    return EventLog(GreenRuntime(), size, wall_clock=lambda: 1000.25)


def drain(subscription: EventSubscription) -> list[Any]:
    found = []
    while (event := subscription.next(timeout=0)) is not None:
        found.append(json.loads(event.text))
    return found


def test_event_has_number_time_kind_and_data() -> None:
    log = make_log()
    subscription = log.subscribe()
    log.publish("link_add", {"a": [1]})
    assert drain(subscription) == [
        {"seq": 1, "at": 1000.25, "kind": "link_add", "data": {"a": [1]}}
    ]
    assert log.last_seq == 1


def test_a_new_subscriber_gets_only_what_is_new() -> None:
    log = make_log()
    log.publish("old", {})
    subscription = log.subscribe()
    log.publish("new", {})
    assert [event["kind"] for event in drain(subscription)] == ["new"]


def test_kinds_are_chosen() -> None:
    log = make_log()
    subscription = log.subscribe(since=0, kinds=["b"])
    for kind in "abcb":
        log.publish(kind, {})
    assert [event["seq"] for event in drain(subscription)] == [2, 4]


@given(before=st.integers(0, 30), after=st.integers(0, 20), since=st.integers(0, 40))
def test_replay_is_complete_and_in_order_or_tells_of_the_gap(
    before: int, after: int, since: int
) -> None:
    log = make_log(size=8)
    for _ in range(before):
        log.publish("x", {})
    subscription = log.subscribe(since=since)
    for _ in range(after):
        log.publish("x", {})
    found = drain(subscription)
    gap = found.pop(0) if found and found[0]["kind"] == "gap" else None
    kept = range(max(1, before - 7), before + 1)
    if gap is None:
        assert max(0, before - 8) <= since <= before
        assert [event["seq"] for event in found] == list(range(since + 1, before + after + 1))
    else:
        assert not max(0, before - 8) <= since <= before
        assert gap["data"] == {"since": since, "oldest": kept.start, "newest": before}
        assert [event["seq"] for event in found] == list(range(kept.start, before + after + 1))


def test_slow_subscriber_is_dropped_and_others_are_not() -> None:
    log = make_log()
    slow, quick = log.subscribe(), log.subscribe()
    for _ in range(QUEUE_EVENTS + 1):
        log.publish("x", {})
        assert quick.next(timeout=0) is not None
    assert (slow.dropped, slow.closed) == (True, True)
    assert (quick.dropped, quick.closed) == (False, False)
    assert slow.next() is None
    assert (log.dropped, log.subscribers) == (1, 1)


def test_subscribers_are_bounded_and_places_are_given_back() -> None:
    log = make_log()
    subscriptions = [log.subscribe() for _ in range(MAX_SUBSCRIBERS)]
    with pytest.raises(LimitExceeded):
        log.subscribe()
    subscriptions[0].close()
    subscriptions[0].close()
    assert not log.subscribe().closed


def test_close_ends_the_waiting() -> None:
    subscription = make_log().subscribe()
    subscription.close()
    assert subscription.next() is None


def test_data_that_is_not_json_is_the_publishers_fault() -> None:
    log = make_log()
    with pytest.raises(ValueError, match="JSON"):
        log.publish("x", {"a": float("nan")})
    assert (log.last_seq, log.published) == (0, {})


A, B = PortRef(1, 2), PortRef(3, 4)
SWITCH = Switch(1, "192.0.2.1:1", 4, {2: Port(2, "eth2", bytes(6), True, 1000)})


@pytest.mark.parametrize(
    ("change", "data"),
    [
        (TopologyChange("port_delete", A), {"dpid": "0000000000000001", "port_no": 2}),
        (
            TopologyChange("link_add", Link(A, B)),
            {
                "src": {"dpid": "0000000000000001", "port_no": 2},
                "dst": {"dpid": "0000000000000003", "port_no": 4},
            },
        ),
        (
            TopologyChange("host_move", Host(b"\x00\x00\x00\x00\x00\x07", ("10.0.0.7",), B)),
            {
                "mac": "00:00:00:00:00:07",
                "ips": ["10.0.0.7"],
                "dpid": "0000000000000003",
                "port_no": 4,
            },
        ),
    ],
)
def test_changes_become_events(change: TopologyChange, data: Any) -> None:
    assert change_to_event(change) == (change.kind, data)


def test_switches_that_leave_are_not_connected() -> None:
    assert change_to_event(TopologyChange("switch_join", SWITCH))[1]["connected"] is True
    kind, data = change_to_event(TopologyChange("switch_leave", SWITCH))
    assert (kind, data["connected"], data["openflow"]) == ("switch_leave", False, "1.3")
    assert json.dumps(data)


def test_an_event_tells_of_the_lowest_ports_of_a_switch_that_has_very_many() -> None:
    (one,) = list(SWITCH.ports.values())[:1]
    ports = {n: replace(one, port_no=n) for n in range(PORTS_TOLD + 3, 0, -1)}
    data = change_to_event(TopologyChange("switch_join", replace(SWITCH, ports=ports)))[1]
    assert [port["port_no"] for port in data["ports"]] == list(range(1, PORTS_TOLD + 1))
    assert data["ports_left_out"] == 3


def test_forest_becomes_an_event() -> None:
    forest = build_forest(TopologyView(1, {1: SWITCH}))
    assert forest_to_event(forest) == ("tree_change", {"roots": ["0000000000000001"], "blocked": 0})
