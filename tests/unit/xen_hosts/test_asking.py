"""Hosts are asked: errors, absence, limits, connections."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from ryu.lib import hub

from fake_bridge import FakeBridge
from fake_xen import FakeXen, until
from horizon_ryu.core import errors
from horizon_ryu.rest.xen_nodes import XenNodes
from horizon_ryu.xen_hosts.errors import to_horizon_error
from xen_bridge import errors as bridge_errors
from xen_bridge.client_pool import MAX_IDLE
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    DeleteDomain,
    Done,
    GetDomain,
    GetNode,
    ListVcpus,
    SetDomain,
)
from xen_bridge.protocol.documents.summary import GetSummary

TEXT = "what the host says"


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        (bridge_errors.SubjectNotFound(TEXT), errors.NotFound),
        (bridge_errors.RequestConflict(TEXT), errors.Conflict),
        (bridge_errors.RequestUnsupported(TEXT), errors.Unsupported),
        (bridge_errors.Overloaded(TEXT), errors.LimitExceeded),
        (bridge_errors.TooLarge(TEXT), errors.LimitExceeded),
        (bridge_errors.Deadline(TEXT), errors.HostDeadline),
        (bridge_errors.HypervisorAway(TEXT), errors.HostAway),
        (bridge_errors.PeerAway(TEXT), errors.HostAway),
        (bridge_errors.HypervisorError(TEXT), errors.HostError),
        (bridge_errors.Forbidden(TEXT), errors.HostError),
        (bridge_errors.PathNotAllowed(TEXT), errors.HostForbids),
        (bridge_errors.Unparsable(TEXT), errors.HostError),
        (bridge_errors.BridgeError(TEXT), errors.HostError),
    ],
)
def test_what_a_host_tells_is_told_of_that_host(
    xen: FakeXen, told: Exception, meant: type[errors.HorizonError]
) -> None:
    def refuse(_body: Any) -> None:
        raise told

    xen.add().before = refuse
    with pytest.raises(meant) as caught:
        xen.hosts.ask("a", ListVcpus())
    assert type(caught.value) is meant
    assert "host a" in str(caught.value)
    assert TEXT in str(caught.value)
    assert xen.hosts.outcomes == {meant.__name__: 1}


def test_every_error_of_the_bridge_has_a_meaning() -> None:
    for kind in bridge_errors.KINDS:
        assert type(to_horizon_error("a", kind(TEXT))) is not errors.HorizonError


def test_a_wrong_value_keeps_its_field(xen: FakeXen) -> None:
    xen.add()
    xen.hosts.ask("a", CreateDomain("r1"))
    with pytest.raises(errors.InvalidInput) as wrong:
        xen.hosts.ask("a", SetDomain("r1", cap=401))
    assert wrong.value.loc == ("cap",)
    assert wrong.value.msg == "must be at most 400: 100 per physical CPU"


def test_a_host_that_is_away_is_not_even_asked(xen: FakeXen) -> None:
    away, other = xen.add("a"), xen.add("b")
    away.away = "no route"
    xen.look("a")
    opened, xen.now = away.opened, xen.now + 7
    with pytest.raises(errors.HostAway, match="away for 7 s: no route") as caught:
        xen.hosts.ask("a", GetNode())
    assert caught.value.host == "a"
    assert away.opened == opened
    assert xen.hosts.ask("b", GetNode()).host.name == "b"
    assert other.kinds() == ["GetNode", "GetNode"]
    away.away = None
    xen.look("a")
    assert xen.hosts.ask("a", GetNode()).host.name == "a"


def test_a_host_that_was_asked_nothing_is_told_as_such(xen: FakeXen) -> None:
    error = to_horizon_error("a", bridge_errors.PeerUnreached(TEXT))
    assert type(error) is errors.HostUnreached
    xen.add().away = "no route"
    xen.look("a")
    with pytest.raises(errors.HostUnreached):
        xen.hosts.ask("a", GetNode())


def test_one_that_was_not_looked_at_yet_is_asked(xen: FakeXen) -> None:
    xen.add()
    again = xen.again()
    again.load()
    assert again.ask("a", GetNode()).host.name == "a"


def test_calls_to_one_host_are_bounded(tmp_path: Path) -> None:
    xen = FakeXen(tmp_path, max_calls=3)
    held, other = xen.add("a"), xen.add("b")
    may_end = hub.Event()
    held.before = lambda _body: may_end.wait()
    answers: list[Any] = []
    for _ in range(3):
        xen.spawn(lambda: answers.append(xen.hosts.ask("a", ListVcpus())))
    until(lambda: held.kinds().count("ListVcpus") == 3, "three are under way")
    with pytest.raises(errors.LimitExceeded, match="3 calls"):
        xen.hosts.ask("a", ListVcpus())
    assert xen.hosts.ask("b", ListVcpus()) is not None
    assert other.kinds().count("ListVcpus") == 1
    may_end.set()
    until(lambda: len(answers) == 3, "they end")
    assert xen.hosts.ask("a", ListVcpus()) is not None
    assert xen.hosts.outcomes == {"done": 5, "LimitExceeded": 1}


def test_a_call_that_fails_makes_room_again(tmp_path: Path) -> None:
    xen = FakeXen(tmp_path, max_calls=1)
    xen.add()
    for _ in range(3):
        with pytest.raises(errors.NotFound):
            xen.hosts.ask("a", GetDomain("ghost"))


def test_a_look_does_not_wait_for_a_call(xen: FakeXen) -> None:
    bridge = xen.add()
    may_end = hub.Event()
    bridge.before = lambda body: may_end.wait() if isinstance(body, ListVcpus) else None
    xen.spawn(xen.hosts.ask, "a", ListVcpus())
    until(lambda: "ListVcpus" in bridge.kinds(), "the call is under way")
    bridge.physical.create(CreateDomain("r1"))
    xen.look()
    node = xen.host().status.node
    assert node is not None
    assert [one.name for one in node.domains] == ["Domain-0", "r1"]
    may_end.set()


def test_connections_are_used_again_and_not_hoarded(xen: FakeXen) -> None:
    bridge = xen.add()
    for _ in range(5):
        xen.hosts.ask("a", ListVcpus())
    assert bridge.opened == 2
    may_end = hub.Event()
    bridge.before = lambda _body: may_end.wait()
    for _ in range(20):
        xen.spawn(xen.hosts.ask, "a", ListVcpus())
    until(lambda: bridge.opened == 21, "each has its own")
    may_end.set()
    until(lambda: bridge.opened - bridge.closed == MAX_IDLE + 1, "some are kept")


def test_an_answer_to_something_else_is_the_host_s_fault(xen: FakeXen) -> None:
    bridge = xen.add()
    bridge.physical.create(CreateDomain("r1"))
    bridge.answer_with(Done())
    with pytest.raises(errors.HostError, match="answers GetDomain with Done"):
        xen.hosts.ask("a", GetDomain("r1"))
    assert xen.hosts.ask("a", DeleteDomain("r1")) == Done()
    xen.look()
    assert xen.host().status.state == "away"
    assert xen.host().status.reason == "answers GetNode with Done"


def test_a_router_goes_by_its_name_whatever_it_was_given_as(xen: FakeXen) -> None:
    bridge = xen.add()
    made = bridge.physical.create(CreateDomain("r1"))
    bridge.add_router("r1")
    xen.look()
    for name in ("r1", made.uuid, str(made.id)):
        assert xen.hosts.ask("a", GetSummary(0.5), name).memory_percent > 0
        assert bridge.asked[-1][1] == "r1"
    with pytest.raises(errors.NotFound, match="r9"):
        xen.hosts.ask("a", GetSummary(0.5), "r9")


def renamed(bridge: FakeBridge, uuid: str, name: str) -> None:
    """Have a domain another name, as others may have given it."""
    kept = bridge.memory._domains[uuid]
    bridge.memory._keep(dataclasses.replace(kept.domain, name=name), kept.since)


@pytest.mark.parametrize("name", ["my router", "ü", "-x", "a/b", "x" * 65, "a'b"])
def test_the_agent_of_a_domain_with_an_odd_name_goes_by_its_uuid(xen: FakeXen, name: str) -> None:
    bridge = xen.add()
    made = bridge.physical.create(CreateDomain("r1"))
    bridge.add_router(made.uuid)
    renamed(bridge, made.uuid, name)
    xen.look()
    for asked in (name, made.uuid, str(made.id)):
        assert xen.hosts.ask("a", GetSummary(0.5), asked).memory_percent > 0
        assert bridge.asked[-1][1] == made.uuid
    # It is among the nodes by what reaches it.
    assert f"xen:a:{made.uuid}" in [node.id for node in XenNodes(xen.hosts).nodes()]
    with pytest.raises(errors.NotFound, match="no agent goes by no such"):
        xen.hosts.ask("a", GetSummary(0.5), "no such")


def test_a_router_with_a_name_of_digits_is_not_taken_for_an_id(xen: FakeXen) -> None:
    bridge = xen.add()
    first, second = (bridge.physical.create(CreateDomain(name)) for name in ("r1", "r2"))
    renamed(bridge, second.uuid, str(first.id))
    bridge.add_router(str(first.id))
    xen.look()
    assert xen.hosts.ask("a", GetSummary(0.5), str(first.id)).memory_percent > 0
    assert bridge.asked[-1][1] == str(first.id)
