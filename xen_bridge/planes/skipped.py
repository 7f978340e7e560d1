"""Skipped kinds: what a router's own kernel does with packets, and Domain 0 would leave out.

Pure. Were the planes of such a router separated, packets would pass by its firewall, and nobody
would be told. So they are not, unless somebody who knows has allowed that kind.

What a router's kernel does only with packets to and from itself is no such thing: those go to its
VM as before. That is why the chains input and output may have rules.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from xen_bridge.errors import InvalidRequest
from xen_bridge.netlink.constants import (
    FR_ACT_TO_TBL,
    IFF_LOOPBACK,
    IFF_UP,
    RT_TABLE_DEFAULT,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
)
from xen_bridge.netlink.links import KernelLink
from xen_bridge.netlink.netfilter import NftChain
from xen_bridge.netlink.rules import Rule
from xen_bridge.netlink.traffic_control import Qdisc
from xen_bridge.netlink.xtables import XtChain

KINDS: Mapping[str, str] = {
    "nftables": "rules of nftables for what passes through",
    "iptables": "rules of the older iptables for what passes through",
    "nat": "translation of addresses",
    "policy-rules": "rules that choose a table of routes",
    "vrf": "tables of routes by interface",
    "tc": "traffic control",
    "xdp": "programs that see packets before the kernel does",
    "reverse-path": "a check of where packets come from",
    "multicast": "routes for multicast",
    "mpls": "labels of MPLS",
    "xfrm": "policies of IPsec",
    "interfaces": "interfaces that Domain 0 has nothing for",
    "unreadable": "something that its agent cannot read",
}
"""What a router may be refused for, and allowed in spite of."""
MAX_EVIDENCE = 300
"""Characters of what is told of one kind."""
LOCAL_HOOKS = frozenset({"input", "output", "INPUT", "OUTPUT"})
"""Of packets to and from the router itself; in the family arp they are of what Domain 0 answers."""
OF_OTHER_DEVICES = frozenset(
    {
        *("bond", "bridge", "erspan", "geneve", "gre", "gretap", "ip6erspan", "ip6gre"),
        *("ip6gretap", "ip6tnl", "ipip", "ipvlan", "l2tp", "macsec", "macvlan", "ovpn", "ppp"),
        *("sit", "team", "tun", "vlan", "vti", "vti6", "vxlan", "wireguard", "xfrm"),
    },
)
"""Kinds of interfaces whose packets the kernel wraps, or passes on to other interfaces."""
QDISCS = frozenset({"noqueue", "noop", "mq", "pfifo_fast", "fq_codel"})
"""What an interface may have without that somebody asked for it."""
L3MDEV = 1000
"""Priority of the rule that the kernel makes with the first VRF, and leaves there."""
STRICT = 1
"""Of rp_filter: a packet must come by the interface by which its source would be reached."""


NEEDED_RULES = ((0, RT_TABLE_LOCAL), (32766, RT_TABLE_MAIN))
DEFAULT_RULES = (*NEEDED_RULES, (32767, RT_TABLE_DEFAULT))
"""The kernel's own: priority and table. The last leads to a table that mostly is empty."""


@dataclass(frozen=True, slots=True)
class SkippedKind:
    """One of KINDS that a router's kernel does, and what says so, in words."""

    kind: str
    evidence: str

    def __post_init__(self) -> None:
        """Raise InvalidRequest for a kind that is none, and for evidence that is no line."""
        if self.kind not in KINDS:
            raise InvalidRequest(("kind",), f"{self.kind[:40]!r} is none of {', '.join(KINDS)}")
        if len(self.evidence) > MAX_EVIDENCE or not self.evidence.isprintable():
            raise InvalidRequest(
                ("evidence",), f"must be a line of up to {MAX_EVIDENCE} characters"
            )


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """What a kernel has that changes what becomes of packets; all of one network namespace."""

    links: tuple[KernelLink, ...] = ()
    reverse_path: Mapping[str, int] = field(default_factory=dict)
    """rp_filter that is in force, by interface."""
    nft: tuple[NftChain, ...] = ()
    xtables: tuple[XtChain, ...] = ()
    arp_tables: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    qdiscs: tuple[Qdisc, ...] = ()
    default_qdisc: str = "pfifo_fast"
    multicast: tuple[str, ...] = ()
    """Interfaces of multicast routing, and its routes, as /proc has them."""
    labels: tuple[str, ...] = ()
    """Interfaces that take packets with labels, and routes of labels."""
    policies: Mapping[str, int] = field(default_factory=dict)
    """How many policies of IPsec there are, by direction."""
    unreadable: tuple[str, ...] = ()
    """Why something could not be read, a sentence each."""


def kinds(facts: KernelFacts, interfaces: Collection[str] | None = None) -> tuple[SkippedKind, ...]:
    """Return what Domain 0 would leave out, in the order of KINDS; none if nothing.

    ``interfaces``: those of the router that Domain 0 is to serve; what concerns one interface
    counts of these only. None: all but the loopback.
    """
    names = {
        link.index: link.name
        for link in facts.links
        if not link.flags & IFF_LOOPBACK and (interfaces is None or link.name in interfaces)
    }
    found = {
        "nftables": _nftables(facts),
        "iptables": _iptables(facts),
        "nat": _nat(facts),
        "policy-rules": _policy_rules(facts.rules),
        "vrf": (f"interface {link.name}" for link in facts.links if link.kind == "vrf"),
        "tc": _traffic_control(facts, names),
        "xdp": (f"interface {one.name}" for one in facts.links if _has_program(one, names)),
        "reverse-path": _reverse_path(facts, names),
        "multicast": facts.multicast,
        "mpls": facts.labels,
        "xfrm": (f"{count} of direction {way}" for way, count in _passing(facts.policies)),
        "interfaces": _of_other_devices(facts.links),
        "unreadable": facts.unreadable,
    }
    told = ((kind, _line(evidence)) for kind, evidence in found.items())
    return tuple(SkippedKind(kind, evidence) for kind, evidence in told if evidence)


