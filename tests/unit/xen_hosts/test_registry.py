"""Hosts are registered, kept over a restart, and forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from ryu.lib import hub

from fake_bridge import new_node_pk
from fake_xen import FakeXen, until
from horizon_ryu.core.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from xen_bridge.protocol.endpoint import check_url


def test_a_host_is_registered_and_looked_at(xen: FakeXen) -> None:
    bridge = xen.add()
    known = xen.host().status
    assert (known.state, known.reason) == ("connected", "")
    assert known.node is not None
    assert known.node.domains[0].name == "Domain-0"
    assert xen.store.rows["a"] == {"name": "a", "url": bridge.url, "node_pk": bridge.node_pk}
    assert xen.events == [("xen_host", {"name": "a", "state": "connected", "reason": ""})]


def test_one_that_is_away_is_registered_all_the_same(xen: FakeXen) -> None:
    bridge = xen.bridge("a")
    bridge.away = "no route"
    host = xen.hosts.add("a", bridge.url, bridge.node_pk)
    assert (host.status.state, host.status.reason) == ("away", "no route")
    assert "a" in xen.store.rows
    assert xen.told("xen_host") == [{"name": "a", "state": "away", "reason": "no route"}]


def test_one_with_another_key_is_away(xen: FakeXen) -> None:
    bridge = xen.bridge("a")
    assert "another key" in xen.hosts.add("a", bridge.url, new_node_pk()).status.reason
    assert bridge.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "", "a", "http://a:1", "https://a", "https://:1", "https://a:0", "https://a:65536",
        "https://a:x", "https://a:1/x", "https://a:1?x", "https://a:1#x", "https://u@a:1",
        "https://a b:1", "https://a:1\n", "https://a..b:1", "https://.:1", "https://-a:1",
        f"https://{'a' * 64}:1", "https://[::1:1", "https://a%00:1", "https://ü:1",
    ],
)  # fmt: skip
def test_what_is_no_url_is_refused(xen: FakeXen, url: str) -> None:
    with pytest.raises(InvalidInput) as wrong:
        xen.hosts.add("a", url, new_node_pk())
    assert wrong.value.loc == ("url",)
    assert (xen.store.rows, dict(xen.hosts.hosts()), xen.events) == ({}, {}, [])


@pytest.mark.parametrize(
    "url",
    ["https://a:1", "https://192.0.2.1:7443", "https://[2001:db8::1]:7443", "https://a.b-c.d:1",
     f"https://{'a' * 63}.{'b' * 63}:65535", "https://xen_1.example.:1"],
)  # fmt: skip
def test_what_is_one_is_not(url: str) -> None:
    assert check_url(url) == url
    assert check_url(url + "/") == url


@pytest.mark.parametrize("node_pk", ["", "x" * 44, "!" * 60, "MIIB"])
def test_what_is_no_key_is_refused(xen: FakeXen, node_pk: str) -> None:
    with pytest.raises(InvalidInput) as wrong:
        xen.hosts.add("a", "https://a:1", node_pk)
    assert wrong.value.loc == ("node_pk",)
    assert xen.store.rows == {}


def test_a_name_is_taken_once(xen: FakeXen) -> None:
    bridge = xen.add()
    with pytest.raises(Conflict):
        xen.hosts.add("a", "https://other:1", new_node_pk())
    assert xen.host().url == bridge.url


def test_hosts_are_bounded(tmp_path: Path) -> None:
    xen = FakeXen(tmp_path, max_hosts=1)
    xen.add()
    with pytest.raises(LimitExceeded):
        xen.add("b")
    assert set(xen.store.rows) == {"a"}


def test_hosts_outlive_a_restart(xen: FakeXen) -> None:
    xen.add()
    again = xen.again()
    again.load()
    assert again.host("a").status.state == "unknown"
    again.start()
    until(lambda: again.host("a").status.state == "connected")
    # What was there before is not told as if it had just begun.
    assert xen.told("xen_domain") == []


def test_a_host_is_forgotten_with_its_connections(xen: FakeXen) -> None:
    bridge = xen.add()
    xen.hosts.start()
    xen.hosts.remove("a")
    for ask in (xen.hosts.host, xen.hosts.remove):
        with pytest.raises(NotFound):
            ask("a")
    assert xen.store.rows == {}
    assert xen.told("xen_host")[-1] == {"name": "a", "state": "removed", "reason": ""}
    until(lambda: bridge.closed == bridge.opened, "every connection is closed")


def test_a_look_that_is_under_way_is_not_cut_short(xen: FakeXen) -> None:
    """Its connection is closed by who uses it, afterwards; and nothing is told of it."""
    bridge = xen.add()
    going, may_end = hub.Event(), hub.Event()

    def wait(_body: object) -> None:
        going.set()
        may_end.wait()

    bridge.before = wait
    host = xen.host()
    xen.spawn(xen.hosts.poll, host)
    going.wait()
    xen.hosts.remove("a")
    assert bridge.closed == 0
    may_end.set()
    until(lambda: bridge.closed == bridge.opened, "the connection is closed")
    assert xen.told("xen_host")[-1]["state"] == "removed"
    xen.hosts.poll(host)
    assert bridge.closed == bridge.opened == 1


def test_a_name_that_was_freed_can_be_taken_again(xen: FakeXen) -> None:
    xen.add()
    xen.hosts.remove("a")
    assert xen.hosts.add("a", xen.bridges["a"].url, xen.bridges["a"].node_pk).status.state == (
        "connected"
    )
