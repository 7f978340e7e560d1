"""What the kernel of a network namespace does, told by it: nftables, iptables, rules, tc, IPsec."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator

import pytest

from backstop import BACKSTOP
from network_namespace import NetworkNamespace
from xen_bridge.planes.kernel_facts import read_facts
from xen_bridge.planes.skipped import SkippedKind, kinds, refusal
from xen_bridge.planes.skipped_follower import SkippedFollower

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]


@pytest.fixture
def router() -> Iterator[NetworkNamespace]:
    with NetworkNamespace() as made:
        made.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
        for name in ("eth0", "eth1"):
            made.ip("link", "set", name, "up")
        made.run(_write, "net/ipv4/conf/all/rp_filter", "0")
        yield made


def _write(name: str, value: str) -> None:
    with open(f"/proc/sys/{name}", "w", encoding="ascii") as setting:
        setting.write(value)


def inside(router: NetworkNamespace, *commands: str) -> None:
    for command in commands:
        subprocess.run(
            ("ip", "netns", "exec", router.name, *command.split(" ", 1)[:1], *_words(command)),
            check=True,
            capture_output=True,
        )


def _words(command: str) -> list[str]:
    tool, _, rest = command.partition(" ")
    return [rest] if tool == "nft" else rest.split()


def told(router: NetworkNamespace) -> dict[str, str]:
    return {one.kind: one.evidence for one in kinds(router.run(read_facts))}


def test_a_router_that_only_routes_is_told_of_nothing_and_a_firewall_for_itself_is_none(
    router: NetworkNamespace,
) -> None:
    assert told(router) == {}
    inside(
        router,
        "nft add table inet own",
        "nft add chain inet own in { type filter hook input priority 0; policy drop; }",
        "nft add rule inet own in tcp dport 22 accept",
        "nft add chain inet own fw { type filter hook forward priority 0; }",
    )
    assert told(router) == {}


def test_a_router_with_a_firewall_is_refused(router: NetworkNamespace) -> None:
    inside(
        router,
        "nft add table inet f",
        "nft add chain inet f fw { type filter hook forward priority 0; policy drop; }",
        "nft add rule inet f fw tcp dport 22 accept",
        "nft add table ip n",
        "nft add chain ip n out { type nat hook postrouting priority 100; }",
        "nft add rule ip n out masquerade",
    )
    found = kinds(router.run(read_facts))
    assert refusal(found, ()) == (
        "Domain 0 would skip what the router's kernel does: nftables (rules of nftables for what "
        "passes through): table inet f chain fw (forward: 1 rules, policy drop); nat (translation "
        "of addresses): nftables table ip n chain out"
    )
    assert refusal(found, {"nftables", "nat"}) is None


def test_rules_tc_ipsec_and_a_strict_reverse_path_are_told(router: NetworkNamespace) -> None:
    inside(
        router,
        "ip rule add from 10.0.0.0/8 table 100",
        "ip -6 rule add not fwmark 3 lookup main suppress_prefixlength 0",
        "tc qdisc add dev eth0 root tbf rate 1mbit burst 10k latency 10ms",
        "tc qdisc add dev eth1 clsact",
        "tc filter add dev eth1 egress protocol ip u32 match u32 0 0 classid 1:1",
        "ip xfrm policy add src 10.0.0.0/8 dst 10.1.0.0/16 dir fwd",
        "ip xfrm policy add src 10.0.0.0/8 dst 10.1.0.0/16 dir in",
        "ip link add br0 up type bridge",
    )
    router.run(_write, "net/ipv4/conf/eth1/rp_filter", "1")
    found = told(router)
    assert found["policy-rules"] == (
        "rule 32765 from 10.0.0.0/8 table 100, IPv6 rule 32765 fwmark 0x3 table 254"
    )
    assert "tbf on eth0" in found["tc"]
    assert " filters of clsact on eth1" in found["tc"]
    assert found["xfrm"] == "1 of direction fwd"
    assert found["reverse-path"] == "rp_filter is strict on eth1"
    assert found["interfaces"] == "br0 (bridge)"
    assert len(found) == 5


def test_what_only_the_older_iptables_knows_is_told(router: NetworkNamespace) -> None:
    if not router.run(_has_older_tables):
        pytest.skip("this kernel has no table of the older iptables")
    router.run(_set_policies, -2)
    assert told(router) == {}
    router.run(_set_policies, -1)
    assert told(router) == {"iptables": "iptables table filter chain FORWARD (policy drop)"}


def test_multicast_routing_is_told_of_while_a_daemon_does_it(router: NetworkNamespace) -> None:
    with router.run(_multicast_router):
        assert told(router) == {"multicast": "interface eth0"}
    assert told(router) == {}


def test_a_firewall_that_is_added_later_is_told_when_it_comes_and_goes(
    router: NetworkNamespace,
) -> None:
    # Its clock stands still: it looks only when the kernel tells of a change.
    follower = SkippedFollower(clock=lambda: 0.0)

    def next_told() -> tuple[SkippedKind, ...]:
        until = time.monotonic() + BACKSTOP
        while (found := router.run(follower.read, 1.0)) is None:
            assert time.monotonic() < until
        return found

    try:
        assert router.run(follower.read, 0.0) == ()
        inside(
            router,
            "nft add table inet f",
            "nft add chain inet f fw { type filter hook forward priority 0; policy drop; }",
        )
        assert [one.kind for one in next_told()] == ["nftables"]
        inside(router, "nft delete table inet f")
        assert next_told() == ()
        inside(router, "ip rule add from 10.0.0.0/8 table 100")
        assert [one.kind for one in next_told()] == ["policy-rules"]
        inside(router, "tc qdisc add dev eth0 root tbf rate 1mbit burst 10k latency 10ms")
        assert [one.kind for one in next_told()] == ["policy-rules", "tc"]
    finally:
        follower.close()


# ---- what no tool that is installed everywhere makes


def _has_older_tables() -> bool:
    """Make the table filter, as ``iptables-legacy -L`` does; tell whether there is one."""
    libc = ctypes.CDLL(None, use_errno=True)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as asked:
        buffer = ctypes.create_string_buffer(b"filter", 84)
        length = ctypes.c_uint32(84)
        return not libc.getsockopt(asked.fileno(), 0, 64, buffer, ctypes.byref(length))


def _set_policies(forward: int) -> None:
    """Give the chain FORWARD of the table filter a policy (ipt_replace, IPT_SO_SET_REPLACE)."""

    def entry(target: bytes) -> bytes:
        return struct.pack("=84xIHHI16x", 0, 112, 112 + len(target), 0) + target

    def standard(verdict: int) -> bytes:
        return entry(struct.pack("=H29sBi4x", 40, b"", 0, verdict))

    entries = [standard(verdict) for verdict in (-2, forward, -2)]
    entries.append(entry(struct.pack("=H29sB30s2x", 64, b"ERROR", 0, b"ERROR")))
    size = len(entries[0])
    old = (ctypes.c_uint64 * 2 * 4)()
    places = (0, 0, size, 2 * size, 0)
    head = struct.pack(
        "=32sIII5I5IIQ",
        b"filter",
        0b1110,
        4,
        sum(map(len, entries)),
        *places,
        *places,
        4,
        ctypes.addressof(old),
    )
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as asked:
        asked.setsockopt(0, 64, head + b"".join(entries))


def _multicast_router() -> socket.socket:
    """Be one on eth0, as pimd is (MRT_INIT, MRT_ADD_VIF of linux/mroute.h)."""
    made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
    made.setsockopt(0, 200, struct.pack("=i", 1))
    index = socket.if_nametoindex("eth0")
    made.setsockopt(0, 202, struct.pack("=HBBIii", 0, 8, 1, 0, index, 0))
    return made
