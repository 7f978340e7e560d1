"""Node Consolidate: a host and its routers side by side, whatever of it cannot be looked at."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from fake_runtime import FakeRuntime
from xen_bridge.dom0.hypervisor.memory_host import MemoryHost, MemoryWorld
from xen_bridge.errors import (
    BridgeError,
    Deadline,
    HypervisorAway,
    InvalidRequest,
    RequestUnsupported,
    SubjectNotFound,
)
from xen_bridge.netlink.addresses import LinkAddress
from xen_bridge.netlink.constants import IFF_LOOPBACK, IFF_UP
from xen_bridge.netlink.links import KernelLink, LinkCounters
from xen_bridge.protocol import document_schema, messages
from xen_bridge.protocol.applications import Application
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    Domain,
    DomainInterface,
    NewInterface,
    SetDomain,
)
from xen_bridge.protocol.documents.neighborhood import (
    Neighborhood,
    ScannedNeighbor,
    ScanNeighbors,
)
from xen_bridge.protocol.documents.topology import (
    ConsolidatedNode,
    ConsolidateNode,
    ElementInterface,
)
from xen_bridge.protocol.messages import Message
from xen_bridge.topology.elements import element_interfaces, own_interfaces, seen_router
from xen_bridge.topology.node_consolidate import ElementScan, NodeConsolidate
from xen_bridge.virtual_management import PhysicalHost

MAC_1, MAC_2, STRANGE = "00:16:3e:00:00:01", "00:16:3e:00:00:02", "02:00:00:00:00:66"
COUNTERS = LinkCounters(*[0] * 21)


def link(index: int, name: str, mac: str, **more: Any) -> KernelLink:
    values: dict[str, Any] = {"flags": IFF_UP, "kind": None, "master": None, **more}
    return KernelLink(
        index=index,
        name=name,
        type=1,
        mac=bytes.fromhex(mac.replace(":", "")),
        mtu=1500,
        queue_length=1000,
        counters=COUNTERS,
        **values,
    )


def address(index: int, text: str, prefix: int) -> LinkAddress:
    return LinkAddress(index, socket.AF_INET, text, prefix, 0, None)


class Tables:
    """A Domain 0: a NIC in a bridge that has the address, and what is told besides."""

    def __init__(self, *more: KernelLink) -> None:
        self._links = [
            link(1, "lo", "00:00:00:00:00:00", flags=IFF_UP | IFF_LOOPBACK),
            link(2, "eth0", "02:00:00:00:00:0a", master=3),
            link(3, "xenbr0", "02:00:00:00:00:0a", kind="bridge"),
            *more,
        ]

    def links(self) -> list[KernelLink]:
        return self._links

    def addresses(self) -> list[LinkAddress]:
        return [address(3, "192.0.2.10", 24), address(3, "198.51.100.10", 24)]


def scanned(*neighbors: tuple[str, str, str], skipped: tuple[str, ...] = ()) -> Neighborhood:
    return Neighborhood(tuple(ScannedNeighbor(*one, 0.1) for one in neighbors), skipped)


class Agents:
    """The agents of routers, by name: what each tells, or raises."""

    def __init__(self) -> None:
        self.told: dict[str, ConsolidatedNode | Exception] = {}
        self.asked: list[tuple[str, ConsolidateNode, float]] = []

    def __call__(self, name: str, body: ConsolidateNode, seconds: float) -> ConsolidatedNode:
        self.asked.append((name, body, seconds))
        found = self.told.get(name, SubjectNotFound(f"no agent is known for {name}"))
        if isinstance(found, Exception):
            raise found
        return found


def inside(mac: str, *neighbors: tuple[str, str, str], name: str = "eth0") -> ConsolidatedNode:
    return ConsolidatedNode(
        name="guest",
        interfaces=(ElementInterface(name=name, mac=mac, up=True, addresses=("10.0.0.1/24",)),),
        neighbors=scanned(*neighbors).neighbors,
    )


class Host:
    """A host in memory with a router, and what consolidates it."""

    def __init__(self) -> None:
        self.memory: MemoryHost = MemoryWorld().host("xen1")
        self.physical = PhysicalHost("memory:///xen1", self.memory)
        self.agents, self.runtime = Agents(), FakeRuntime()
        self.scanned: Neighborhood | Exception = scanned(("xenbr0", "192.0.2.20", STRANGE))
        self.requests: list[ScanNeighbors] = []

    def router(self, name: str, mac: str, **more: Any) -> Domain:
        wanted = CreateDomain(name, interfaces=(NewInterface("xenbr0", mac),), **more)
        return self.physical.create(wanted)

    def _scan(self, body: ScanNeighbors) -> Neighborhood:
        self.requests.append(body)
        if isinstance(self.scanned, Exception):
            raise self.scanned
        return self.scanned

    def consolidate(self, *more: KernelLink, wide: bool = False) -> ConsolidatedNode:
        own = ElementScan(Tables(*more), self._scan)
        runtime: Any = self.runtime
        node = NodeConsolidate(self.physical, own, self.agents, runtime)
        return node.consolidate(ConsolidateNode(wide))


@pytest.fixture
def host() -> Host:
    return Host()


# ---- the host itself


def test_a_host_is_told_with_its_nic_its_bridge_and_who_is_beside_them(host: Host) -> None:
    told = host.consolidate()
    assert (told.name, told.routers, told.problems) == ("xen1", (), ())
    assert told.interfaces == (
        ElementInterface(name="eth0", mac="02:00:00:00:00:0a", up=True, master="xenbr0"),
        ElementInterface(
            name="xenbr0",
            kind="bridge",
            mac="02:00:00:00:00:0a",
            up=True,
            addresses=("192.0.2.10/24", "198.51.100.10/24"),
        ),
    )
    assert told.neighbors == (ScannedNeighbor("xenbr0", "192.0.2.20", STRANGE, 0.1),)


def test_the_ends_of_routers_in_domain_0_are_no_interfaces_of_the_host() -> None:
    links = Tables(
        link(4, "vif1.0", "fe:ff:ff:ff:ff:ff", master=3),
        link(5, "r1p0", MAC_1, kind="macvlan"),
        link(6, "dummy0", STRANGE, kind="dummy"),
    )
    found = element_interfaces(links.links(), links.addresses())
    router = PhysicalHost("memory:///a").create(CreateDomain("r1"))
    router = replace(router, interfaces=(DomainInterface(MAC_1, "xenbr0", "vif1.0"),))
    names = [one.name for one in own_interfaces(found, [router])]
    assert names == ["dummy0", "eth0", "xenbr0"]


def test_a_scan_that_fails_is_told_and_hides_nothing_else(host: Host) -> None:
    host.router("r1", MAC_1)
    host.agents.told["r1"] = inside(MAC_1)
    host.scanned = RequestUnsupported("nmap is not installed here")
    told = host.consolidate()
    assert told.problems == ("no scan: nmap is not installed here",)
    assert [one.name for one in told.interfaces] == ["eth0", "xenbr0"]
    assert told.routers[0].interfaces


def test_an_interface_without_a_mac_is_told_without_one() -> None:
    tunnel = replace(link(7, "tun0", MAC_1), mac=bytes(4))
    (found,) = element_interfaces([tunnel], [address(7, "10.9.0.1", 30)])
    assert (found.mac, found.addresses) == (None, ("10.9.0.1/30",))


# ---- its routers


def test_routers_are_told_side_by_side_with_their_networks_and_what_they_see(host: Host) -> None:
    host.router("r2", MAC_2, network="red")
    host.router("r1", MAC_1, network="blue")
    host.agents.told["r1"] = inside(MAC_1, ("eth0", "10.0.0.2", MAC_2))
    host.agents.told["r2"] = inside(MAC_2)
    first, second = host.consolidate().routers
    assert (first.name, first.network, first.state) == ("r1", "blue", "running")
    assert [one.mac for one in first.links] == [MAC_1]
    assert first.interfaces[0].addresses == ("10.0.0.1/24",)
    assert first.neighbors == (ScannedNeighbor("eth0", "10.0.0.2", MAC_2, 0.1),)
    assert (second.name, second.network, second.problems) == ("r2", "red", ())


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (None, "no agent is known for r1"),
        (Deadline("virtual router r1: no answer in 30 s"), "no answer in 30 s"),
        (InvalidRequest(("body",), "is odd"), "is odd"),
    ],
)
def test_a_router_that_nobody_can_look_into_is_told_as_its_host_knows_it(
    host: Host, fault: BridgeError | None, reason: str
) -> None:
    host.router("r1", MAC_1, network="blue")
    if fault is not None:
        host.agents.told["r1"] = fault
    (router,) = host.consolidate().routers
    assert (router.network, [one.mac for one in router.links]) == ("blue", [MAC_1])
    assert (router.interfaces, router.neighbors) == ((), ())
    assert router.problems[0].startswith("not looked at: ")
    assert reason in router.problems[0]


def test_a_router_that_does_not_run_is_told_and_not_asked(host: Host) -> None:
    host.router("r1", MAC_1, start=False)
    host.router("r2", MAC_2)
    host.physical.set_domain(SetDomain("r2", state="paused"))
    assert [one.state for one in host.consolidate().routers] == ["shutoff", "paused"]
    assert host.agents.asked == []


def test_a_router_with_an_odd_name_is_asked_by_its_uuid(host: Host) -> None:
    made = host.router("r1", MAC_1)
    # Not the other's with a letter changed: of sixteen uuids one has that letter already.
    uuid = "00000000-0000-4000-8000-000000000009"
    host.memory.foreign = (replace(made, name="web 9", uuid=uuid, id=9, origin="xl"),)
    host.consolidate()
    assert [name for name, _, _ in host.agents.asked] == ["r1", uuid]


def test_wide_ranges_are_scanned_everywhere_if_that_is_asked_for(host: Host) -> None:
    host.router("r1", MAC_1)
    host.consolidate(wide=True)
    assert host.requests == [ScanNeighbors(True)]
    (asked,) = host.agents.asked
    assert asked[1] == ConsolidateNode(True)
    assert asked[2] > 600


def test_agents_that_stall_do_not_take_the_time_of_all(host: Host) -> None:
    for number in range(5):
        host.router(f"r{number}", f"00:16:3e:00:00:1{number}")

    def stalling(name: str, body: ConsolidateNode, seconds: float) -> ConsolidatedNode:
        host.runtime.clock += seconds
        raise Deadline(f"{name} is silent")

    one_by_one: Any = lambda functions, _at_once: [function() for function in functions]  # noqa: E731
    host.runtime.gather = one_by_one  # type: ignore[method-assign]
    host.agents = stalling  # type: ignore[assignment]
    began = host.runtime.clock
    told = host.consolidate()
    assert host.runtime.clock - began <= 125
    assert [one.problems[0].rpartition(": ")[2] for one in told.routers] == [
        *(f"r{number} is silent" for number in range(4)),
        "there was no time left",
    ]


def test_a_hypervisor_that_is_away_is_an_error(host: Host) -> None:
    host.memory.fail("domains", HypervisorAway("gone"))
    with pytest.raises(HypervisorAway):
        host.consolidate()


# ---- what a router says of itself


def test_a_router_that_claims_an_address_it_was_not_given_is_not_believed(host: Host) -> None:
    domain = host.router("r1", MAC_1)
    told = inside(MAC_1, ("eth0", "10.0.0.2", MAC_2), ("eth9", "10.0.9.2", STRANGE))
    liar = replace(
        told,
        interfaces=(*told.interfaces, ElementInterface(name="eth1", mac=STRANGE, up=True)),
        routers=host.consolidate().routers,
    )
    seen = seen_router(domain, liar)
    assert [(one.name, one.mac) for one in seen.interfaces] == [("eth0", MAC_1), ("eth1", None)]
    assert seen.problems == (f"eth1: {STRANGE} is no address that r1 was given",)
    # Nor is it beside anybody where it has no interface.
    assert [one.address for one in seen.neighbors] == ["10.0.0.2"]


def test_an_endless_problem_of_an_agent_is_cut(host: Host) -> None:
    domain = host.router("r1", MAC_1)
    seen = seen_router(domain, replace(inside(MAC_1), problems=("x" * 9000,)))
    assert [len(one) for one in seen.problems] == [500]


# ---- the document


def test_a_consolidated_node_is_xml_with_physical_and_virtual_elements_side_by_side(
    host: Host,
) -> None:
    host.router("r1", MAC_1, network="blue")
    host.agents.told["r1"] = inside(MAC_1, ("eth0", "10.0.0.2", MAC_2))
    told = host.consolidate()
    data = messages.write(Message("TUlJQg==", Application.TOPOLOGY, told))
    assert messages.read(data).body == told
    root = etree.fromstring(data)
    (node,) = root.iter("ConsolidatedNode")
    assert [child.tag for child in node] == ["Name", "Interface", "Interface", "Neighbor", "Router"]
    router = node.find("Router")
    assert router is not None
    assert (router.findtext("Network"), router.findtext("Link/Mac")) == ("blue", MAC_1)
    assert router.findtext("Neighbor/Mac") == MAC_2
    document_schema.check(told)
    asked = messages.request("TUlJQg==", ConsolidateNode(True))
    assert messages.read(messages.write(asked)).body == ConsolidateNode(True)
