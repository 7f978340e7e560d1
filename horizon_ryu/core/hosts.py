"""Where stations are: learned at edge ports, and not taken away by whoever says so.

A station that shows up at a second port has moved, or is being impersonated. If its old port is
down, gone, or leads to a switch now, it has moved. Otherwise the old place is asked by ARP: an
answer from there within the window unmasks the newcomer, silence means a move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.core import frames
from horizon_ryu.core.messages import Output, PacketOut, Sent
from horizon_ryu.core.topology import Change, Host, PortRef

_PROBER = b"\x02\x48\x5a\x00\x00\x01"
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

    changes: tuple[Change, ...] = ()
    messages: tuple[Sent, ...] = ()


class _Move(NamedTuple):
    new: PortRef
    deadline: float


NOTHING = Noted()


class HostTable:
    """The stations by MAC address. Only frames that came in at edge ports may be noted here."""

    def __init__(self, limits: HostLimits) -> None:
        self._limits = limits
        self._hosts: dict[bytes, Host] = {}
        self._at_port: dict[PortRef, set[bytes]] = {}
        self._owners: dict[str, bytes] = {}
        self._moves: dict[bytes, _Move] = {}

    @property
    def hosts(self) -> Mapping[bytes, Host]:
        """The stations, live and read-only."""
        return MappingProxyType(self._hosts)

    def locate(self, mac: bytes) -> PortRef | None:
        """Return where ``mac`` is; None if it was never heard."""
        host = self._hosts.get(mac)
        return host.location if host is not None else None

    def note(
        self, here: PortRef, mac: bytes, address: str | None, now: float,
        is_live: Callable[[PortRef], bool],
    ) -> Noted:  # fmt: skip
        """Take note of a frame from ``mac`` at the edge port ``here``.

        ``is_live`` tells whether a port is an edge port that is up.
        """
        host = self._hosts.get(mac)
        if host is None:
            return self._new(here, mac, address)
        if host.location == here:
            return self._heard_at_home(host, address)
        if not is_live(host.location):
            return self._moved(host, here, address)
        if mac in self._moves:
            return NOTHING
        self._moves[mac] = _Move(here, now + self._limits.move_window)
        return Noted((), self._questions(host))

    def expire(self, now: float) -> tuple[Change, ...]:
        """Carry out the moves whose old place stayed silent."""
        over = [mac for mac, move in self._moves.items() if move.deadline <= now]
        changes: list[Change] = []
        for mac in over:
            move, host = self._moves.pop(mac), self._hosts.get(mac)
            if host is not None:
                changes += self._moved(host, move.new, None).changes
        return tuple(changes)

    def next_due(self) -> float | None:
        """Return when :meth:`expire` has work; None while nothing moves."""
        return min((move.deadline for move in self._moves.values()), default=None)

    def remove_at(self, ref: PortRef) -> tuple[Change, ...]:
        """Forget every station at ``ref``: the port is gone or leads to a switch."""
        return tuple(
            Change("host_delete", self._forget(mac))
            for mac in sorted(self._at_port.pop(ref, ()))
            if mac in self._hosts
        )

    def _new(self, here: PortRef, mac: bytes, address: str | None) -> Noted:
        mates = self._at_port.setdefault(here, set())
        if len(self._hosts) >= self._limits.hosts or len(mates) >= self._limits.hosts_per_port:
            return NOTHING
        host = Host(mac, self._claim(mac, (), address), here)
        self._hosts[mac] = host
        mates.add(mac)
        return Noted((Change("host_add", host),))

    def _heard_at_home(self, host: Host, address: str | None) -> Noted:
        changes: list[Change] = []
        if self._moves and self._moves.pop(host.mac, None) is not None:
            changes.append(Change("alarm_spoofed_host", host))
        if address is not None and address not in host.ips:
            known = self._claim(host.mac, host.ips, address)
            if known != host.ips:
                host = self._hosts[host.mac] = replace(host, ips=known)
                changes.append(Change("host_modify", host))
        return Noted(tuple(changes)) if changes else NOTHING

    def _moved(self, host: Host, here: PortRef, address: str | None) -> Noted:
        mates = self._at_port.setdefault(here, set())
        if len(mates) >= self._limits.hosts_per_port:
            return NOTHING
        self._moves.pop(host.mac, None)
        self._at_port.get(host.location, set()).discard(host.mac)
        mates.add(host.mac)
        moved = replace(host, location=here, ips=self._claim(host.mac, host.ips, address))
        self._hosts[host.mac] = moved
        return Noted((Change("host_move", moved),))

    def _claim(self, mac: bytes, known: tuple[str, ...], address: str | None) -> tuple[str, ...]:
        """Add ``address`` unless another station has it: the first keeps it while it is known."""
        if address is None or address in known or len(known) >= self._limits.addresses_per_host:
            return known
        if self._owners.setdefault(address, mac) != mac:
            return known
        return tuple(sorted((*known, address)))

    def _forget(self, mac: bytes) -> Host:
        host = self._hosts.pop(mac)
        self._moves.pop(mac, None)
        for address in host.ips:
            if self._owners.get(address) == mac:
                del self._owners[address]
        return host

    def _questions(self, host: Host) -> tuple[Sent, ...]:
        """Ask at the old place for each of the station's addresses (RFC 5227 style probes)."""
        packed = (frames.address_from_text(text) for text in host.ips)
        asked = [
            frames.build_arp_probe(host.mac, _PROBER, address)
            for address in packed
            if address is not None and len(address) == 4
        ]
        out = (Output(host.location.port_no),)
        return tuple(Sent(host.location.dpid, PacketOut(out, data)) for data in asked)
