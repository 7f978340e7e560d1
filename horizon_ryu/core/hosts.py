"""Host table: stations learned at edge ports, and not taken away by whoever says so.

A station that shows up at a second port has moved, or is being impersonated. If its old port is
down, gone, or leads to a switch now, it has moved. Otherwise the old place is asked by ARP: an
answer from there within the window unmasks the newcomer, silence means a move. One question per
station and window, however many frames the newcomer sends.

An IP address belongs to the station that used it first, until that station is gone, its port is
down, or it does not answer for the address when another one uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.core import frames
from horizon_ryu.core.address_claims import AddressClaims
from horizon_ryu.core.topology import Host, PortRef, TopologyChange
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
    """The stations by MAC address. Only frames that came in at edge ports may be noted here."""

    def __init__(self, limits: HostLimits, is_live: Callable[[PortRef], bool]) -> None:
        """``is_live`` tells whether a port is an edge port that is up."""
        self._limits = limits
        self._is_live = is_live
        self._hosts: dict[bytes, Host] = {}
        self._at_port: dict[PortRef, set[bytes]] = {}
        self._owners: dict[str, bytes] = {}
        self._moves: dict[bytes, _Move] = {}
        self._claims = AddressClaims(limits.move_window)

    @property
    def hosts(self) -> Mapping[bytes, Host]:
        """The stations, live and read-only."""
        return MappingProxyType(self._hosts)

    def locate(self, mac: bytes) -> PortRef | None:
        """Return where ``mac`` is; None if it was never heard."""
        host = self._hosts.get(mac)
        return host.location if host is not None else None

    def is_contested(self, address: str) -> bool:
        """Tell whether it is undecided which station has ``address``."""
        return self._claims.is_contested(address)

    def note(self, here: PortRef, mac: bytes, address: str | None, now: float) -> Noted:
        """Take note of a frame from ``mac`` at the edge port ``here``."""
        noted = self._note(here, mac, address, now)
        return noted if address is None else self._contest(noted, here, mac, address, now)

    def _note(self, here: PortRef, mac: bytes, address: str | None, now: float) -> Noted:
        host = self._hosts.get(mac)
        if host is None:
            return self._new(here, mac, address)
        if host.location == here:
            return self._heard_at_home(host, address)
        if not self._is_live(host.location):
            return self._moved(host, here, address)
        if mac in self._moves:
            return NOTHING
        self._moves[mac] = _Move(here, now + self._limits.move_window)
        return Noted((), self._questions(host, host.ips))

    def expire(self, now: float) -> tuple[TopologyChange, ...]:
        """Carry out the moves whose old place stayed silent, if the new place still exists."""
        changes: list[TopologyChange] = []
        while self._moves:
            mac, move = next(iter(self._moves.items()))
            if move.deadline > now:
                break
            del self._moves[mac]
            host = self._hosts.get(mac)
            if host is not None and not move.exposed and self._is_live(move.new):
                changes += self._moved(host, move.new, None).changes
        for address, mac in self._claims.expire(now):
            changes += self._taken_over(address, mac)
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
            TopologyChange("host_delete", self._forget(mac))
            for mac in sorted(self._at_port.pop(ref, ()))
            if mac in self._hosts
        )

    def _new(self, here: PortRef, mac: bytes, address: str | None) -> Noted:
        mates = self._at_port.setdefault(here, set())
        if len(self._hosts) >= self._limits.hosts or len(mates) >= self._limits.hosts_per_port:
            return NOTHING
        known, changes = self._claim(mac, (), address)
        host = self._hosts[mac] = Host(mac, known, here)
        mates.add(mac)
        return Noted((*changes, TopologyChange("host_add", host)))

    def _heard_at_home(self, host: Host, address: str | None) -> Noted:
        changes: list[TopologyChange] = []
        move = self._moves.get(host.mac) if self._moves else None
        if move is not None and not move.exposed:
            self._moves[host.mac] = move._replace(exposed=True)
            changes.append(TopologyChange("alarm_spoofed_host", host))
        if address is not None and address not in host.ips:
            known, lost = self._claim(host.mac, host.ips, address)
            changes += lost
            if known != host.ips:
                host = self._hosts[host.mac] = replace(host, ips=known)
                changes.append(TopologyChange("host_modify", host))
        return Noted(tuple(changes)) if changes else NOTHING

    def _moved(self, host: Host, here: PortRef, address: str | None) -> Noted:
        mates = self._at_port.setdefault(here, set())
        if len(mates) >= self._limits.hosts_per_port:
            return NOTHING
        self._moves.pop(host.mac, None)
        self._at_port.get(host.location, set()).discard(host.mac)
        mates.add(host.mac)
        known, changes = self._claim(host.mac, host.ips, address)
        moved = self._hosts[host.mac] = replace(host, location=here, ips=known)
        return Noted((*changes, TopologyChange("host_move", moved)))

    def _contest(self, noted: Noted, here: PortRef, mac: bytes, address: str, now: float) -> Noted:
        """Ask the owner of ``address`` when another station uses it; the owner's use ends that."""
        host, owner = self._hosts.get(mac), self._hosts.get(self._owners.get(address, b""))
        if host is None or owner is None or host.location != here:
            return noted
        if owner is host:
            self._claims.refute(address)
            return noted
        if len(host.ips) >= self._limits.addresses_per_host:
            return noted
        if not self._claims.open(address, mac, now):
            return noted
        return Noted(noted.changes, (*noted.messages, *self._questions(owner, (address,))))

    def _taken_over(self, address: str, mac: bytes) -> tuple[TopologyChange, ...]:
        """Give ``address``, for which its owner did not answer, to the station that claimed it."""
        host = self._hosts.get(mac)
        if host is None or not self._is_live(host.location):
            return ()
        known, changes = self._claim(mac, host.ips, address, is_owner_silent=True)
        if known == host.ips:
            return changes
        richer = self._hosts[mac] = replace(host, ips=known)
        return (*changes, TopologyChange("host_modify", richer))

    def _claim(
        self,
        mac: bytes,
        known: tuple[str, ...],
        address: str | None,
        is_owner_silent: bool = False,
    ) -> tuple[tuple[str, ...], tuple[TopologyChange, ...]]:
        """Add ``address`` to ``known``, and take it from an owner that is silent or not up."""
        if address is None or address in known or len(known) >= self._limits.addresses_per_host:
            return known, ()
        owner = self._hosts.get(self._owners.get(address, mac))
        changes: tuple[TopologyChange, ...] = ()
        if owner is not None and owner.mac != mac:
            if self._is_live(owner.location) and not is_owner_silent:
                return known, ()
            left = tuple(text for text in owner.ips if text != address)
            poorer = self._hosts[owner.mac] = replace(owner, ips=left)
            changes = (TopologyChange("host_modify", poorer),)
        self._owners[address] = mac
        return tuple(sorted((*known, address))), changes

    def _forget(self, mac: bytes) -> Host:
        host = self._hosts.pop(mac)
        self._moves.pop(mac, None)
        for address in host.ips:
            if self._owners.get(address) == mac:
                del self._owners[address]
        return host

    def _questions(self, host: Host, addresses: Iterable[str]) -> tuple[Outgoing, ...]:
        """Ask a station where it was for ``addresses`` (RFC 5227 style probes)."""
        packed = map(frames.address_from_text, addresses)
        asked = [
            frames.build_arp_probe(host.mac, PROBER, address)
            for address in packed
            if address is not None and len(address) == 4
        ]
        out = (Output(host.location.port_no),)
        return tuple(Outgoing(host.location.dpid, PacketOut(out, data)) for data in asked)
