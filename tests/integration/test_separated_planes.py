"""Planes separated over the wire: client - Domain 0 - server, a netns router with an agent."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backstop import BACKSTOP
from separated_router import AGENT_PORT, LANS, PORT, SeparatedRouterLab
from xen_bridge.client import BridgeClient
from xen_bridge.errors import Forbidden
from xen_bridge.protocol.documents.domains import GetNode
from xen_bridge.protocol.documents.hello import RouterHello, RouterInterface
from xen_bridge.protocol.documents.planes import ListPlanes, SeparatedPlane
from xen_bridge.trust.identity import Identity

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[SeparatedRouterLab]:
    with SeparatedRouterLab(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeparatedRouterLab]:
    """One with a router that is separated, or soon is again, for tests that leave it so."""
    with SeparatedRouterLab(tmp_path_factory.mktemp("lab")) as made:
        made.create()
        yield made


class NumberedStream:
    """Numbered datagrams from the client to the server, until it is stopped."""

    def __init__(self, lab: SeparatedRouterLab, far: str = LANS[1]) -> None:
        self.sent = 0
        self._got: set[int] = set()
        self._is_over = threading.Event()
        self._server = lab.stations[1].run(self._bound, f"{far}.9")
        self._client = lab.stations[0].run(self._bound, f"{LANS[0]}.9")
        self._to = (f"{far}.9", 7777)
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._send, self._receive)
        ]

    @staticmethod
    def _bound(address: str) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        made.bind((address, 7777))
        made.settimeout(BACKSTOP / 4)
        return made

    def _send(self) -> None:
        while not self._is_over.is_set():
            self._client.sendto(struct.pack("!I", self.sent), self._to)
            self.sent += 1
            time.sleep(0.001)
        for _ in range(20):
            self._client.sendto(b"end", self._to)

    def _receive(self) -> None:
        while (data := self._server.recv(100)) != b"end":
            self._got.add(struct.unpack("!I", data)[0])

    def __enter__(self) -> NumberedStream:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        self._client.close()
        self._server.close()

    @property
    def lost(self) -> int:
        """How many did not arrive; to be asked when it is over."""
        return self.sent - len(self._got)


def ping(lab: SeparatedRouterLab, *words: str) -> str:
    name = lab.stations[0].name
    command = ("ip", "netns", "exec", name, "ping", "-c3", "-i0.2", "-W2", *words)
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=BACKSTOP
    ).stdout


def vif_packets(lab: SeparatedRouterLab) -> int:
    """How many packets Domain 0 gave to the router's machine, on both interfaces."""
    plane = lab.plane()
    assert plane is not None
    links = {row["ifname"]: row for row in lab.domain_0.ip_json("-s", "link")}
    return sum(int(links[port.vif]["stats64"]["tx"]["packets"]) for port in plane.ports)


def table(lab: SeparatedRouterLab) -> dict[str, Any]:
    plane = lab.plane()
    assert plane is not None
    rows = lab.domain_0.ip_json("route", "show", "table", str(plane.table))
    rows += lab.domain_0.ip_json("-6", "route", "show", "table", str(plane.table))
    return {row["dst"]: row for row in rows if row.get("type") != "local"}


def leftovers(lab: SeparatedRouterLab) -> list[str]:
    """What Domain 0 has of separated routers."""
    found = [row["ifname"] for row in lab.domain_0.ip_json("link")]
    found = [name for name in found if name.startswith(("r1p", "hz"))]
    for family in ("-4", "-6"):
        rules = lab.domain_0.ip_json(family, "rule")
        found += [str(row) for row in rules if row["priority"] not in (0, 32766, 32767)]
        routes = lab.domain_0.ip_json(family, "route", "show", "table", "all")
        found += [str(row) for row in routes if "r1p" in str(row) or "40000" in str(row)]
    command = ("ip", "netns", "exec", lab.domain_0.name, "nft", "-j", "list", "tables")
    told = subprocess.run(command, capture_output=True, check=True).stdout
    found += [str(one) for one in json.loads(told)["nftables"] if "table" in one]
    return [*found, *(one.name for one in (lab.folder / "bridge" / "planes").glob("*"))]


