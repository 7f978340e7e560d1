"""Direct network: switches at hand, and segments between their ports; frames arrive at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from horizon_ryu.core.frames import decode
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import Outgoing, PacketIn
from virtual_switch.direct import DirectSwitch

LINK_LOCAL = bytes.fromhex("0180c20000")
"""Beginning of the groups that no bridge relays (IEEE 802.1D-2004, table 7-10)."""


class DirectNetwork:
    """Two ports in a segment make a cable, more a hub; a port in none leads to a host.

    ``heard`` is given what switches hand to the controller, ``delivered`` what leaves to hosts.
    Ports in ``deaf`` lose what comes in.
    """

    def __init__(self) -> None:
        self.switches: dict[int, DirectSwitch] = {}
        self.deaf: set[PortRef] = set()
        self.heard: Callable[[PacketIn], None] = lambda _packet: None
        self.delivered: Callable[[PortRef, bytes], object] = lambda _at, _frame: None
        self._far: dict[PortRef, list[PortRef]] = {}
        self._filtering: set[PortRef] = set()
        self._trunks: dict[PortRef, frozenset[int | None]] = {}
        """Of bridges that pass some VLANs alone, these, by each of their ports."""
        self._learned: dict[PortRef, dict[bytes, PortRef]] = {}
        """What bridges that learn have learned, by each of their ports."""

    def add_switch(
        self, dpid: int, ports: Iterable[int], openflow: int = 4, hybrid: bool = False
    ) -> DirectSwitch:
        """Add a switch with a controller."""
        switch = self.switches[dpid] = DirectSwitch(dpid, openflow, ports, hybrid=hybrid)
        switch.connected = True
        switch.emit = lambda port_no, frame: self._emit(PortRef(dpid, port_no), frame)
        switch.ask = self._hear
        return switch

    def segment(self, *ends: tuple[int, int]) -> None:
        """Plug ports into one segment."""
        refs = [PortRef(*end) for end in ends]
        for ref in refs:
            self._far[ref] = [other for other in refs if other != ref]

    def bridge(
        self,
        *ends: tuple[int, int],
        passes_lldp: bool = False,
        learns: bool = False,
        vlans: Collection[int | None] | None = None,
    ) -> None:
        """Plug ports into a bridge of somebody else's, which floods all but link-local groups.

        One that ``passes_lldp`` floods these too, as a hub does; one that ``learns`` sends frames
        for a station where it has heard it. An end at no switch is a station's. Of ``vlans``, if
        given, it passes nothing else; None stands for frames without a tag.
        """
        self.segment(*ends)
        if vlans is not None:
            self._trunks.update((PortRef(*end), frozenset(vlans)) for end in ends)
        if learns:
            table: dict[bytes, PortRef] = {}
            self._learned.update((PortRef(*end), table) for end in ends)
        if not passes_lldp:
            self._filtering.update(PortRef(*end) for end in ends)

    def unplug(self, *ends: tuple[int, int]) -> None:
        """Take ports out of their segments; what they send is lost for those left there."""
        for end in ends:
            self._far.pop(PortRef(*end), None)

    def leads_to_host(self, port: PortRef) -> bool:
        """Tell whether nothing else is plugged in at a port."""
        return port not in self._far

    def apply(self, messages: Iterable[Outgoing]) -> list[str]:
        """Carry out messages of the controller; return the errors."""
        errors = (self.switches[sent.dpid].apply(sent.message) for sent in messages)
        return [error for error in errors if error is not None]

    def _hear(self, packet: PacketIn) -> None:
        self.heard(packet)

    def _emit(self, src: PortRef, frame: bytes) -> None:
        far = self._far.get(src)
        if far is None:
            self.delivered(src, frame)
            return
        if src in self._filtering and frame.startswith(LINK_LOCAL):
            return
        self.relay(src, frame)

    def relay(self, src: PortRef, frame: bytes) -> None:
        """Bring a frame that was sent at ``src`` into a segment to the other ports of it."""
        far = self._far[src]
        trunk = self._trunks.get(src)
        if trunk is not None and vlan_of(frame) not in trunk:
            return
        learned = self._learned.get(src)
        if learned is not None:
            learned[frame[6:12]] = src
            far = [learned[frame[:6]]] if frame[:6] in learned else far
        for here in far:
            if here in self.deaf or here == src:
                continue
            if here.dpid in self.switches:
                self.switches[here.dpid].receive(here.port_no, frame)
            else:
                self.delivered(here, frame)


def vlan_of(data: bytes) -> int | None:
    """Return the VLAN that a frame is in; None without a tag."""
    frame = decode(data)
    return None if frame is None else frame.vlan
