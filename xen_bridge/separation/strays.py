"""Strays: what has a name of ours in Domain 0's kernel, and belongs to nothing that is known here.

Pure. What a router's plane, a tunnel or a migration leaves behind when something went wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from socket import AF_INET6

from xen_bridge.netlink.rules import Rule
from xen_bridge.planes.data_plane import FIRST_TABLE, LOCAL_BEHIND, PARKED, SLOTS, TUNNEL
from xen_bridge.separation.bridge_ports import ANCHOR, ANCHOR_END

PARKED_FAR = "hzx"
_PORT = re.compile(r"r(\d+)p\d+")
_PARKED = re.compile(rf"(?:{PARKED}|{PARKED_FAR})([0-9a-f]{{8}})\.\d+")
_TUNNEL = re.compile(rf"{TUNNEL}[0-9a-f]{{6}}")
_ANCHOR = re.compile(rf"(?:{ANCHOR}|{ANCHOR_END})\d+")
_PLANE_TABLE = re.compile(r"\w+ hz_r(\d+)")
_MIGRATION_TABLE = re.compile(r"\w+ hz_[a-z]_([0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class KnownOwners:
    """What is known at a host: slots of planes, devices of tunnels, migrations under way."""

    slots: frozenset[int]
    tunnels: frozenset[str]
    migrations: frozenset[str]

    def joined(self, other: KnownOwners) -> KnownOwners:
        """Return what is known of either."""
        return KnownOwners(
            self.slots | other.slots,
            self.tunnels | other.tunnels,
            self.migrations | other.migrations,
        )

    def has_slot(self, number: str) -> bool:
        """Tell whether a plane has that slot."""
        return int(number) in self.slots

    def has_migration(self, begin: str) -> bool:
        """Tell whether a migration is under way whose id begins so."""
        return any(one.startswith(begin) for one in self.migrations)


def strays(
    links: Iterable[str], tables: Iterable[str], known: KnownOwners, rules: Iterable[Rule] = ()
) -> tuple[str, ...]:
    """Return what is nobody's, a sentence each; ``tables`` are those of nft, with their family."""
    return (
        *_stray_links(links, known),
        *_stray_tables(tables, known),
        *_stray_rules(rules, known),
    )


def _stray_links(links: Iterable[str], known: KnownOwners) -> Iterator[str]:
    rules: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool], str], ...] = (
        (_PORT, lambda found: known.has_slot(found[1]), "router"),
        (_PARKED, lambda found: known.has_migration(found[1]), "migration"),
        (_TUNNEL, lambda found: found[0] in known.tunnels, "tunnel"),
        (_ANCHOR, lambda _found: bool(known.slots), "router"),
    )
    for name in sorted(links):
        for pattern, is_known, owner in rules:
            found = pattern.fullmatch(name)
            if found is not None and not is_known(found):
                yield f"device {name} belongs to no {owner} that is known here"


def _stray_tables(tables: Iterable[str], known: KnownOwners) -> Iterator[str]:
    for name in sorted(tables):
        plane, migration = _PLANE_TABLE.fullmatch(name), _MIGRATION_TABLE.fullmatch(name)
        if plane is not None and not known.has_slot(plane[1]):
            yield f"table {name} of nftables belongs to no router that is known here"
        if migration is not None and not known.has_migration(migration[1]):
            yield f"table {name} of nftables belongs to no migration that is under way here"


def _stray_rules(rules: Iterable[Rule], known: KnownOwners) -> Iterator[str]:
    for rule in sorted(rules, key=lambda one: (one.family, one.priority, one.iif or "")):
        family = "IPv6 " * (rule.family == AF_INET6)
        if replace(rule, family=LOCAL_BEHIND.family) == LOCAL_BEHIND and not known.slots:
            yield f"{family}rule {rule.priority} (local) is there without any router"
        slot = _slot_of(rule)
        if slot is not None and slot not in known.slots:
            by = f"from {rule.iif}" if rule.iif else f"table {rule.table}"
            yield f"{family}rule {rule.priority} ({by}) belongs to no router that is known here"


def _slot_of(rule: Rule) -> int | None:
    """Return the slot of the plane that a rule is of: by its table, or by where packets come in."""
    if rule.table - FIRST_TABLE in SLOTS:
        return rule.table - FIRST_TABLE
    found = _PORT.fullmatch(rule.iif or "")
    return None if found is None else int(found[1])