def test_a_router_is_separated_followed_and_gone(lab: SeparatedRouterLab) -> None:
    before = lab.domain_0.ip_json("rule")
    lab.create()
    lab.until(lab.is_separated, "its planes are separated")
    (plane,) = lab.ask(ListPlanes(check=True)).planes
    assert (plane.faults, plane.unbound, plane.pinned) == ((), ("eth0",), False)
    assert [(one.interface, one.physical) for one in plane.ports] == [
        ("eth1", "lan0"),
        ("eth2", "lan1"),
    ]
    # What passes through does so in Domain 0 alone; what is for the router reaches it.
    assert " 0% packet loss" in ping(lab, f"{LANS[1]}.9")
    passed = vif_packets(lab)
    with NumberedStream(lab) as stream:
        lab.until(lambda: stream.sent > 200, "datagrams are sent")
    assert stream.lost == 0
    assert vif_packets(lab) - passed < 50
    assert " 0% packet loss" in ping(lab, f"{LANS[0]}.1")
    # Added, altered, removed, by several ways, by objects, of IPv6.
    lab.router_ip(
        "-batch",
        "-",
        stdin=f"""route add 10.7.0.0/16 via {LANS[1]}.9
route add 10.8.0.0/16 nexthop via {LANS[0]}.9 weight 3 nexthop via {LANS[1]}.9
nexthop add id 5 via {LANS[1]}.9 dev eth2
route add 10.9.0.0/16 nhid 5
route add 2001:db8:7::/48 via fe80::7 dev eth1
""",
    )
    lab.until(lambda: "2001:db8:7::/48" in table(lab), "the routes are in Domain 0")
    found = table(lab)
    assert (found["10.7.0.0/16"]["gateway"], found["10.7.0.0/16"]["dev"]) == (
        f"{LANS[1]}.9",
        "r1p1",
    )
    assert [(hop["dev"], hop["weight"]) for hop in found["10.8.0.0/16"]["nexthops"]] == [
        ("r1p0", 3),
        ("r1p1", 1),
    ]
    assert found["10.9.0.0/16"]["dev"] == "r1p1"
    lab.router_ip(
        "-batch",
        "-",
        stdin=f"""route replace 10.7.0.0/16 via {LANS[0]}.9
nexthop replace id 5 via {LANS[0]}.9 dev eth1
route del 10.8.0.0/16
""",
    )
    lab.until(
        lambda: "10.8.0.0/16" not in table(lab) and table(lab)["10.9.0.0/16"]["dev"] == "r1p0",
        "they are altered and removed",
    )
    assert table(lab)["10.7.0.0/16"]["dev"] == "r1p0"
    # A second address of an interface, while packets pass.
    with NumberedStream(lab) as stream:
        lab.router_ip("address", "add", "10.0.3.1/24", "dev", "eth1")
        lab.until(lambda: "10.0.3.0/24" in table(lab), "the network of a new address is there")
        lab.until(lambda: "10.0.3.1/24" in str(lab.plane()), "the port has the address")
    assert stream.lost == 0
    assert lab.plane(check=True).faults == ()  # type: ignore[union-attr]
    lab.delete()
    assert leftovers(lab) == []
    assert lab.domain_0.ip_json("rule") == before


