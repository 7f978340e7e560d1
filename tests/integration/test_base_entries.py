"""What our applications stand on comes back on real switches, whoever removes or changes it.

LLDP, ARP, broadcasts, drops at closed ports, the table miss, the flood group and, on OpenFlow
1.0, NO_FLOOD: whatever is done to them is undone, and hosts reach each other again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.shared_network import SharedLab, on
from tools.flow_lab import Entry, parse_entry
from tools.lab import Lab

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

RESTORED = 5.0
"""Seconds within which everything must be as it was."""
BASE_OWNERS = (0x485A01, 0x485A02, 0x485A03)
PAIRS = 150
"""Priority of the entries of pairs of hosts, which come and go."""
FOREIGN_COOKIE = 0x77
FOREIGN = f"cookie={FOREIGN_COOKIE:#x},priority=250,ip,nw_dst=192.0.2.1,actions=drop"
_PORT = re.compile(r"^ *(\d+)\(")


@pytest.fixture(scope="module", params=["bundle", "spanning_tree"])
def apps(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def make_lab(apps: str) -> Callable[[Path], Lab]:
    return lambda folder: Lab(folder, apps=(f"horizon_ryu.{apps}",))


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    return shared_lab


@pytest.fixture
def version(staged: SharedLab) -> str:
    return staged.stage.version


def entries(lab: Lab, dpid: int) -> list[Entry]:
    """The entries of our applications on a switch, without those of pairs and flows."""
    found = [parse_entry(dpid, line) for line in lab.network.flows(dpid)]
    ours = [one for one in found if one.cookie >> 40 in BASE_OWNERS and one.priority != PAIRS]
    return sorted(ours, key=str)


def flooding(lab: Lab, dpid: int, version: str) -> Any:
    """The flood group of a switch; on 1.0 the ports that have NO_FLOOD."""
    if version == "1.3":
        return sorted(lab.network.groups(dpid))
    closed, port = set(), None
    for line in lab.network.ofctl(dpid, "show").splitlines():
        named = _PORT.match(line)
        port = named[1] if named else port
        if "config:" in line and "NO_FLOOD" in line:
            closed.add(port)
    return closed


class Damage:
    """Does harm to one switch, and expects it to be undone."""

    def __init__(self, lab: Lab, dpid: int, version: str) -> None:
        self.lab, self.dpid, self.version = lab, dpid, version
        self.before = self.state()

    @property
    def entries(self) -> list[Entry]:
        """Return the entries that were there before."""
        return self.before[0]

    def state(self) -> tuple[list[Entry], Any]:
        return entries(self.lab, self.dpid), flooding(self.lab, self.dpid, self.version)

    def do(self, command: str, *arguments: str) -> None:
        self.lab.network.ofctl(self.dpid, command, *arguments)

    def strictly(self, entry: Entry, cookie: int | None = None) -> str:
        match = "".join(f",{part}" for part in entry.match.split(",") if part)
        head = "" if cookie is None else f"cookie={cookie:#x},"
        return f"{head}priority={entry.priority}{match}"

    def expect_undone(self, what: str) -> None:
        self.lab.wait_until(lambda: self.state() == self.before, RESTORED, f"{what} is undone")


def expect_hosts_to_talk(lab: Lab, apps: str) -> None:
    """Hosts reach each other, which takes more than the tree: where Forwarding runs."""
    hosts = [host.name for host in lab.graph.hosts]
    if apps == "bundle":
        lab.wait_until(lambda: not lab.network.ping_all(hosts).lost, RESTORED, "hosts talk")


def blocked_switch(lab: Lab) -> int:
    """A switch with a port outside the tree."""
    return next(
        dpid for dpid in lab.switches() if any(one.priority == 300 for one in entries(lab, dpid))
    )


@on("ring", "1.0", "1.3", n=3)
def test_everything_that_others_delete_comes_back(lab: Lab, apps: str, version: str) -> None:
    expect_hosts_to_talk(lab, apps)
    for dpid in dict.fromkeys((blocked_switch(lab), *lab.switches()[:1])):
        damage = Damage(lab, dpid, version)
        assert {100, 300, 0} & {one.priority for one in damage.entries} >= {100, 0}
        damage.do("del-flows")
        damage.expect_undone("del-flows")
        expect_hosts_to_talk(lab, apps)
        if version == "1.3":
            damage.do("del-groups")
            damage.expect_undone("del-groups")
            expect_hosts_to_talk(lab, apps)
            damage.do("del-flows")
            damage.do("del-groups")
            damage.expect_undone("both")
            expect_hosts_to_talk(lab, apps)
    lab.expect_each_broadcast_once()


@on("ring", "1.0", "1.3", n=3)
def test_single_entries_that_others_delete_or_change_come_back(
    lab: Lab, apps: str, version: str
) -> None:
    expect_hosts_to_talk(lab, apps)
    damage = Damage(lab, blocked_switch(lab), version)
    damage.do("add-flow", FOREIGN)
    for entry in damage.entries:
        damage.do("del-flows", "--strict", damage.strictly(entry))
        damage.expect_undone(f"the deletion of {entry}")
    for entry in damage.entries:
        damage.do("mod-flows", "--strict", f"{damage.strictly(entry)},actions=output:1")
        damage.expect_undone(f"the change of {entry}")
    for entry in damage.entries:
        damage.do("add-flow", f"{damage.strictly(entry, 0x78)},actions=output:1")
        damage.expect_undone(f"the replacement of {entry}")
    if version == "1.3":
        group = damage.before[1][0].partition(",")[0].strip()
        damage.do("mod-group", f"{group},type=all,bucket=output:1,bucket=output:2,bucket=output:3")
        damage.expect_undone("the change of the group")
        damage.do("mod-group", f"{group},type=select,bucket=output:1")
        damage.expect_undone("another type of group")
    else:
        for port in ("1", "2"):
            for config in ("flood", "no-flood"):
                damage.do("mod-port", port, config)
                damage.expect_undone(f"{config} of port {port}")
    theirs = [parse_entry(damage.dpid, line) for line in lab.network.flows(damage.dpid)]
    assert [one.cookie for one in theirs].count(FOREIGN_COOKIE) == 1
    expect_hosts_to_talk(lab, apps)
    lab.expect_each_broadcast_once()
    assert "Traceback" not in lab.controller.log()
    damage.do("del-flows", f"cookie={FOREIGN_COOKIE:#x}/-1")