def refusal(found: Iterable[SkippedKind], allowed: Collection[str]) -> str | None:
    """Return why a router's planes are not separated; None if they may be.

    ``allowed``: the kinds that may be left out.
    """
    left = [one for one in found if one.kind not in allowed]
    if not left:
        return None
    told = "; ".join(f"{one.kind} ({KINDS[one.kind]}): {one.evidence}" for one in left)
    return f"Domain 0 would skip what the router's kernel does: {told}"


def checked_kinds(names: Iterable[str]) -> frozenset[str]:
    """Return kinds that somebody allows; InvalidRequest for one that is none."""
    found = frozenset(names)
    for name in sorted(found - set(KINDS)):
        raise InvalidRequest(("allow",), f"{name[:40]!r} is none of {', '.join(KINDS)}")
    return found


# ---- one kind each


def _line(evidence: Iterable[str]) -> str:
    text = ", ".join(dict.fromkeys(evidence))
    clean = "".join(one if one.isprintable() else "?" for one in text)
    return clean if len(clean) <= MAX_EVIDENCE else clean[: MAX_EVIDENCE - 3] + "..."


def _does_something(chain: NftChain) -> bool:
    is_local = chain.hook in LOCAL_HOOKS and chain.family != "arp"
    return not is_local and bool(chain.rules or chain.drops)


def _nftables(facts: KernelFacts) -> Iterator[str]:
    for chain in facts.nft:
        if _does_something(chain) and chain.type != "nat":
            policy = ", policy drop" if chain.drops else ""
            where = f"table {chain.family} {chain.table} chain {chain.name}"
            yield f"{where} ({chain.hook}: {chain.rules} rules{policy})"


def _iptables(facts: KernelFacts) -> Iterator[str]:
    for chain in _passing_xt(facts):
        if chain.table != "nat":
            what = "rules" if chain.has_rules else "policy drop"
            yield f"{chain.tool} table {chain.table} chain {chain.hook} ({what})"
    yield from (f"arptables table {name}" for name in facts.arp_tables)


def _nat(facts: KernelFacts) -> Iterator[str]:
    for chain in facts.nft:
        if _does_something(chain) and chain.type == "nat":
            yield f"nftables table {chain.family} {chain.table} chain {chain.name}"
    for old in _passing_xt(facts):
        if old.table == "nat":
            yield f"{old.tool} chain {old.hook}"


def _passing_xt(facts: KernelFacts) -> Iterator[XtChain]:
    for chain in facts.xtables:
        if chain.hook not in LOCAL_HOOKS and (chain.has_rules or chain.drops):
            yield chain


def _policy_rules(rules: Collection[Rule]) -> Iterator[str]:
    if not rules:
        return
    default = {rule for rule in rules if _is_default(rule)}
    for family in sorted({rule.family for rule in rules}):
        there = {(rule.priority, rule.table) for rule in default if rule.family == family}
        for priority, table in sorted(set(NEEDED_RULES) - there):
            yield f"{_version(family)}rule {priority} for table {table} is missing"
    for rule in rules:
        if rule not in default and not _is_l3mdev(rule):
            yield _told_rule(rule)


def _is_default(rule: Rule) -> bool:
    is_plain = not rule.is_conditional and rule.action == FR_ACT_TO_TBL
    return is_plain and (rule.priority, rule.table) in DEFAULT_RULES


def _version(family: int) -> str:
    return "IPv6 " if family == socket.AF_INET6 else ""


def _is_l3mdev(rule: Rule) -> bool:
    """Whether it is that of the VRFs: it does nothing where none is, and those are told."""
    return rule.priority == L3MDEV and not rule.table and rule.action == FR_ACT_TO_TBL


def _told_rule(rule: Rule) -> str:
    words = [f"{_version(rule.family)}rule {rule.priority}"]
    for name, value in (
        *(("from", rule.source), ("to", rule.destination)),
        *(("iif", rule.iif), ("oif", rule.oif)),
    ):
        words += [name, value] if value is not None else []
    words += [f"fwmark {rule.fwmark:#x}"] if rule.fwmark else []
    words += [f"table {rule.table}"] if rule.table else []
    return " ".join(words)


def _traffic_control(facts: KernelFacts, names: Mapping[int, str]) -> Iterator[str]:
    common = QDISCS | {facts.default_qdisc}
    for one in facts.qdiscs:
        where = names.get(one.index)
        if where is None:
            continue
        if one.filters:
            yield f"{one.filters} filters of {one.kind} on {where}"
        elif one.kind not in common and one.kind not in ("clsact", "ingress"):
            yield f"{one.kind} on {where}"


def _has_program(link: KernelLink, names: Mapping[int, str]) -> bool:
    return link.has_program and link.index in names


def _reverse_path(facts: KernelFacts, names: Mapping[int, str]) -> Iterator[str]:
    for name in sorted(set(names.values())):
        if facts.reverse_path.get(name) == STRICT:
            yield f"rp_filter is strict on {name}"


def _passing(policies: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Yield what concerns packets that pass through: such leave by policies "out", too."""
    return ((way, count) for way, count in policies.items() if way in ("out", "fwd") and count)


def _of_other_devices(links: Iterable[KernelLink]) -> Iterator[str]:
    for link in links:
        if link.flags & IFF_UP and link.kind in OF_OTHER_DEVICES:
            yield f"{link.name} ({link.kind})"