def test_agent_and_service_are_killed_and_begun_again_under_traffic(
    lab: SeparatedRouterLab,
) -> None:
    lab.create(more=f"ip route add 10.7.0.0/16 via {LANS[1]}.9")
    lab.until(lab.is_separated, "its planes are separated")
    first = lab.plane()
    with NumberedStream(lab) as stream:
        lab.bridge.kill()
        lab.router_ip("route", "add", "10.8.0.0/16", "via", f"{LANS[1]}.9")
        lab.router_ip("route", "del", "10.7.0.0/16")
        lab.bridge.start(7443)
        assert lab.plane(check=True).faults == ()  # type: ignore[union-attr]
        lab.until(lab.is_separated, "the router has told its routes anew")
        lab.until(lambda: "10.8.0.0/16" in table(lab), "what came meanwhile is there")
        lab.until(lambda: "10.7.0.0/16" not in table(lab), "what went meanwhile is gone")
        agent = int((lab.router_folder("r1") / "agent.pid").read_text())
        inside = ("ip", "netns", "exec", f"hz-{lab.name}-r1")
        _kill_agent(lab, agent)
        lab.router_ip("route", "add", "10.9.0.0/16", "via", f"{LANS[1]}.9")
        lab.router_ip("route", "del", "10.8.0.0/16")
        begun = _begin_agent(lab, inside)
        try:
            lab.until(lambda: "10.9.0.0/16" in table(lab), "the new agent tells")
            lab.until(lambda: "10.8.0.0/16" not in table(lab), "and what went is gone")
        finally:
            begun.kill()
            begun.wait()
    assert stream.lost == 0
    again = lab.plane(check=True)
    assert first is not None
    assert again is not None
    assert (again.slot, again.ports, again.faults) == (first.slot, first.ports, ())


def test_an_interface_that_is_down_for_a_moment_costs_no_route_for_longer(
    lab: SeparatedRouterLab,
) -> None:
    lab.create()
    lab.until(lab.is_separated, "its planes are separated")
    lab.router_ip(
        "-batch",
        "-",
        stdin=f"""nexthop add id 4 via {LANS[0]}.9 dev eth1
nexthop add id 5 via {LANS[1]}.9 dev eth2
nexthop add id 6 group 4/5
route add 10.7.0.0/16 via {LANS[1]}.9
route add 10.8.0.0/16 nhid 5
route add 10.9.0.0/16 nhid 6
route add 2001:db8:7::/48 via fe80::7 dev eth2
""",
    )
    lab.until(lambda: "10.9.0.0/16" in table(lab), "the routes are in Domain 0")
    before = _ways(lab)
    for seen in (True, False):
        lab.domain_0.ip("link", "set", "lan1", "down")
        if seen:
            # What the router says meanwhile is believed: what leads by that interface, nowhere.
            lab.until(
                lambda: table(lab).get("10.8.0.0/16", {}).get("type") == "unreachable",
                "it is known to lead nowhere",
            )
            assert [one["dev"] for one in _hops(table(lab)["10.9.0.0/16"])] == ["r1p0"]
            assert lab.plane(check=True).faults == ()  # type: ignore[union-attr]
        lab.domain_0.ip("link", "set", "lan1", "up")
        lab.until(
            lambda: _ways(lab) == before and lab.plane(check=True).faults == (),  # type: ignore[union-attr]
            "all routes are there again",
        )
    assert " 0% packet loss" in ping(lab, f"{LANS[1]}.9")
    # One that is taken away altogether is made anew, with all routes.
    lab.domain_0.ip("link", "delete", "r1p1")
    lab.until(lambda: _ways(lab) == before, "all of it is there again")
    assert lab.plane(check=True).faults == ()  # type: ignore[union-attr]


def _hops(row: dict[str, Any]) -> list[dict[str, Any]]:
    return row.get("nexthops") or [row]


def _ways(lab: SeparatedRouterLab) -> dict[str, list[tuple[str | None, str | None]]]:
    """Where each route of the router leads in Domain 0."""
    return {
        prefix: sorted((one.get("gateway"), one.get("dev")) for one in _hops(row))
        for prefix, row in table(lab).items()
    }


