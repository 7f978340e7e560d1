"""Port watch: of which port devices the kernel tells what takes routes along."""

from __future__ import annotations

from dataclasses import replace

from xen_bridge.netlink.constants import IFF_LOWER_UP, IFF_UP
from xen_bridge.netlink.links import IFINFOMSG, KernelLink, read_link
from xen_bridge.netlink.subscription import Changed, Removed, TableSnapshot
from xen_bridge.netlink.wire import attribute
from xen_bridge.separation.port_watch import PortDevices

ON, OFF = IFF_UP | IFF_LOWER_UP, IFF_UP
IFLA_IFNAME = 3


def link(name: str, flags: int = ON, index: int = 7) -> KernelLink:
    head = IFINFOMSG.pack(0, 1, index, flags, 0)
    found = read_link(head + attribute(IFLA_IFNAME, name.encode() + b"\0"))
    assert found is not None
    return replace(found, flags=flags)


def devices(*rows: KernelLink) -> PortDevices:
    made = PortDevices()
    made.heed(TableSnapshot(rows, overflowed=False))
    assert made.take() == frozenset()
    return made


def test_a_carrier_that_is_gone_for_a_moment_is_told_once() -> None:
    made = devices(link("r1p0"), link("r1p1"), link("eth0"))
    for flags in (OFF, ON):
        made.heed(Changed(link("r1p1", flags)))
        made.heed(Changed(link("eth0", flags)))
    assert made.take() == {"r1p1"}
    assert made.take() == frozenset()


def test_other_changes_of_a_device_and_one_that_is_just_made_are_no_news() -> None:
    made = devices(link("r1p0"))
    made.heed(Changed(link("r1p0", ON | 0x200)))
    made.heed(Changed(link("r2p0", 0)))
    made.heed(Changed(link("r2p0", ON)))
    made.forgive(["r2p0"])
    assert made.take() == frozenset()


def test_one_that_is_removed_or_another_of_its_name_is_told() -> None:
    made = devices(link("r1p0"), link("r1p1"))
    made.heed(Removed(link("r1p0")))
    made.heed(Changed(link("r1p1", index=9)))
    made.heed(Removed(link("veth5")))
    assert made.take() == {"r1p0", "r1p1"}


def test_when_changes_were_missed_all_may_have_been_disturbed() -> None:
    made = devices(link("r1p0"), link("r2p0"))
    made.heed(TableSnapshot((link("r2p0"), link("r3p0"), link("eth0")), overflowed=True))
    assert made.take() == {"r1p0", "r2p0", "r3p0"}
