"""The registry of separated routers, over a kernel and a hypervisor of memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from xen_bridge.channel.receiver import Delivered, SenderStarted
from xen_bridge.errors import (
    BridgeError,
    Forbidden,
    HypervisorAway,
    InvalidRequest,
    RequestConflict,
    SubjectNotFound,
)
from xen_bridge.netlink.batch import Refusal
from xen_bridge.netlink.constants import (
    RTM_DELNEXTHOP,
    RTM_DELROUTE,
    RTM_NEWNEXTHOP,
    RTM_NEWROUTE,
    RTN_UNICAST,
    RTN_UNREACHABLE,
)
from xen_bridge.netlink.wire import Request
from xen_bridge.planes.data_plane import DataPlanePlan, RouterPort
from xen_bridge.planes.fib import Nexthop, RouteReader, read_nexthop
from xen_bridge.protocol.documents.domains import (
    Domain,
    DomainInterface,
    SchedulerParameters,
    Vcpus,
)
from xen_bridge.protocol.documents.hello import KernelKind, RouterHello, RouterInterface
from xen_bridge.protocol.documents.planes import SeparatedPlane
from xen_bridge.protocol.documents.route_change import (
    NexthopDefinition,
    RouteChange,
    RouteHop,
    RoutesSet,
)
from xen_bridge.separation.judge import judge_of
from xen_bridge.separation.node_store import NodeStore
from xen_bridge.separation.plane_kernel import Fib
from xen_bridge.separation.registry import WATCH_SECONDS, SeparatedRouters

PK = "MCowBQYDK2VwAyEA"
MACS = tuple(f"02:00:00:00:00:0{n}" for n in range(4))
UUID = "7f07538e-d65a-4a85-83a9-dc320db2695e"


def a_domain(name: str = "r1", number: int | None = 5, uuid: str = UUID) -> Domain:
    interfaces = tuple(
        DomainInterface(mac, bridge, f"vif{number}.{n}")
        for n, (mac, bridge) in enumerate(zip(MACS, ("mgmt", "lan0", "lan1"), strict=False))
    )
    return Domain(
        name=name,
        uuid=uuid,
        id=number,
        state="running",
        vcpus=Vcpus(),
        scheduler=SchedulerParameters(),
        interfaces=interfaces,
    )


class HypervisorOfMemory:
    def __init__(self) -> None:
        self.known: dict[str, Domain] = {}
        self.is_away = False

    def domain(self, domain: str) -> Domain:
        if self.is_away:
            raise HypervisorAway("nobody answers")
        for one in self.known.values():
            if domain in (one.name, one.uuid):
                return one
        raise SubjectNotFound(f"no domain {domain}")


@dataclass
class KernelOfMemory:
    """Keeps plans by slot, and the routes of their tables."""

    plans: dict[int, DataPlanePlan] = field(default_factory=dict)
    routes: dict[int, dict[bytes, object]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    taken_back: set[int] = field(default_factory=set)
    refuses: int = 0
    fails: bool = False
    reasons: tuple[str, ...] = ()
    objects: dict[int, Nexthop] = field(default_factory=dict)
    dark: frozenset[int] = frozenset()
    changed: frozenset[str] = frozenset()

    def no_carrier(self, _plan: DataPlanePlan) -> frozenset[int]:
        return self.dark

    def disturbed(self) -> frozenset[str]:
        found, self.changed = self.changed, frozenset()
        return found

    def unfit(self, _ports: Sequence[RouterPort]) -> tuple[str, ...]:
        return self.reasons

    def make(self, plan: DataPlanePlan) -> Mapping[str, int]:
        if self.fails:
            raise BridgeError("no room for it")
        self.told.append(f"make {plan.slot}")
        self.plans[plan.slot] = plan
        self.routes[plan.table] = {}
        self.taken_back.discard(plan.slot)
        return self.indices(plan)

    def alter(self, old: DataPlanePlan, new: DataPlanePlan) -> None:
        assert self.plans[new.slot] == old
        self.told.append(f"alter {new.slot}")
        self.plans[new.slot] = new

    def take_back(self, plan: DataPlanePlan) -> None:
        self.told.append(f"take back {plan.slot}")
        self.taken_back.add(plan.slot)

    def separate(self, plan: DataPlanePlan) -> None:
        self.told.append(f"separate {plan.slot}")
        self.taken_back.discard(plan.slot)

    def remove(self, plan: DataPlanePlan) -> None:
        self.told.append(f"remove {plan.slot}")
        self.plans.pop(plan.slot, None)
        self.routes.pop(plan.table, None)

    def faults(self, plan: DataPlanePlan, whole: bool = False) -> tuple[str, ...]:
        is_there = self.plans.get(plan.slot) == plan
        is_as_wanted = whole == (plan.slot in self.taken_back)
        return () if is_there and is_as_wanted else ("it is not there",)

    def indices(self, plan: DataPlanePlan) -> Mapping[str, int]:
        if plan.slot not in self.plans:
            return {}
        return {name: 100 * plan.slot + n for n, name in enumerate(plan.devices)}

    def write(self, requests: Sequence[Request]) -> tuple[Refusal, ...]:
        if requests and self.refuses:
            self.refuses -= 1
            return (Refusal(0, 22, "Nexthop has invalid gateway"),)
        for request in requests:
            for table, routes in self.routes.items():
                found = RouteReader(table).read(request.payload)
                if found is not None and request.kind == RTM_NEWROUTE:
                    routes[found[0]] = found[1]
                elif request.kind == RTM_DELROUTE:
                    for key in [one for one in routes if one[:4] in request.payload]:
                        del routes[key]
            if request.kind == RTM_NEWNEXTHOP:
                number, nexthop = read_nexthop(request.payload) or (0, None)
                assert nexthop is not None
                assert nexthop.oif not in self.dark, "the kernel has no object of such a device"
                self.objects[number] = nexthop
            elif request.kind == RTM_DELNEXTHOP:
                self.objects.pop((read_nexthop(request.payload) or (0,))[0])
        return ()

    def read(self, plan: DataPlanePlan) -> Fib:
        routes = list(self.routes.get(plan.table, {}).items())
        return routes, dict(self.objects)  # type: ignore[return-value]

    def is_free(self, slot: int) -> bool:
        return slot not in self.plans


class Host:
    """A registry with what it stands on; :meth:`restart` makes another on the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hypervisor, self.kernel = HypervisorOfMemory(), KernelOfMemory()
        self.names = {PK: "r1"}
        self.allowed: tuple[str, ...] = ()
        self.now = 0.0
        self.hypervisor.known["r1"] = a_domain()
        self.routers = self.restart()

    def restart(self) -> SeparatedRouters:
        self.routers = SeparatedRouters(
            self.hypervisor,
            self.names.get,
            self.kernel,
            NodeStore(self.folder),
            judge_of(self.allowed),
            lambda: self.now,
        )
        self.routers.restore()
        return self.routers

    def plane(self, name: str = "r1") -> SeparatedPlane:
        (found,) = (one for one in self.routers.view() if one.router == name)
        return found

    def tell(self, number: int, document: RouteChange, node_pk: str = PK) -> None:
        self.routers.route_event(node_pk, Delivered(number, document))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "planes")


