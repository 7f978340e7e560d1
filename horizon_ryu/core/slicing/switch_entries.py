"""Entries of a switch: what tenants' entries are there, and what is told about them, both ways."""

from __future__ import annotations

from typing import Any, NamedTuple

from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.wire.ternary import TernaryMatch


class Piece(NamedTuple):
    """A part of a tenant's entry: its match, the level of its region, what is done with frames."""

    match: TernaryMatch
    level: int
    program: Any


class InstalledEntry(NamedTuple):
    """A flow entry of the switch; ``owner`` is the tenant's entry that it is a piece of."""

    match: TernaryMatch
    priority: int
    program: Any
    owner: TenantEntry

    @property
    def address(self) -> Address:
        """What no two entries of a switch share."""
        return self.match, self.priority


Address = tuple[TernaryMatch, int]


class SwitchChanges(NamedTuple):
    """What is to be sent to a switch, in this order."""

    added: tuple[InstalledEntry, ...] = ()
    modified: tuple[InstalledEntry, ...] = ()
    deleted: tuple[InstalledEntry, ...] = ()


class EntryRemoval(NamedTuple):
    """What a switch says of an entry that it has removed; ``packets`` it has counted."""

    match: TernaryMatch
    priority: int
    is_idle: bool
    packets: int = 0

    @property
    def address(self) -> Address:
        """Where the entry stood."""
        return self.match, self.priority


class EndedPiece(NamedTuple):
    """A piece that the switch has removed, and whether its entry ended with it."""

    owner: TenantEntry
    is_last: bool
    changes: SwitchChanges
