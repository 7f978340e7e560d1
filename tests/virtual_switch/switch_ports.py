"""Ports of a switch: carrier, configuration, counters (1.0.0 section 5.2.1, 1.3.5 7.2.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from horizon_ryu.wire.ofp10 import OFPPC
from virtual_switch.refusal import SwitchRefusal

_NAME_SIZE = 16
_STOPPED_OUT = int(OFPPC.PORT_DOWN | OFPPC.NO_FWD)
_STOPPED_IN = int(OFPPC.PORT_DOWN | OFPPC.NO_RECV)
_NO_FLOOD, _NO_PACKET_IN = int(OFPPC.NO_FLOOD), int(OFPPC.NO_PACKET_IN)


@dataclass(slots=True)
class SwitchPort:
    """A port; ``config`` has the bits of OFPPC, which 1.3 has with the same numbers."""

    number: int
    name: bytes
    hw_addr: bytes
    up: bool = True
    config: int = 0
    speed_kbps: int = 1_000_000
    rx_packets: int = 0
    tx_packets: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    tx_dropped: int = 0
    rx_dropped: int = 0

    @property
    def may_send(self) -> bool:
        """Whether frames leave by it."""
        return self.up and not self.config & _STOPPED_OUT

    @property
    def may_receive(self) -> bool:
        """Whether frames come in by it."""
        return self.up and not self.config & _STOPPED_IN

    @property
    def floods(self) -> bool:
        """Whether frames that are flooded leave by it."""
        return not self.config & _NO_FLOOD

    @property
    def asks(self) -> bool:
        """Whether frames without an entry go to the controller."""
        return not self.config & _NO_PACKET_IN

    def count_in(self, size: int) -> bool:
        """Count a frame that comes in; tell whether it is taken."""
        if not self.may_receive:
            self.rx_dropped += 1
            return False
        self.rx_packets += 1
        self.rx_bytes += size
        return True

    def count_out(self, size: int) -> bool:
        """Count a frame that is to leave; tell whether it does."""
        if not self.may_send:
            self.tx_dropped += 1
            return False
        self.tx_packets += 1
        self.tx_bytes += size
        return True


class PortTable:
    """The ports of a switch, by number."""

    def __init__(self, dpid: int) -> None:
        self._dpid = dpid
        self._ports: dict[int, SwitchPort] = {}

    def __iter__(self) -> Iterator[SwitchPort]:
        return iter(self._ports.values())

    def __len__(self) -> int:
        return len(self._ports)

    def get(self, number: int) -> SwitchPort | None:
        """Return a port, if it is there."""
        return self._ports.get(number)

    def __getitem__(self, number: int) -> SwitchPort:
        return self._ports[number]

    def add(
        self, number: int, up: bool = True, speed_kbps: int = 1_000_000, name: str = ""
    ) -> SwitchPort:
        """Give the switch one more port, addressed and by default named after it and number."""
        hw_addr = b"\x02" + (self._dpid & 0xFF_FFFF).to_bytes(3, "big")
        hw_addr += (number & 0xFFFF).to_bytes(2, "big")
        text = (name or f"s{self._dpid}-eth{number}").encode()[: _NAME_SIZE - 1]
        port = SwitchPort(number, text, hw_addr, up, 0, speed_kbps)
        self._ports[number] = port
        return port

    def remove(self, number: int) -> SwitchPort:
        """Take a port away and return it; KeyError."""
        return self._ports.pop(number)

    def configure(self, number: int, hw_addr: bytes, config: int, mask: int) -> SwitchPort:
        """Carry out a port-mod; SwitchRefusal."""
        port = self._ports.get(number)
        if port is None:
            raise SwitchRefusal("PORT_MOD_FAILED", "BAD_PORT")
        if port.hw_addr != hw_addr:
            raise SwitchRefusal("PORT_MOD_FAILED", "BAD_HW_ADDR")
        port.config = port.config & ~mask | config & mask
        return port

    def reset(self) -> None:
        """Lose the configuration, as after a power cut."""
        for port in self._ports.values():
            port.config = 0
