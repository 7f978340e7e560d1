"""Host table: stations learned at edge ports, and not taken away by whoever says so.

A station that shows up at a second port has moved, or is being impersonated. If its old port is
down, gone, or leads to a switch now, it has moved. Otherwise the old place is asked by ARP: an
answer from there within the window unmasks the newcomer, silence means a move. One question per
station and window, however many frames the newcomer sends.

A MAC address is another station in each VLAN, and an IP address another address.

The silence of a station whose address is not known proves little: it moves when it is heard at the
new place again, later, and an alarm tells of it. A station that was pinned never moves.

Stations that are not heard for long are asked, and go if they stay silent.

An IP address belongs to the station that used it first, until that station is gone, its port is
down, or it does not answer for the address when another one uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from horizon_ryu.core.discovery.address_claims import AddressClaims
from horizon_ryu.core.discovery.host_addresses import FOR_EVER, HostAddresses
from horizon_ryu.core.discovery.host_ageing import AgeLimits, HostAgeing
from horizon_ryu.core.discovery.host_pins import MAX_PINS, HostPins
from horizon_ryu.core.discovery.host_questions import PROBER, is_provable, questions
from horizon_ryu.core.discovery.host_room import HostRoom, RoomLimits
from horizon_ryu.core.discovery.noted_hosts import NOTHING, Entrance, HostLimits, Move, Noted
from horizon_ryu.core.errors import Conflict, LimitExceeded, NotFound
from horizon_ryu.core.token_bucket import TokenBucket
from horizon_ryu.core.topology import Host, PortRef, TopologyChange, station_key, station_of
from horizon_ryu.wire.messages import Outgoing

__all__ = ["NOTHING", "PROBER", "HostLimits", "HostTable", "Noted"]

UNPROVEN_WINDOWS = 30
"""Windows in which a move that cannot be proven must show again."""
ALARM_PAUSE = 60.0
"""Seconds between two alarms of one crowded port."""
_ALARMS, _ALARM_RATE = 16, 1.0


class HostTable:
    """The stations by their keys. Only frames that came in at edge ports may be noted here."""

    def __init__(self, limits: HostLimits, is_live: Callable[[PortRef], bool]) -> None:
        """``is_live`` tells whether a port is an edge port that is up."""
        self._limits = limits
        self._is_live = is_live
        self._hosts: dict[bytes, Host] = {}
        self._room = HostRoom(
            RoomLimits(limits.hosts, limits.hosts_per_switch, limits.hosts_per_port)
        )
        self._ageing = HostAgeing(AgeLimits(limits.idle, limits.move_window))
        self._pins = HostPins()
        self._unproven: dict[bytes, Move] = {}
        """Moves of stations that need not answer, the oldest first."""
        self._crowded: dict[PortRef, float] = {}
        """When each port that has too many stations was told last."""
        self._alarms = TokenBucket(_ALARM_RATE, _ALARMS, 0.0)
        self._addresses = HostAddresses(limits.addresses_per_host)
        self._moves: dict[bytes, Move] = {}
        self._claims = AddressClaims(limits.move_window)

    @property
    def hosts(self) -> Mapping[bytes, Host]:
        """The stations, live and read-only."""
        return MappingProxyType(self._hosts)

    def locate(self, key: bytes) -> PortRef | None:
        """Return where the station with this key is; None if it was never heard."""
        host = self._hosts.get(key)
        return host.location if host is not None else None

    def at(self, ref: PortRef) -> list[Host]:
        """Return the stations at a port, the pinned ones first, then those known longest."""
        pinned = [pin.key for pin in self._pins.at((ref,)) if pin.key in self._hosts]
        found = dict.fromkeys((*pinned, *self._room.at(ref)))
        return [self._hosts[key] for key in found]

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
            return self._new(here, key, address, now)
        if host.location == here:
            if key not in self._pins:
                self._ageing.heard(key, now)
            return self._heard_at_home(host, address, now)
        if key not in self._pins and not self._is_live(host.location):
            return self._moved(host, here, address, now)
        if key in self._moves:
            return NOTHING
        if key not in self._pins and not is_provable(host):
            return self._move_unproven(host, here, address, now)
        is_pinned = key in self._pins
        self._moves[key] = Move(here, now + self._limits.move_window, exposed=is_pinned)
        if is_pinned:
            return Noted((TopologyChange("alarm_spoofed_host", host, here),))
        return Noted((), questions(host, host.ips))

    def _move_unproven(self, host: Host, here: PortRef, address: str | None, now: float) -> Noted:
        """Move a station that need not answer when it shows up again, a window later."""
        lasting = UNPROVEN_WINDOWS * self._limits.move_window
        move = self._unproven.get(host.key)
        if move is None:
            self._unproven[host.key] = Move(here, now + lasting)
            return Noted((), questions(host, host.ips))
        if move.exposed or move.new != here:
            return NOTHING
        if now < move.deadline - lasting + self._limits.move_window:
            return NOTHING
        noted = self._moved(host, here, address, now)
        moved = self._hosts[host.key]
        if moved.location != here:
            return noted
        alarm = TopologyChange("alarm_unproven_move", moved, host.location)
        return Noted((*noted.changes, alarm))

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
                changes += self._moved(host, move.new, None, now).changes
        for (_, address), key in self._claims.expire(now):
            changes += self._taken_over(address, key, now)
        while self._unproven and next(iter(self._unproven.values())).deadline <= now:
            del self._unproven[next(iter(self._unproven))]
        for key in self._ageing.gone(now):
            changes.append(TopologyChange("host_delete", self._forget(key)))
        return tuple(changes)

    def ask_silent(self, now: float) -> list[Outgoing]:
        """Return what asks the stations that were not heard for long, some at a time."""
        asked: list[Outgoing] = []
        for key in self._ageing.to_ask(now):
            host = self._hosts[key]
            if self._is_live(host.location):
                asked += questions(host, host.ips)
        return asked

    def next_due(self) -> float | None:
        """Return when :meth:`expire` has work; None while nothing moves."""
        # The window is the same for all, so the first that began is the first to end.
        move = next(iter(self._moves.values())).deadline if self._moves else None
        unproven = next(iter(self._unproven.values())).deadline if self._unproven else None
        times = (move, unproven, self._claims.next_due(), self._ageing.next_due())
        return min((due for due in times if due is not None), default=None)

    def remove_at(self, ref: PortRef) -> tuple[TopologyChange, ...]:
        """Forget every station at ``ref``: the port is gone or leads to a switch."""
        keys = sorted(host.key for host in self.at(ref))
        return tuple(TopologyChange("host_delete", self._forget(key)) for key in keys)

    def move_at(
        self, ref: PortRef, to: PortRef, vlan: int | None = None
    ) -> tuple[TopologyChange, ...]:
        """Have the stations at one port of a segment at another one of it; those pinned stay.

        All of them, or those in ``vlan``.
        """
        moved: list[TopologyChange] = []
        for key in sorted(self._room.at(ref)):
            if vlan is not None and self._hosts[key].vlan != vlan:
                continue
            self._room.leave(key, ref)
            self._room.enter(key, to)
            host = self._hosts[key] = replace(self._hosts[key], location=to)
            moved.append(TopologyChange("host_move", host))
        return tuple(moved)

    def _new(self, here: PortRef, key: bytes, address: str | None, now: float) -> Noted:
        pin = self._pins.get(key)
        if pin is not None:
            return Noted(self._place(pin)) if pin.location == here else NOTHING
        admitted = self._admit(here, now)
        if not admitted.may_enter:
            return Noted(admitted.changes) if admitted.changes else NOTHING
        known, changes = self._claim(key, (), address, now)
        mac, vlan = station_of(key)
        host = self._hosts[key] = Host(mac, known, here, vlan)
        self._room.enter(key, here)
        self._ageing.heard(key, now)
        return Noted((*admitted.changes, *changes, TopologyChange("host_add", host)))

    def _admit(self, here: PortRef, now: float) -> Entrance:
        """Make room for one more station at ``here``, if it may have any."""
        admitted = self._room.admit(here)
        changes: list[TopologyChange] = []
        if admitted.evicted is not None:
            changes.append(TopologyChange("host_delete", self._forget(admitted.evicted)))
        if admitted.crowded is not None and self._is_news(admitted.crowded, now):
            changes.append(TopologyChange("alarm_too_many_hosts", admitted.crowded))
        return Entrance(admitted.may_enter, tuple(changes))

    def _is_news(self, crowded: PortRef, now: float) -> bool:
        told = self._crowded.get(crowded)
        if (told is not None and now - told < ALARM_PAUSE) or not self._alarms.take(now):
            return False
        self._crowded = {ref: at for ref, at in self._crowded.items() if now - at < ALARM_PAUSE}
        self._crowded[crowded] = now
        return True

    def _heard_at_home(self, host: Host, address: str | None, now: float) -> Noted:
        changes: list[TopologyChange] = []
        for moves in (self._moves, self._unproven):
            move = moves.get(host.key) if moves else None
            if move is not None and not move.exposed:
                moves[host.key] = move._replace(exposed=True)
                changes.append(TopologyChange("alarm_spoofed_host", host, move.new))
        if address is not None and address in host.ips:
            if host.key not in self._pins:
                self._addresses.use((host.key[6:], address), host.key, now)
        elif address is not None:
            known, lost = self._claim(host.key, host.ips, address, now)
            changes += lost
            if known != host.ips:
                host = self._hosts[host.key] = replace(host, ips=known)
                changes.append(TopologyChange("host_modify", host))
        return Noted(tuple(changes)) if changes else NOTHING

    def _moved(self, host: Host, here: PortRef, address: str | None, now: float) -> Noted:
        key = host.key
        self._room.leave(key, host.location)
        admitted = self._admit(here, now)
        self._room.enter(key, here if admitted.may_enter else host.location)
        if not admitted.may_enter:
            return Noted(admitted.changes) if admitted.changes else NOTHING
        self._moves.pop(key, None)
        self._unproven.pop(key, None)
        self._ageing.heard(key, now)
        known, changes = self._claim(key, host.ips, address, now)
        moved = self._hosts[key] = replace(host, location=here, ips=known)
        return Noted((*admitted.changes, *changes, TopologyChange("host_move", moved)))

    def _contest(self, noted: Noted, here: PortRef, key: bytes, address: str, now: float) -> Noted:
        """Ask the owner of ``address`` when another station uses it; the owner's use ends that."""
        claim = key[6:], address
        host, owner = self._hosts.get(key), self._hosts.get(self._addresses.owner(claim) or b"")
        if host is None or owner is None or host.location != here:
            return noted
        if owner is host:
            return self._exposed(noted, owner, self._claims.refute(claim))
        if not self._claims.open(claim, key, now):
            return noted
        if owner.key in self._pins:
            return self._exposed(noted, owner, self._claims.refute(claim))
        return Noted(noted.changes, (*noted.messages, *questions(owner, (address,))))

    def _exposed(self, noted: Noted, owner: Host, claimant: bytes | None) -> Noted:
        """Add the alarm that another station used an address of ``owner``."""
        liar = self._hosts.get(claimant) if claimant is not None else None
        if liar is None:
            return noted
        alarm = TopologyChange("alarm_spoofed_address", owner, liar.location)
        return Noted((*noted.changes, alarm), noted.messages)

    def _taken_over(self, address: str, key: bytes, now: float) -> tuple[TopologyChange, ...]:
        """Give ``address``, for which its owner did not answer, to the station that claimed it."""
        host = self._hosts.get(key)
        if host is None or not self._is_live(host.location):
            return ()
        known, changes = self._claim(key, host.ips, address, now, is_owner_silent=True)
        if known == host.ips:
            return changes
        richer = self._hosts[key] = replace(host, ips=known)
        return (*changes, TopologyChange("host_modify", richer))

    def _claim(
        self,
        key: bytes,
        known: tuple[str, ...],
        address: str | None,
        now: float,
        is_owner_silent: bool = False,
    ) -> tuple[tuple[str, ...], tuple[TopologyChange, ...]]:
        """Add ``address`` to ``known``, and take it from an owner that is silent or not up.

        The owner loses it even if there is no room for it here: the station may not be the only one
        that can answer for it, but then nobody answers in the place of who has it no more.
        """
        if address is None or address in known:
            return known, ()
        claim = key[6:], address
        owner = self._hosts.get(self._addresses.owner(claim) or key)
        changes: tuple[TopologyChange, ...] = ()
        if owner is not None and owner.key != key:
            if owner.key in self._pins or (self._is_live(owner.location) and not is_owner_silent):
                return known, ()
            changes = (self._lost(owner, address),)
        room = self._addresses.with_room(key, known, now)
        if room is None:
            return known, changes
        self._addresses.use(claim, key, now)
        return tuple(sorted((*room, address))), changes

    def _lost(self, owner: Host, address: str) -> TopologyChange:
        self._addresses.lose((owner.key[6:], address), owner.key)
        left = tuple(text for text in owner.ips if text != address)
        poorer = self._hosts[owner.key] = replace(owner, ips=left)
        return TopologyChange("host_modify", poorer)

    def _forget(self, key: bytes) -> Host:
        host = self._hosts.pop(key)
        self._room.leave(key, host.location)
        self._ageing.forget(key)
        self._moves.pop(key, None)
        self._unproven.pop(key, None)
        self._addresses.forget(key, host.ips)
        return host

    # ---- what operators say

    @property
    def pins(self) -> Mapping[bytes, Host]:
        """The stations that never move, by their keys, whether they are heard or not."""
        return self._pins.pins

    def is_pinned(self, key: bytes) -> bool:
        """Tell whether a station never moves."""
        return key in self._pins

    @property
    def refused(self) -> Mapping[str, int]:
        """How many stations found no room, or gave way, by what was full."""
        return self._room.refused

    def forget(self, key: bytes) -> tuple[TopologyChange, ...]:
        """Forget a station until it is heard again; NotFound, Conflict if it is pinned."""
        if key in self._pins:
            raise Conflict("the host is pinned; take away the pin first")
        if key not in self._hosts:
            raise NotFound("no host of that address is known")
        return (TopologyChange("host_delete", self._forget(key)),)

    def pin(self, pinned: Host) -> tuple[TopologyChange, ...]:
        """Have a station at one port, with these addresses, until it is unpinned; LimitExceeded."""
        key = pinned.key
        if key not in self._pins and len(self._pins.pins) >= MAX_PINS:
            raise LimitExceeded(f"{MAX_PINS} hosts are pinned already")
        known = key in self._hosts
        gone = (TopologyChange("host_delete", self._forget(key)),) if known else ()
        self._pins.add(pinned)
        return (*gone, *self._place(pinned))

    def unpin(self, key: bytes, now: float) -> None:
        """Have a station move and age as others do; NotFound if it is not pinned."""
        if not self._pins.remove(key):
            raise NotFound("no host of that address is pinned")
        host = self._hosts.get(key)
        if host is not None:
            self._room.enter(key, host.location)
            self._ageing.heard(key, now)
            for address in host.ips:
                self._addresses.use((key[6:], address), key, now)

    def place_pinned(self, refs: Iterable[PortRef]) -> tuple[TopologyChange, ...]:
        """Place the stations pinned at ports that have come."""
        missing = [pin for pin in self._pins.at(refs) if pin.key not in self._hosts]
        return tuple(change for pin in missing for change in self._place(pin))

    def _place(self, pinned: Host) -> tuple[TopologyChange, ...]:
        """Add a pinned station where its port is live; it needs no room, and gives way to none."""
        if not self._is_live(pinned.location):
            return ()
        changes: list[TopologyChange] = []
        known: tuple[str, ...] = ()
        for address in pinned.ips:
            known, lost = self._claim(pinned.key, known, address, FOR_EVER, is_owner_silent=True)
            changes += lost
        host = self._hosts[pinned.key] = replace(pinned, ips=known)
        return (*changes, TopologyChange("host_add", host))
