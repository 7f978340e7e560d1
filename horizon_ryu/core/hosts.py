"""Host table: stations learned at edge ports, and not taken away by whoever says so.

A station that shows up at a second port has moved, or is being impersonated. If its old port is
down, gone, or leads to a switch now, it has moved. Otherwise the old place is asked by ARP: an
answer from there within the window unmasks the newcomer, silence means a move. One question per
station and window, however many frames the newcomer sends.

A MAC address is another station in each VLAN, and an IP address another address.

An IP address belongs to the station that used it first, until that station is gone, its port is
down, or it does not answer for the address when another one uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.core import frames
from horizon_ryu.core.address_claims import Address, AddressClaims
from horizon_ryu.core.topology import Host, PortRef, TopologyChange, station_key
from horizon_ryu.wire.messages import Outgoing, Output, PacketOut

PROBER = b"\x02\x48\x5a\x00\x00\x01"
"""Sender of our ARP probes: locally administered, on no network."""


@dataclass(frozen=True, slots=True)
class HostLimits:
    """Caps that keep a flood of made-up addresses from filling memory."""

    hosts: int = 65_536
    hosts_per_port: int = 2_048
    addresses_per_host: int = 16
    move_window: float = 1.0


class Noted(NamedTuple):
    """What a frame taught: changes to publish and messages to send."""

    changes: tuple[TopologyChange, ...] = ()
    messages: tuple[Outgoing, ...] = ()


class _Move(NamedTuple):
    """A station that showed up at ``new``; decided at ``deadline`` unless ``exposed`` before."""

    new: PortRef
    deadline: float
    exposed: bool = False


NOTHING = Noted()


class HostTable:
    """The stations by their keys. Only frames that came in at edge ports may be noted here."""

    def __init__(self, limits: HostLimits, is_live: Callable[[PortRef], bool]) -> None:
        """``is_live`` tells whether a port is an edge port that is up."""
        self._limits = limits
        self._is_live = is_live
        self._hosts: dict[bytes, Host] = {}
        self._at_port: dict[PortRef, set[bytes]] = {}
        self._owners: dict[Address, bytes] = {}
        self._moves: dict[bytes, _Move] = {}
        self._claims = AddressClaims(limits.move_window)

    @property
    def hosts(self) -> Mapping[bytes, Host]:
        """The stations, live and read-only."""
        return MappingProxyType(self._hosts)

    def locate(self, key: bytes) -> PortRef | None:
        """Return where the station with this key is; None if it was never heard."""
        host = self._hosts.get(key)
        return host.location if host is not None else None

    def is_contested(self, vlan: int | None, address: str) -> bool:
        """Tell whether it is undecided which station of a VLAN has ``address``."""
        return self._claims.is_contested((station_key(b"", vlan), address))

    def note(
        self, here: PortRef, mac: bytes, address: str | None, now: float, vlan: int | None = None
    ) -> Noted:
        """Take note of a frame from ``mac``, in ``vlan``, at the edge port ``here``."""
        key = station_key(mac, vlan)
        noted = self._note(here, key, address, now)
        return noted if address is None else self._contest(noted, here, key, address, now)

    def _note(self, here: PortRef, key: bytes, address: str | None, now: float) -> Noted:
        host = self._hosts.get(key)
        if host is None:
            return self._new(here, key, address)
        if host.location == here:
            return self._heard_at_home(host, address)
        if not self._is_live(host.location):
            return self._moved(host, here, address)
        if key in self._moves:
            return NOTHING
        self._moves[key] = _Move(here, now + self._limits.move_window)
        return Noted((), self._questions(host, host.ips))

    def expire(self, now: float) -> tuple[TopologyChange, ...]:
        """Carry out the moves whose old place stayed silent, if the new place still exists."""
        changes: list[TopologyChange] = []
        while self._moves:
            key, move = next(iter(self._moves.items()))
            if move.deadline > now:
                break
            del self._moves[key]
            host = self._hosts.get(key)
            if host is not None and not move.exposed and self._is_live(move.new):
                changes += self._moved(host, move.new, None).changes
        for (_, address), key in self._claims.expire(now):
            changes += self._taken_over(address, key)
        return tuple(changes)

    def next_due(self) -> float | None:
        """Return when :meth:`expire` has work; None while nothing moves."""
        # The window is the same for all, so the first that began is the first to end.
        move = next(iter(self._moves.values())).deadline if self._moves else None
        claim = self._claims.next_due()
        return min((due for due in (move, claim) if due is not None), default=None)

    def remove_at(self, ref: PortRef) -> tuple[TopologyChange, ...]:
        """Forget every station at ``ref``: the port is gone or leads to a switch."""
        return tuple(
            TopologyChange("host_delete", self._forget(key))
            for key in sorted(self._at_port.pop(ref, ()))
            if key in self._hosts
        )

    def _new(self, here: PortRef, key: bytes, address: str | None) -> Noted:
        mates = self._at_port.setdefault(here, set())
        if len(self._hosts) >= self._limits.hosts or len(mates) >= self._limits.hosts_per_port:
            return NOTHING
        known, changes = self._claim(key, (), address)
        vlan = int.from_bytes(key[6:], "big") or None
        host = self._hosts[key] = Host(key[:6], known, here, vlan)
        mates.add(key)
        return Noted((*changes, TopologyChange("host_add", host)))

    def _heard_at_home(self, host: Host, address: str | None) -> Noted:
        changes: list[TopologyChange] = []
        move = self._moves.get(host.key) if self._moves else None
        if move is not None and not move.exposed:
            self._moves[host.key] = move._replace(exposed=True)
            changes.append(TopologyChange("alarm_spoofed_host", host))
        if address is not None and address not in host.ips:
            known, lost = self._claim(host.key, host.ips, address)
            changes += lost
            if known != host.ips:
                host = self._hosts[host.key] = replace(host, ips=known)
                changes.append(TopologyChange("host_modify", host))
        return Noted(tuple(changes)) if changes else NOTHING

    def _moved(self, host: Host, here: PortRef, address: str | None) -> Noted:
        mates = self._at_port.setdefault(here, set())
        if len(mates) >= self._limits.hosts_per_port:
            return NOTHING
        key = host.key
        self._moves.pop(key, None)
        self._at_port.get(host.location, set()).discard(key)
        mates.add(key)
        known, changes = self._claim(host.key, host.ips, address)
        moved = self._hosts[host.key] = replace(host, location=here, ips=known)
        return Noted((*changes, TopologyChange("host_move", moved)))

    def _contest(self, noted: Noted, here: PortRef, key: bytes, address: str, now: float) -> Noted:
        """Ask the owner of ``address`` when another station uses it; the owner's use ends that."""
        claim = key[6:], address
        host, owner = self._hosts.get(key), self._hosts.get(self._owners.get(claim, b""))
        if host is None or owner is None or host.location != here:
            return noted
        if owner is host:
            self._claims.refute(claim)
            return noted
        if len(host.ips) >= self._limits.addresses_per_host:
            return noted
        if not self._claims.open(claim, key, now):
            return noted
        return Noted(noted.changes, (*noted.messages, *self._questions(owner, (address,))))

    def _taken_over(self, address: str, key: bytes) -> tuple[TopologyChange, ...]:
        """Give ``address``, for which its owner did not answer, to the station that claimed it."""
        host = self._hosts.get(key)
        if host is None or not self._is_live(host.location):
            return ()
        known, changes = self._claim(key, host.ips, address, is_owner_silent=True)
        if known == host.ips:
            return changes
        richer = self._hosts[key] = replace(host, ips=known)
        return (*changes, TopologyChange("host_modify", richer))

    def _claim(
        self,
        key: bytes,
        known: tuple[str, ...],
        address: str | None,
        is_owner_silent: bool = False,
    ) -> tuple[tuple[str, ...], tuple[TopologyChange, ...]]:
        """Add ``address`` to ``known``, and take it from an owner that is silent or not up."""
        if address is None or address in known or len(known) >= self._limits.addresses_per_host:
            return known, ()
        claim = key[6:], address
        owner = self._hosts.get(self._owners.get(claim, key))
        changes: tuple[TopologyChange, ...] = ()
        if owner is not None and owner.key != key:
            if self._is_live(owner.location) and not is_owner_silent:
                return known, ()
            left = tuple(text for text in owner.ips if text != address)
            poorer = self._hosts[owner.key] = replace(owner, ips=left)
            changes = (TopologyChange("host_modify", poorer),)
        self._owners[claim] = key
        return tuple(sorted((*known, address))), changes

    def _forget(self, key: bytes) -> Host:
        host = self._hosts.pop(key)
        self._moves.pop(key, None)
        for address in host.ips:
            if self._owners.get((key[6:], address)) == key:
                del self._owners[key[6:], address]
        return host

    def _questions(self, host: Host, addresses: Iterable[str]) -> tuple[Outgoing, ...]:
        """Ask a station where it was for ``addresses`` (RFC 5227 style probes)."""
        packed = map(frames.address_from_text, addresses)
        asked = [
            frames.build_arp_probe(host.mac, PROBER, address, host.vlan)
            for address in packed
            if address is not None and len(address) == 4
        ]
        out = (Output(host.location.port_no),)
        return tuple(Outgoing(host.location.dpid, PacketOut(out, data)) for data in asked)
