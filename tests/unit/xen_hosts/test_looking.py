"""Hosts are looked at side by side, whatever one of them does; what changed is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ryu.lib import hub

from fake_xen import FakeXen, until
from horizon_ryu.core.errors import HostError
from xen_bridge.errors import Deadline, HypervisorAway, HypervisorError
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    DeleteDomain,
    Done,
    GetNode,
    Node,
    SetDomain,
)

MANY = 50


def domain_events(xen: FakeXen) -> list[tuple[str, str, str]]:
    return [(one["name"], one["change"], one["state"]) for one in xen.told("xen_domain")]


# ---- side by side


def test_fifty_hosts_are_looked_at_at_once(xen: FakeXen) -> None:
    """None is answered before all have been asked: one after the other would never end."""
    everybody = hub.Event()
    for number in range(MANY):
        xen.add(f"h{number}")
    waiting: set[int] = set()

    def wait(number: int) -> None:
        waiting.add(number)
        if len(waiting) == MANY:
            everybody.set()
        everybody.wait()

    for number, bridge in enumerate(xen.bridges.values()):
        bridge.before = lambda _body, number=number: wait(number)
    xen.hosts.start()
    until(everybody.is_set, "all are asked")


def test_a_host_that_hangs_holds_nobody_up(xen: FakeXen) -> None:
    held, other = xen.add("held"), xen.add("other")
    never = hub.Event()
    held.before = lambda _body: never.wait()
    xen.hosts.start()
    until(lambda: held.asked, "it is asked")
    other.away = "no route"
    until(lambda: xen.hosts.host("other").status.state == "away")
    other.away = None
    until(lambda: xen.hosts.host("other").status.state == "connected")
    assert len(held.asked) == 2


def test_a_look_has_its_deadline_and_costs_no_run_of_xl(tmp_path: Path) -> None:
    xen = FakeXen(tmp_path, poll_deadline=3.0)
    assert xen.add().asked == [(GetNode(affinity=False), None, 3.0)]


def test_a_host_registered_later_is_watched_too(xen: FakeXen) -> None:
    xen.hosts.start()
    bridge = xen.add()
    bridge.away = "gone"
    until(lambda: xen.host().status.state == "away")


def test_a_watcher_waits_the_interval_between_two_looks(tmp_path: Path) -> None:
    xen = FakeXen(tmp_path, poll_interval=3600.0)
    bridge = xen.add()
    xen.hosts.start()
    until(lambda: len(bridge.asked) == 2, "the first look of the watcher")
    for _ in range(100):
        hub.sleep(0)
    assert len(bridge.asked) == 2


def test_two_looks_at_one_host_never_share_the_connection(xen: FakeXen) -> None:
    bridge = xen.add()
    bridge.before = lambda _body: hub.sleep(0)
    for _ in range(10):
        xen.spawn(xen.look)
    until(lambda: len(bridge.asked) == 11, "all have looked")
    assert bridge.opened == 1
    assert {one["state"] for one in xen.told("xen_host")} == {"connected"}


# ---- there or away


@pytest.mark.parametrize(
    "error", [Deadline("late"), HypervisorAway("libvirtd"), HypervisorError("odd")]
)
def test_one_look_makes_it_away_and_one_brings_it_back(xen: FakeXen, error: Exception) -> None:
    bridge = xen.add()
    bridge.memory.fail("domains", error)
    xen.look()
    assert (xen.host().status.state, xen.host().status.reason) == ("away", str(error))
    assert xen.host().status.node is None
    bridge.memory.fail("domains", None)
    xen.look()
    assert xen.host().status.state == "connected"
    assert [(one["state"], one["reason"]) for one in xen.told("xen_host")] == [
        ("connected", ""),
        ("away", str(error)),
        ("connected", ""),
    ]


def test_an_absence_is_told_once_and_dated_from_its_beginning(xen: FakeXen) -> None:
    bridge = xen.add()
    bridge.away, xen.now = "no route", 200.0
    xen.look()
    bridge.away, xen.now = "another reason", 300.0
    xen.look()
    assert (xen.host().status.since, xen.host().status.reason) == (200.0, "another reason")
    assert len(xen.told("xen_host")) == 2


def test_what_cannot_be_explained_does_not_end_the_watcher(
    xen: FakeXen, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = xen.add()
    failures: list[Any] = []

    def fail(_body: Any) -> None:
        failures.append(1)
        raise ZeroDivisionError("a fault of ours")

    xen.hosts.start()
    bridge.before = fail
    until(lambda: len(failures) > 3, "it looks again and again")
    assert "log" in xen.host().status.reason
    assert len([one for one in caplog.records if one.exc_info]) == 1
    bridge.before = None
    until(lambda: xen.host().status.state == "connected")


def test_hosts_are_counted_by_state(xen: FakeXen) -> None:
    xen.add("a")
    xen.add("b").away = "no route"
    xen.look("b")
    assert (xen.hosts.count("connected"), xen.hosts.count("away")) == (1, 1)


# ---- what changed


def test_what_others_did_to_domains_is_told(xen: FakeXen) -> None:
    bridge = xen.add()
    made = bridge.physical.create(CreateDomain("r1"))
    xen.look()
    assert xen.told("xen_domain")[0] == {
        "host": "a",
        "name": "r1",
        "uuid": made.uuid,
        "change": "defined",
        "state": "running",
    }
    bridge.physical.suspend("r1")
    xen.look()
    xen.look()
    bridge.physical.resume("r1")
    xen.look()
    bridge.physical.delete("r1")
    xen.look()
    assert domain_events(xen)[1:] == [
        ("r1", "started", "running"),
        ("r1", "paused", "paused"),
        ("r1", "resumed", "running"),
        ("r1", "stopped", "shutoff"),
        ("r1", "undefined", "shutoff"),
    ]


def test_what_happened_during_an_absence_is_told_after_it(xen: FakeXen) -> None:
    bridge = xen.add()
    bridge.physical.create(CreateDomain("r1"))
    xen.look()
    bridge.away = "no route"
    xen.look()
    bridge.physical.destroy("r1")
    bridge.away = None
    xen.look()
    assert domain_events(xen)[2:] == [("r1", "stopped", "shutoff")]


def test_after_a_change_it_is_known_before_the_answer(xen: FakeXen) -> None:
    xen.add()
    xen.hosts.change("a", CreateDomain("r1"))
    assert domain_events(xen) == [("r1", "defined", "running"), ("r1", "started", "running")]
    xen.hosts.change("a", SetDomain("r1", state="paused"))
    assert domain_events(xen)[2:] == [("r1", "paused", "paused")]


def test_a_change_that_a_removal_overtook_was_done_all_the_same(xen: FakeXen) -> None:
    bridge = xen.add()
    bridge.physical.create(CreateDomain("r1"))
    bridge.before = lambda body: xen.hosts.remove("a") if isinstance(body, DeleteDomain) else None
    assert xen.hosts.change("a", DeleteDomain("r1")) == Done()
    assert [one.name for one in bridge.physical.domains()] == ["Domain-0"]


# ---- what takes long


def phases(xen: FakeXen) -> list[tuple[str, str]]:
    return [(one["phase"], one["detail"]) for one in xen.told("xen_progress")]


def test_the_beginning_and_the_end_of_an_operation_are_told(xen: FakeXen) -> None:
    with xen.hosts.progress("a", "r1", "create"):
        assert xen.told("xen_progress") == [
            {"host": "a", "domain": "r1", "operation": "create", "phase": "started", "detail": ""}
        ]
    assert phases(xen) == [("started", ""), ("done", "")]


@pytest.mark.parametrize(
    ("error", "detail"),
    [(HostError("a", "no memory"), "host a: no memory"), (KeyError("x"), "a fault of the")],
)
def test_a_failure_is_told_whatever_it_is(xen: FakeXen, error: Exception, detail: str) -> None:
    with pytest.raises(type(error)), xen.hosts.progress("a", "r1", "create"):
        raise error
    assert [phase for phase, _ in phases(xen)] == ["started", "failed"]
    assert phases(xen)[1][1].startswith(detail)


def test_a_watcher_goes_on_though_what_it_tells_of_cannot_be_published(xen: FakeXen) -> None:
    bridge, failures = xen.add(), []

    def fail(*_: Any) -> None:
        failures.append(1)
        raise KeyError("a fault of ours")

    publish, xen.hosts._publish = xen.hosts._publish, fail
    xen.hosts.start()
    bridge.away = "gone"
    until(lambda: failures, "the failure")
    xen.hosts._publish = publish
    bridge.away = None
    until(lambda: {"name": "a", "state": "connected", "reason": ""} in xen.told("xen_host")[1:])
    assert xen.supervisor.failing() == ("XenHosts._watch",)


def test_a_host_whose_first_look_fails_is_watched_all_the_same(xen: FakeXen) -> None:
    xen.hosts.start()
    bridge = xen.bridge("a")

    def fail(*_: Any) -> None:
        raise KeyError("a fault of ours")

    publish, xen.hosts._publish = xen.hosts._publish, fail
    with pytest.raises(KeyError):
        xen.hosts.add("a", bridge.url, bridge.node_pk)
    xen.hosts._publish = publish
    bridge.away = "gone"
    until(lambda: xen.host().status.state == "away")


def test_a_host_that_is_forgotten_is_looked_at_no_more(xen: FakeXen) -> None:
    xen.hosts.start()
    xen.add()
    (watcher,) = xen._greenlets
    xen.hosts.remove("a")
    until(lambda: watcher.dead, "the end of the watcher")


# ---- agents that say nothing


def test_a_router_whose_agent_falls_silent_is_told_of_until_it_speaks(xen: FakeXen) -> None:
    bridge = xen.add("a")
    host = xen.hosts.host("a")
    info = bridge.physical.host()

    def told(*silent: str) -> None:
        bridge.answer_with(Node(replace(info, silent_routers=silent)))
        xen.hosts.poll(host)

    told("r1")
    told("r1")
    said = "the agent of router r1 on a says nothing: its routes may have changed"
    assert xen.silent == xen.hosts.silent() == (said,)
    assert xen.told("xen_router_silent") == [{"host": "a", "router": "r1"}]
    bridge.away = "no route"
    xen.hosts.poll(host)
    assert xen.silent == ()
    bridge.away = None
    told("r1")
    assert (xen.silent, xen.told("xen_router_heard")) == ((said,), [])
    told()
    assert xen.silent == ()
    assert xen.told("xen_router_heard") == [{"host": "a", "router": "r1"}]
    assert len(xen.told("xen_router_silent")) == 1


def test_silent_routers_of_a_host_that_is_forgotten_are(xen: FakeXen) -> None:
    bridge = xen.add("a")
    bridge.answer_with(Node(replace(bridge.physical.host(), silent_routers=("r1",))))
    xen.hosts.poll(xen.hosts.host("a"))
    assert xen.silent != ()
    xen.hosts.remove("a")
    assert xen.silent == ()
