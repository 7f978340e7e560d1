"""What a router's kernel does and Domain 0 would leave out: told from facts, and refused."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xen_bridge.errors import InvalidRequest
from xen_bridge.netlink.constants import FR_ACT_BLACKHOLE, IFF_LOOPBACK, IFF_UP
from xen_bridge.netlink.links import KernelLink, LinkCounters
from xen_bridge.netlink.netfilter import NftChain, read_chain
from xen_bridge.netlink.rules import Rule
from xen_bridge.netlink.traffic_control import Qdisc
from xen_bridge.netlink.xtables import FAMILIES, INFO, XtChain, read_table
from xen_bridge.planes.skipped import (
    KINDS,
    MAX_EVIDENCE,
    KernelFacts,
    SkippedKind,
    checked_kinds,
    kinds,
    refusal,
)

RULES = tuple(
    Rule(priority, table, family=family)
    for family in (socket.AF_INET, socket.AF_INET6)
    for priority, table in ((0, 255), (32766, 254))
)


def link(name: str, index: int, kind: str | None = None, **more: Any) -> KernelLink:
    flags = more.pop("flags", IFF_UP)
    counters = LinkCounters(*([0] * 21))
    return KernelLink(index, name, 1, flags, bytes(6), 1500, 0, kind, None, counters, **more)


LINKS = (link("lo", 1, flags=IFF_UP | IFF_LOOPBACK), link("eth0", 2), link("eth1", 3))


def found(**facts: Any) -> dict[str, str]:
    facts.setdefault("links", LINKS)
    facts.setdefault("rules", RULES)
    return {one.kind: one.evidence for one in kinds(KernelFacts(**facts))}


def chain(hook: str, rules: int = 1, **more: Any) -> NftChain:
    family, kind = more.pop("family", "inet"), more.pop("type", "filter")
    return NftChain(family, "t", "c", hook, kind, rules, more.pop("drops", False))


def test_a_kernel_that_only_forwards_does_nothing_that_is_skipped() -> None:
    assert found() == {}
    quiet = found(
        nft=(chain("input"), chain("output", drops=True), chain("forward", 0)),
        xtables=(XtChain("iptables", "filter", "INPUT", True, True),),
        qdiscs=(Qdisc(2, "fq_codel", 0), Qdisc(3, "clsact", 1), Qdisc(1, "htb", 1, 3)),
        rules=(*RULES, Rule(32767, 253), Rule(1000, 0, more=True)),
        policies={"in": 3, "socket": 2},
        reverse_path={"eth0": 2, "eth1": 0},
        links=(*LINKS, link("gre0", 9, "gre", flags=0), link("dummy0", 8, "dummy")),
    )
    assert quiet == {}


@pytest.mark.parametrize(
    ("facts", "kind", "evidence"),
    [
        ({"nft": (chain("forward"),)}, "nftables", "table inet t chain c (forward: 1 rules)"),
        ({"nft": (chain("forward", 0, drops=True),)}, "nftables", "policy drop"),
        ({"nft": (chain("ingress", family="netdev"),)}, "nftables", "netdev"),
        # Domain 0 answers ARP, so what the VM would drop of it is left out.
        ({"nft": (chain("input", family="arp"),)}, "nftables", "table arp t"),
        ({"nft": (chain("prerouting", type="nat"),)}, "nat", "table inet t chain c"),
        (
            {"xtables": (XtChain("iptables", "filter", "FORWARD", False, True),)},
            "iptables",
            "iptables table filter chain FORWARD (policy drop)",
        ),
        (
            {"xtables": (XtChain("ip6tables", "mangle", "PREROUTING", True, False),)},
            "iptables",
            "ip6tables table mangle chain PREROUTING (rules)",
        ),
        (
            {"xtables": (XtChain("iptables", "nat", "POSTROUTING", True, False),)},
            "nat",
            "iptables chain POSTROUTING",
        ),
        ({"arp_tables": ("filter",)}, "iptables", "arptables table filter"),
        (
            {"rules": (*RULES, Rule(99, 7, source="10.0.0.0/8"))},
            "policy-rules",
            "rule 99 from 10.0.0.0/8 table 7",
        ),
        ({"rules": (*RULES, Rule(99, 7, fwmark=3))}, "policy-rules", "rule 99 fwmark 0x3 table 7"),
        ({"rules": RULES[1:]}, "policy-rules", "rule 0 for table 255 is missing"),
        ({"rules": (*RULES, Rule(32766, 254, more=True))}, "policy-rules", "rule 32766 table 254"),
        ({"rules": (*RULES, Rule(1000, 0, FR_ACT_BLACKHOLE))}, "policy-rules", "rule 1000"),
        ({"links": (*LINKS, link("blue", 4, "vrf", flags=0))}, "vrf", "interface blue"),
        ({"qdiscs": (Qdisc(2, "htb", 1),)}, "tc", "htb on eth0"),
        ({"qdiscs": (Qdisc(3, "clsact", 1, 2),)}, "tc", "2 filters of clsact on eth1"),
        ({"links": (*LINKS, link("eth2", 4, has_program=True))}, "xdp", "interface eth2"),
        ({"reverse_path": {"eth0": 1}}, "reverse-path", "rp_filter is strict on eth0"),
        ({"multicast": ("interface eth0",)}, "multicast", "interface eth0"),
        ({"labels": ("labels are taken on eth0",)}, "mpls", "labels are taken on eth0"),
        ({"policies": {"fwd": 2}}, "xfrm", "2 of direction fwd"),
        ({"links": (*LINKS, link("wg0", 4, "wireguard"))}, "interfaces", "wg0 (wireguard)"),
        ({"unreadable": ("not permitted",)}, "unreadable", "not permitted"),
    ],
)
def test_each_kind_is_told_with_what_says_so(
    facts: dict[str, Any], kind: str, evidence: str
) -> None:
    told = found(**facts)
    assert list(told) == [kind]
    assert evidence in told[kind]


def test_what_concerns_an_interface_that_is_not_separated_does_not_count() -> None:
    facts = KernelFacts(LINKS, {"eth0": 1}, qdiscs=(Qdisc(2, "htb", 1),), rules=RULES)
    assert kinds(facts, {"eth1"}) == ()
    assert [one.kind for one in kinds(facts, {"eth0"})] == ["tc", "reverse-path"]


def test_it_is_refused_with_the_reason_unless_every_kind_is_allowed() -> None:
    told = (SkippedKind("nat", "here"), SkippedKind("tc", "htb on eth0"))
    assert refusal((), ()) is None
    assert refusal(told, {"nat", "tc"}) is None
    assert refusal(told, {"nat"}) == (
        "Domain 0 would skip what the router's kernel does: tc (traffic control): htb on eth0"
    )
    assert "nat (translation of addresses): here; tc" in str(refusal(told, ()))


def test_only_kinds_that_there_are_can_be_allowed() -> None:
    assert checked_kinds(("nat", "tc", "nat")) == {"nat", "tc"}
    assert checked_kinds(KINDS) == set(KINDS)
    with pytest.raises(InvalidRequest, match="allow: 'firewall' is none of nftables"):
        checked_kinds(("nat", "firewall"))


@pytest.mark.parametrize(("kind", "evidence"), [("x", "y"), ("nat", "a\nb"), ("nat", "a" * 301)])
def test_what_an_agent_tells_is_one_line_of_a_kind_that_there_is(kind: str, evidence: str) -> None:
    with pytest.raises(InvalidRequest):
        SkippedKind(kind, evidence)


@given(st.lists(st.text(max_size=60), max_size=40))
def test_names_that_a_router_invents_make_no_evidence_that_is_refused(names: list[str]) -> None:
    links = tuple(link(name, 9 + at, "vrf") for at, name in enumerate(names))
    (told,) = kinds(KernelFacts((*LINKS, *links), rules=RULES)) or (SkippedKind("vrf", ""),)
    assert len(told.evidence) <= MAX_EVIDENCE


# ---- the older iptables, as bytes of the kernel


def _entry(family: Any, size: int, verdict: int) -> bytes:
    head = bytearray(family.target_offset_at + 24)
    head += bytes(-len(head) % 8)
    struct.pack_into("=HH", head, family.target_offset_at, len(head), size)
    target = struct.pack("=H29sBi4x", 40, b"", 0, verdict)
    return bytes(head) + target


@pytest.mark.parametrize("family", FAMILIES)
def test_rules_and_policies_of_the_older_tables_are_read(family: Any) -> None:
    size = len(_entry(family, 0, 0))
    # INPUT: policy; FORWARD: a rule and a policy to drop; OUTPUT: policy.
    entries = b"".join(_entry(family, size, verdict) for verdict in (-2, -2, -1, -2))
    begins, policies = (0, 0, size, 3 * size, 0), (0, 0, 2 * size, 3 * size, 0)
    info = INFO.pack(b"filter", 0b1110, *begins, *policies, 5, len(entries))
    assert read_table(family, "filter", info, entries) == [
        XtChain(family.tool, "filter", "INPUT", has_rules=False, drops=False),
        XtChain(family.tool, "filter", "FORWARD", has_rules=True, drops=True),
        XtChain(family.tool, "filter", "OUTPUT", has_rules=False, drops=False),
    ]
    # What cannot be read is not taken for harmless.
    assert read_table(family, "filter", info, b"")[1].drops


@given(st.binary(max_size=200))
def test_any_bytes_for_a_chain_are_read_without_an_error(data: bytes) -> None:
    read_chain(data)