def _kill_agent(lab: SeparatedRouterLab, number: int) -> None:
    """Kill the agent of r1, by its pid in the router's own namespace of processes."""
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            words = path.read_text().split("NSpid:")[1].split("\n")[0].split()
            command = (path.parent / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue
        if (
            words[-1] == str(number)
            and len(words) > 1
            and str(lab.folder / "r1").encode() in command
        ):
            os.kill(int(path.parent.name), signal.SIGKILL)
            return
    raise AssertionError("no agent runs")


def _begin_agent(lab: SeparatedRouterLab, inside: tuple[str, ...]) -> subprocess.Popen[bytes]:
    import sys

    folder = lab.router_folder("r1")
    words = ("--host", "192.0.2.11", "--port", str(AGENT_PORT), "--directory", str(folder))
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            (*inside, sys.executable, "-m", "xen_bridge.command", "agent", *words),
            stdout=subprocess.DEVNULL,
            stderr=log,
        )


@contextlib.contextmanager
def cut(lab: SeparatedRouterLab) -> Iterator[Callable[[], bool]]:
    """Drop all between routers and the service meanwhile, without a word to either.

    What is yielded tells whether a router has tried.
    """
    wall = (
        "table inet cut {"
        " chain input { type filter hook input priority 0;"
        " iifname mgmt tcp dport 7443 counter drop; };"
        " chain output { type filter hook output priority 0; oifname mgmt tcp sport 7443 drop; };"
        " }"
    )
    inside = ("ip", "netns", "exec", lab.domain_0.name, "nft")
    subprocess.run((*inside, wall), check=True)

    def has_tried() -> bool:
        told = subprocess.run((*inside, "list table inet cut"), check=True, capture_output=True)
        return b"packets 0 " not in told.stdout

    try:
        yield has_tried
    finally:
        subprocess.run((*inside, "delete table inet cut"), check=True)


def test_what_a_cut_wire_kept_back_of_hello_and_routes_is_told_when_it_is_whole_and_once(
    lab: SeparatedRouterLab,
) -> None:
    with cut(lab) as has_tried:
        lab.create(more=f"ip route add 10.7.0.0/16 via {LANS[1]}.9")
        lab.until(has_tried, "its Hello is lost")
        assert lab.plane() is None
    lab.until(lab.is_separated, "its planes are separated")
    lab.until(lambda: "10.7.0.0/16" in table(lab), "its route is there")
    (first,) = lab.ask(ListPlanes(check=True)).planes
    assert first.faults == ()
    with NumberedStream(lab) as stream, cut(lab) as has_tried:
        told = "".join(f"route add 10.8.{one}.0/24 via {LANS[1]}.9\n" for one in range(250))
        lab.router_ip("-batch", "-", stdin=told)
        lab.router_ip("route", "del", "10.7.0.0/16")
        lab.router_ip("route", "replace", "10.8.0.0/24", "via", f"{LANS[0]}.9")
        lab.until(has_tried, "its Route Changes are lost")
        lab.until(lambda: stream.sent > 1000, "datagrams pass meanwhile")
        assert "10.7.0.0/16" in table(lab)
    lab.until(lambda: "10.7.0.0/16" not in table(lab), "what went meanwhile is gone")
    lab.until(lambda: "10.8.249.0/24" in table(lab), "what came meanwhile is there")
    (plane,) = lab.ask(ListPlanes(check=True)).planes
    assert (plane.faults, plane.slot, plane.routes) == ((), first.slot, first.routes + 249)
    assert table(lab)["10.8.0.0/24"]["gateway"] == f"{LANS[0]}.9"
    assert stream.lost == 0


def test_a_router_that_ends_while_the_service_is_down_leaves_nothing(
    lab: SeparatedRouterLab,
) -> None:
    from xen_bridge.virtual_management import PhysicalHost

    lab.create()
    lab.until(lab.is_separated, "its planes are separated")
    lab.bridge.kill()

    def destroy() -> None:
        host = PhysicalHost(lab.uri)
        host.destroy("r1")
        host.close()

    lab.domain_0.run(destroy)
    assert "r1p0" in leftovers(lab)
    lab.bridge.start(7443)
    assert lab.ask(ListPlanes()).planes == ()
    assert leftovers(lab) == []