def interface(number: int, **changed: object) -> RouterInterface:
    made = RouterInterface(
        f"eth{number}", 10 + number, MACS[number], addresses=(f"10.0.{number}.1/24",)
    )
    return replace(made, **changed)  # type: ignore[arg-type]


HELLO = RouterHello("router", 1, (interface(0, control=True), interface(1), interface(2)))


def routes(*prefixes: str, gateway: str = "10.0.2.9") -> RoutesSet:
    hops = (RouteHop(12, gateway),)
    return RoutesSet(type="unicast", protocol=188, scope=0, hops=hops, prefixes=" ".join(prefixes))


WHOLE = RouteChange(True, routes=(routes("10.7.0.0/16", "10.8.0.0/16"),), ends=True)


def test_hello_binds_what_the_hypervisor_gave_and_routes_fill_the_table(host: Host) -> None:
    answer = host.routers.hello(PK, HELLO)
    assert (answer.state, answer.bound, answer.unbound) == (
        "separated",
        ("eth1", "eth2"),
        ("eth0",),
    )
    plan = host.kernel.plans[1]
    assert [(one.vif, one.physical, one.mac.hex(":")) for one in plan.ports] == [
        ("vif5.1", "lan0", MACS[1]),
        ("vif5.2", "lan1", MACS[2]),
    ]
    assert host.plane().state == "synchronizing"
    host.routers.route_event(PK, SenderStarted(1))
    host.tell(1, WHOLE)
    plane = host.plane()
    assert (plane.state, plane.routes, plane.installed, plane.last_change) == ("separated", 2, 2, 1)
    assert len(host.kernel.routes[plan.table]) == 2


