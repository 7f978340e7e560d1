"""Graceful restart of FRR: what its configuration gets, what neighbors are told, what is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xen_bridge.dom0.hypervisor.netns.graceful_restart import (
    SETTLED_SECONDS,
    GracefulRestart,
    grace_files,
    prepared_daemons,
    read_grace,
    with_graceful_restart,
    without_grace,
)
from xen_bridge.errors import BridgeError, RequestUnsupported
from xen_bridge.protocol.documents.migration_advise import MAX_GRACE_S, RestartGrace

OSPF, OSPF6 = "graceful-restart prepare ip ospf", "graceful-restart prepare ipv6 ospf"
NEIGHBORS = "show ip ospf neighbor detail json"


def test_daemons_get_graceful_restart_where_their_configuration_is_silent() -> None:
    text = "interface eth0\nrouter ospf\n network 10.0.0.0/8 area 0\nrouter bgp 65000\n!"
    assert with_graceful_restart(text).splitlines() == [
        "interface eth0",
        "router ospf",
        " capability opaque",
        " graceful-restart",
        " network 10.0.0.0/8 area 0",
        "router bgp 65000",
        " bgp graceful-restart",
        " bgp graceful-restart preserve-fw-state",
        "!",
    ]
    assert " graceful-restart" in with_graceful_restart("router ospf6").splitlines()
    assert with_graceful_restart("debug ospf graceful-restart\nrouter bgp 1").count("bgp gr") == 2


@pytest.mark.parametrize(
    "text",
    ["", "router rip", "router bgp 1\n no bgp graceful-restart", "router ospf\ngraceful-restart"],
)
def test_what_says_something_of_it_or_has_none_is_left_alone(text: str) -> None:
    assert with_graceful_restart(text) == text


def test_a_daemon_reads_at_the_other_clock_for_how_long_neighbors_wait() -> None:
    files = grace_files((RestartGrace("ospfd", 90.5),), 1000.0)
    (text,) = files.values()
    assert list(files) == ["/run/frr/ospfd-gr.json"]
    assert read_grace("ospfd", text, 1000.0) == RestartGrace("ospfd", 90.0)
    assert read_grace("ospfd", text, 1089.5) is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"instances": {}}', '{"instances": {"default": {"timestamp": "?"}}}', "[" * 9999],
)
def test_a_file_that_no_daemon_wrote_is_no_grace(text: str) -> None:
    assert read_grace("ospfd", text, 0.0) is None


def test_no_grace_is_longer_than_routers_give() -> None:
    text = json.dumps({"instances": {"default": {"timestamp": 1e9}}})
    assert read_grace("ospfd", text, 0.0) == RestartGrace("ospfd", MAX_GRACE_S)


def _session(local: str, remote: str, state: str = "Established") -> Mapping[str, Any]:
    modes = {"localGrMode": local, "remoteGrMode": remote}
    return {"bgpState": state, "gracefulRestartInfo": modes}


def test_bgp_neighbors_that_keep_no_routes_are_named() -> None:
    told = {
        "192.0.2.1": _session("Restart*", "Helper"),
        "192.0.2.2": _session("Helper*", "Restart"),
        "192.0.2.3": _session("Restart*", "NotApplicable"),
        "192.0.2.4": _session("Helper*", "", "Active"),
        "192.0.2.5": {"bgpState": "Established"},
        "as": 65000,
    }
    assert without_grace(told) == ["192.0.2.2", "192.0.2.3", "192.0.2.5"]
    assert without_grace(None) == []


class FakeFrr:
    """FRR whose OSPF has a neighbor since so many milliseconds, which acknowledges in turn."""

    def __init__(self, root: Path, pending: list[int], since: int = 60_000) -> None:
        self.root, self.pending, self.since = root, pending, since
        self.asked: list[str] = []

    def ask(self, question: str) -> str:
        self.asked.append(question)
        if question == OSPF:
            folder = self.root / "run/frr"
            folder.mkdir(parents=True)
            text = json.dumps({"instances": {"default": {"timestamp": 1120}}})
            (folder / "ospfd-gr.json").write_text(text)
            return ""
        if question == NEIGHBORS:
            count = self.pending.pop(0) if self.pending else 0
            row = {"lastPrgrsvChangeMsec": self.since, "linkStateRetransmissionListCounter": count}
            return json.dumps({"neighbors": {"192.0.2.1": [row]}})
        return "ospf6d is not running"


def prepared(frr: Any, root: Path) -> tuple[Any, Any, list[float]]:
    slept: list[float] = []
    asking = GracefulRestart(1, frr, root, lambda: 1000.0, slept.append)
    return (*asking.prepare(), slept)


def test_neighbors_are_told_when_ospf_has_settled_and_are_waited_for(tmp_path: Path) -> None:
    frr = FakeFrr(tmp_path, [0, 1, 0, 2, 0])
    graces, told, slept = prepared(frr, tmp_path)
    assert graces == (RestartGrace("ospfd", 120.0),)
    assert told == ("neighbors of ospfd wait for 120 s",)
    asked = [one for one in frr.asked if "ipv6" not in one and "bgp" not in one]
    # Once whether there is OSPF, twice until it has settled; then until it was heard.
    assert asked == [NEIGHBORS] * 3 + [OSPF] + [NEIGHBORS] * 2
    assert len(slept) == 2


def test_one_that_never_settles_goes_all_the_same(tmp_path: Path) -> None:
    graces, _told, slept = prepared(FakeFrr(tmp_path, [], since=10), tmp_path)
    assert graces
    assert sum(slept) == pytest.approx(SETTLED_SECONDS, abs=0.2)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RequestUnsupported("no daemon of FRR runs here"), ()),
        (BridgeError("vtysh refuses"), ("not all is known: vtysh refuses",)),
    ],
)
def test_a_domain_whose_frr_does_not_answer_goes_without(
    tmp_path: Path, error: BridgeError, told: tuple[str, ...]
) -> None:
    class Silent:
        def ask(self, _question: str) -> str:
            raise error

    assert prepared(Silent(), tmp_path) == ((), told, [])


def test_ospf_that_keeps_nothing_is_told(tmp_path: Path) -> None:
    class Deaf:
        def ask(self, question: str) -> str:
            return "{}" if question == NEIGHBORS else "% refused: is not running"

    assert prepared(Deaf(), tmp_path) == ((), ("ospfd has none",), [])


def test_daemons_that_have_told_their_neighbors_are_known_until_they_begin_anew(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run/frr"
    folder.mkdir(parents=True)
    assert prepared_daemons(tmp_path) == ()
    grace = RestartGrace("ospfd", 100.0)
    for path, text in grace_files((grace, replace(grace, daemon="ospf6d")), 1000.0).items():
        (tmp_path / path[1:]).write_text(text)
    assert prepared_daemons(tmp_path) == ("ospfd", "ospf6d")
    # What FRR leaves when it has read it; and what it never wrote.
    (folder / "ospfd-gr.json").write_text('{"instances": {}}')
    for text in ("", "[]", "[" * 5000, '{"instances": 0}'):
        (folder / "ospf6d-gr.json").write_text(text)
        assert prepared_daemons(tmp_path) == ()