def test_a_router_with_a_firewall_is_refused_and_one_that_gets_it_later_has_its_packets_back(
    running: SeparatedRouterLab,
) -> None:
    lab = running
    lab.until(lab.is_separated, "its planes are separated")
    assert " 0% packet loss" in ping(lab, f"{LANS[1]}.9")
    wall = (
        "table inet wall { chain forward { type filter hook forward priority 0; policy drop; }; }"
    )
    inside = ("ip", "netns", "exec", f"hz-{lab.name}-r1", "nft")
    subprocess.run((*inside, wall), check=True)

    def state() -> str:
        plane = lab.plane()
        return "" if plane is None else plane.state

    lab.until(lambda: state() == "refused", "its firewall is seen")
    plane = lab.plane()
    assert isinstance(plane, SeparatedPlane)
    assert "nftables" in plane.refusals[0]
    assert "100% packet loss" in ping(lab, f"{LANS[1]}.9")
    subprocess.run((*inside, "delete table inet wall"), check=True)
    lab.until(lab.is_separated, "it is separated again")
    assert " 0% packet loss" in ping(lab, f"{LANS[1]}.9")


def test_a_kind_that_is_allowed_is_left_out_by_domain_0_and_no_other_kind_is(
    running: SeparatedRouterLab,
) -> None:
    lab = running
    lab.until(lab.is_separated, "its planes are separated")
    inside = ("ip", "netns", "exec", f"hz-{lab.name}-r1", "nft")
    chain = "chain forward { type filter hook forward priority 0; policy drop; }"
    subprocess.run((*inside, f"table inet wall {{ {chain}; }}"), check=True)

    def refusals() -> str:
        plane = lab.plane()
        return "" if plane is None or plane.state != "refused" else " ".join(plane.refusals)

    lab.until(lambda: "nftables" in refusals(), "its firewall is seen")
    lab.bridge.stop()
    lab.bridge.start(PORT, more=("--allow", "nftables"))
    lab.until(lab.is_separated, "it is separated in spite of its firewall")
    assert " 0% packet loss" in ping(lab, f"{LANS[1]}.9")
    plane = lab.plane()
    assert plane is not None
    assert plane.kinds == ("nftables",)
    lab.router_ip("rule", "add", "priority", "99", "from", "10.99.0.0/16", "table", "main")
    lab.until(lambda: "policy-rules" in refusals(), "its rule is seen")
    assert "nftables" not in refusals()
    assert "100% packet loss" in ping(lab, f"{LANS[1]}.9")
    lab.router_ip("rule", "del", "priority", "99")
    subprocess.run((*inside, "delete table inet wall"), check=True)
    lab.bridge.stop()
    lab.bridge.start(PORT)
    lab.until(lab.is_separated, "it is separated again")


def test_the_key_of_a_router_says_hello_for_itself_and_nothing_else(
    running: SeparatedRouterLab,
) -> None:
    lab = running
    lab.until(lab.is_separated, "its planes are separated")
    plane = lab.plane()
    assert plane is not None
    key = Identity.load(lab.router_folder("r1"))

    def ask(body: Any, router: str | None = None) -> Any:
        def asking() -> Any:
            client = BridgeClient(lab.bridge.url, lab.bridge.identity.node_pk, key)
            try:
                return client.ask(body, router)
            finally:
                client.close()

        return lab.domain_0.run(asking)

    for body in (GetNode(), ListPlanes()):
        with pytest.raises(Forbidden, match="nothing else"):
            ask(body)
    # Claims of what it cannot know: another's MAC, and Domain 0's own.
    bridge = next(row for row in lab.domain_0.ip_json("link") if row["ifname"] == "mgmt")
    for mac in ("02:00:00:00:00:99", bridge["address"]):
        answer = ask(RouterHello("liar", 1, (RouterInterface("eth1", 7, mac),)))
        assert answer.state == "refused"
    # What it lied about, it lost itself: its packets are its own again.
    assert lab.domain_0.ip_json("link", "show", "dev", plane.ports[0].vif)[0]["master"] == "lan0"