def test_hello_again_makes_nothing_anew(host: Host) -> None:
    first = host.routers.hello(PK, HELLO)
    told = list(host.kernel.told)
    again = host.routers.hello(PK, replace(HELLO, number=2))
    assert again == first
    assert host.kernel.told == told


def test_an_address_that_comes_is_altered_and_an_interface_made_anew_with_all_routes(
    host: Host,
) -> None:
    first = host.routers.hello(PK, HELLO)
    host.tell(1, WHOLE)
    more = interface(1, addresses=("10.0.1.1/24", "10.0.9.1/24"))
    host.routers.hello(PK, replace(HELLO, interfaces=(*HELLO.interfaces[::2], more)))
    host.routers.hello(PK, replace(HELLO, interfaces=(HELLO.interfaces[0], HELLO.interfaces[2])))
    assert host.kernel.told[-2:] == ["remove 1", "make 1"]
    assert len(host.kernel.routes[host.kernel.plans[1].table]) == 2
    assert host.plane().state == "separated"
    assert first.generation == host.routers.hello(PK, HELLO).generation


CLAIMS: dict[str, tuple[RouterInterface, ...]] = {
    "a MAC that the hypervisor gave to nobody": (interface(1, mac="02:00:00:00:00:77"),),
    "a MAC of another domain": (interface(3),),
    "a device that the router made up": (interface(1, kind="vlan"),),
    "the interface by which it speaks with Domain 0": (interface(1, control=True),),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_a_router_cannot_know_is_not_believed(host: Host, claim: str) -> None:
    other = replace(
        a_domain("r2", 6, UUID.replace("7", "8")),
        interfaces=(DomainInterface(MACS[3], "lan0", "vif6.0"),),
    )
    host.hypervisor.known["r2"] = other
    answer = host.routers.hello(PK, replace(HELLO, interfaces=CLAIMS[claim]))
    assert answer.state == "refused"
    assert answer.refusals == ("none of its interfaces can be separated",)
    assert host.kernel.plans == {}
    assert host.plane().state == "refused"


CONTRADICTIONS: dict[str, RouterHello] = {
    "two of one name": replace(HELLO, interfaces=(interface(1), interface(2, name="eth1"))),
    "two of one index": replace(HELLO, interfaces=(interface(1), interface(2, index=11))),
    "two of one MAC": replace(HELLO, interfaces=(interface(1), interface(2, mac=MACS[1]))),
    "no address": replace(HELLO, interfaces=(interface(1, addresses=("1.2.3.4.5/8",)),)),
    "everybody's address": replace(HELLO, interfaces=(interface(1, addresses=("0.0.0.0/0",)),)),
    "a group's address": replace(HELLO, interfaces=(interface(1, addresses=("224.0.0.5/24",)),)),
    "a loopback's address": replace(HELLO, addresses=("127.0.0.1/8",)),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_hello_that_contradicts_itself_changes_nothing(host: Host, name: str) -> None:
    host.routers.hello(PK, HELLO)
    told = list(host.kernel.told)
    with pytest.raises(InvalidRequest):
        host.routers.hello(PK, CONTRADICTIONS[name])
    assert host.kernel.told == told
    assert host.plane().state == "synchronizing"


def test_keys_of_nobody_and_of_routers_that_do_not_run_are_refused(host: Host) -> None:
    with pytest.raises(Forbidden):
        host.routers.hello("MCowBQYDK2VwAyEB", HELLO)
    host.hypervisor.known["r1"] = a_domain(number=None)
    with pytest.raises(RequestConflict, match="does not run"):
        host.routers.hello(PK, HELLO)
    del host.hypervisor.known["r1"]
    with pytest.raises(SubjectNotFound):
        host.routers.hello(PK, HELLO)
    assert host.routers.view() == ()


def test_routes_of_another_key_and_of_a_router_without_hello_go_nowhere(host: Host) -> None:
    host.tell(1, WHOLE)
    assert host.routers.view() == ()
    host.routers.hello(PK, HELLO)
    host.names["other"] = "r2"
    host.tell(1, WHOLE, "other")
    host.tell(1, WHOLE, "nobody")
    assert host.plane().routes == 0


def test_a_route_change_that_is_none_changes_nothing_and_is_a_fault(host: Host) -> None:
    host.routers.hello(PK, HELLO)
    host.tell(1, WHOLE)
    host.tell(2, RouteChange(routes=(routes("10.9.0.0/16", "10.0.0.1/8"),)))
    plane = host.plane()
    assert (plane.routes, plane.state) == (2, "broken")
    assert "Route Change 2" in plane.faults[0]
    host.tell(3, WHOLE)
    assert host.plane().faults == ()


def test_what_the_kernel_refuses_is_told_again_from_what_is_known(host: Host) -> None:
    host.routers.hello(PK, HELLO)
    host.tell(1, WHOLE)
    table = host.kernel.routes[host.kernel.plans[1].table]
    host.kernel.refuses = 1
    host.tell(2, RouteChange(routes=(routes("10.9.0.0/16"),)))
    assert host.plane().state == "broken"
    assert len(table) == 2
    host.routers.turn()
    plane = host.plane()
    assert (plane.state, plane.routes, plane.installed) == ("separated", 3, 3)
    assert len(table) == 3


def test_a_kernel_that_goes_on_refusing_is_asked_later_and_later(host: Host) -> None:
    host.routers.hello(PK, HELLO)
    host.tell(1, WHOLE)
    host.kernel.refuses = 1000
    host.tell(2, RouteChange(routes=(routes("10.9.0.0/16"),)))
    for _ in range(400):
        host.now += 0.25
        host.routers.turn()
    # 100 seconds: at 0, 1, 3, 7, 15, 31, 63.
    assert 1000 - host.kernel.refuses < 12
    assert "invalid gateway" in host.plane().faults[0]


def test_a_restart_finds_the_plane_and_completes_only_what_is_missing(host: Host) -> None:
    first = host.routers.hello(PK, HELLO)
    host.tell(1, WHOLE)
    told = list(host.kernel.told)
    host.restart()
    assert host.kernel.told == told
    plane = host.plane()
    assert (plane.state, plane.routes, plane.installed) == ("synchronizing", 0, 2)
    with pytest.raises(RequestConflict, match="not told all"):
        host.routers.snapshot("r1")
    again = host.routers.hello(PK, HELLO)
    assert again.generation != first.generation
    host.tell(1, WHOLE)
    assert host.plane().state == "separated"
    host.kernel.plans.clear()
    host.restart()
    assert host.kernel.told == [*told, "make 1"]


def test_a_plane_that_somebody_broke_is_whole_again_with_the_next_hello(host: Host) -> None:
    first = host.routers.hello(PK, HELLO)
    host.tell(1, WHOLE)
    plan = host.kernel.plans.pop(1)
    host.kernel.routes[plan.table] = {}
    (plane,) = host.routers.check()
    assert plane.state == "broken"
    assert host.routers.hello(PK, HELLO).generation == first.generation
    assert len(host.kernel.routes[plan.table]) == 2
    (plane,) = host.routers.check()
    assert (plane.state, plane.faults, plane.installed) == ("separated", (), 2)


def lose_carrier(host: Host, device: str, index: int) -> None:
    """Have the kernel take out all objects of a device, and all routes by objects with them."""
    host.kernel.dark = frozenset({index})
    host.kernel.changed = frozenset({device})
    host.kernel.objects.clear()
    table = host.kernel.routes[host.kernel.plans[1].table]
    for key, way in tuple(table.items()):
        if way.nexthop_id is not None:  # type: ignore[attr-defined]
            del table[key]


def test_what_a_lost_carrier_took_out_of_the_kernel_is_nowhere_and_then_there_again(
    host: Host,
) -> None:
    host.routers.hello(PK, HELLO)
    by_object = RoutesSet(type="unicast", protocol=188, scope=0, nexthop=5, prefixes="10.9.0.0/16")
    host.tell(
        1,
        RouteChange(
            True,
            nexthops=(NexthopDefinition(5, "ipv4", RouteHop(12, "10.0.2.9")),),
            routes=(routes("10.7.0.0/16"), by_object),
            ends=True,
        ),
    )
    device = host.kernel.plans[1].device(1)
    index = host.kernel.indices(host.kernel.plans[1])[device]
    table = host.kernel.routes[host.kernel.plans[1].table]

    def ways() -> list[tuple[int, bool]]:
        return sorted((one.type, one.nexthop_id is not None) for one in table.values())  # type: ignore[attr-defined]

    before = ways()
    assert before == [(RTN_UNICAST, False), (RTN_UNICAST, True)]
    lose_carrier(host, device, index)
    host.routers.turn()
    assert ways() == [(RTN_UNICAST, False), (RTN_UNREACHABLE, False)]
    assert (host.routers.check()[0].faults, host.kernel.objects) == ((), {})
    host.kernel.dark, host.kernel.changed = frozenset(), frozenset({device})
    host.routers.turn()
    assert ways() == before
    assert len(host.kernel.objects) == 1
    # One that was gone for a moment only.
    lose_carrier(host, device, index)
    host.kernel.dark = frozenset()
    host.routers.turn()
    assert ways() == before
    assert host.routers.check()[0].faults == ()


def test_a_port_device_that_somebody_took_away_is_noticed_without_a_check(host: Host) -> None:
    host.routers.hello(PK, HELLO)
    host.tell(1, WHOLE)
    device = host.kernel.plans[1].device(1)
    host.kernel.plans.clear()
    host.kernel.changed = frozenset({"r2p0"})
    host.routers.turn()
    assert host.plane().faults == ()
    host.kernel.changed = frozenset({device})
    host.routers.turn()
    assert host.plane().state == "broken"
    host.routers.hello(PK, HELLO)
    assert (host.plane().state, host.plane().installed) == ("separated", 2)


def test_a_router_that_was_still_telling_when_it_was_made_anew_tells_all_again(host: Host) -> None:
    first = host.routers.hello(PK, HELLO)
    host.tell(1, replace(WHOLE, ends=False))
    host.kernel.plans.clear()
    host.routers.check()
    assert host.routers.hello(PK, HELLO).generation != first.generation
    host.tell(2, replace(WHOLE, ends=False))
    second = host.routers.hello(PK, HELLO)
    again = host.routers.hello(PK, replace(HELLO, interfaces=HELLO.interfaces[:2]))
    assert again.generation != second.generation


def test_a_router_that_ended_while_nobody_looked_leaves_nothing(host: Host) -> None:
    host.routers.hello(PK, HELLO)
    del host.hypervisor.known["r1"]
    host.restart()
    assert (host.kernel.plans, host.routers.view()) == ({}, ())
    assert list(host.folder.iterdir()) == []


def test_the_end_of_a_domain_and_another_run_of_it_end_its_plane(host: Host) -> None:
    host.routers.hello(PK, HELLO)
    host.hypervisor.is_away = True
    host.routers.domains_changed()
    assert host.routers.view() != ()
    host.hypervisor.is_away = False
    host.hypervisor.known["r1"] = a_domain(number=6)
    host.now += WATCH_SECONDS
    host.routers.turn()
    assert host.kernel.plans == {}
    host.routers.hello(PK, HELLO)
    assert host.kernel.plans[1].ports[0].vif == "vif6.1"


def test_a_firewall_is_refused_and_one_that_comes_later_gives_the_packets_back(host: Host) -> None:
    wall = replace(HELLO, kinds=(KernelKind("nftables", "table inet f chain forward"),))
    answer = host.routers.hello(PK, wall)
    assert (answer.state, host.kernel.plans) == ("refused", {})
    assert "nftables" in answer.refusals[0]
    first = host.routers.hello(PK, HELLO)
    host.tell(1, WHOLE)
    assert host.routers.hello(PK, wall).state == "refused"
    assert host.kernel.told[-1] == "take back 1"
    assert host.plane().state == "refused"
    host.restart()
    assert host.kernel.taken_back == {1}
    again = host.routers.hello(PK, HELLO)
    assert (again.state, host.kernel.told[-1]) == ("separated", "separate 1")
    assert again.generation != first.generation
    unknown = replace(HELLO, kinds=(KernelKind("from-the-future"),))
    assert host.routers.hello(PK, unknown).state == "refused"


def test_kinds_that_somebody_allows_are_no_reason(host: Host) -> None:
    host.allowed = ("nftables",)
    host.restart()
    wall = replace(HELLO, kinds=(KernelKind("nftables"), KernelKind("tc")))
    assert "tc" in host.routers.hello(PK, wall).refusals[0]
    assert host.routers.hello(PK, replace(wall, kinds=wall.kinds[:1])).state == "separated"


def test_a_bridge_that_is_not_fit_is_refused_with_the_reason_at_hello_and_from_elsewhere(
    host: Host, tmp_path: Path
) -> None:
    host.routers.hello(PK, HELLO)
    host.tell(1, WHOLE)
    there = Host(tmp_path / "there")
    there.kernel.reasons = ("bridge xenbr0 has frames by VLAN",)
    answer = there.routers.hello(PK, HELLO)
    assert (answer.state, answer.refusals, there.kernel.plans) == (
        "refused",
        there.kernel.reasons,
        {},
    )
    moved = host.routers.snapshot("r1")
    with pytest.raises(RequestConflict, match="VLAN"):
        there.routers.adopt(moved, moved.plan.ports)
    assert there.kernel.plans == {}
    there.kernel.reasons = ()
    assert there.routers.hello(PK, HELLO).state == "separated"


def test_a_plane_that_cannot_be_made_leaves_nothing_and_is_tried_again(host: Host) -> None:
    host.kernel.fails = True
    with pytest.raises(BridgeError, match="no room"):
        host.routers.hello(PK, HELLO)
    assert host.routers.view() == ()
    assert list(host.folder.iterdir()) == []
    host.kernel.fails = False
    assert host.routers.hello(PK, HELLO).state == "separated"


def test_a_hello_that_is_read_late_leaves_what_is_for_the_router_where_it_is_kept(
    host: Host,
) -> None:
    host.routers.hello(PK, HELLO)
    host.tell(1, WHOLE)
    host.routers.pin("r1")
    ports = host.routers.snapshot("r1").plan.ports
    host.routers.rebind("r1", [replace(one, vif=f"park{n}") for n, one in enumerate(ports)])
    assert host.routers.hello(PK, HELLO).state == "separated"
    assert [one.vif for one in host.kernel.plans[1].ports] == [
        f"park{number}" for number in range(len(ports))
    ]


def test_a_router_moves_with_all_it_told_and_is_kept_where_it_was_pinned(
    host: Host, tmp_path: Path
) -> None:
    host.routers.hello(PK, HELLO)
    host.tell(1, WHOLE)
    moved = host.routers.snapshot("r1")
    host.routers.pin("r1")
    del host.hypervisor.known["r1"]
    host.routers.domains_changed()
    host.restart()
    assert 1 in host.kernel.plans
    there = Host(tmp_path / "there")
    there.kernel.plans[1] = DataPlanePlan(1, (RouterPort("x", "y", b"\2\0\0\0\0\1", ()),))
    del there.hypervisor.known["r1"]
    parked = [replace(port, vif=f"park{n}") for n, port in enumerate(moved.plan.ports)]
    plan = there.routers.adopt(moved, parked)
    assert plan.slot == 2
    assert len(there.kernel.routes[plan.table]) == 2
    with pytest.raises(RequestConflict):
        there.routers.adopt(moved, parked)
    there.routers.domains_changed()
    there.restart()
    assert there.kernel.plans[2] == plan
    there.hypervisor.known["r1"] = a_domain(number=9)
    arrived = [replace(port, vif=f"vif9.{n}") for n, port in enumerate(parked, 1)]
    there.routers.rebind("r1", arrived)
    assert there.kernel.told[-1] == "alter 2"
    there.routers.unpin("r1")
    told = list(there.kernel.told)
    assert there.routers.hello(PK, HELLO).state == "separated"
    assert there.kernel.told == told
    host.routers.release("r1")
    host.routers.release("r1")
    assert (host.kernel.plans, list(host.folder.iterdir())) == ({}, [])


def test_files_that_are_damaged_are_told_and_passed_over(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.routers.hello(PK, HELLO)
    (host.folder / "r2.xml").write_text("<SeparatedNode>")
    (host.folder / "r3.xml").write_bytes((host.folder / "r1.xml").read_bytes())
    host.restart()
    assert [one.router for one in host.routers.view()] == ["r1"]
    assert "r2.xml" in caplog.text
