"""Learning bridge: what an ordinary switch does, and a hybrid one with OFPP_NORMAL (802.1D)."""

from __future__ import annotations

from virtual_switch.switch_ports import PortTable

_RESERVED = bytes.fromhex("0180c20000")
"""IEEE 802.1D bridges filter 01:80:c2:00:00:00 to 0f."""
_RESERVED_END = 0x10


def is_reserved(frame: bytes) -> bool:
    """Tell whether bridges filter a frame."""
    return frame[:5] == _RESERVED and frame[5] < _RESERVED_END


class LearningBridge:
    """Knows behind which port it saw an address last."""

    def __init__(self, ports: PortTable) -> None:
        self._ports = ports
        self._seen: dict[bytes, int] = {}

    def outputs(self, frame: bytes, in_port: int) -> list[int]:
        """Learn the source and return the ports by which a frame leaves."""
        destination = frame[:6]
        self._seen[frame[6:12]] = in_port
        known = None if destination[0] & 1 else self._seen.get(destination)
        if known is None:
            return [one.number for one in self._ports if one.floods and one.number != in_port]
        return [known] if known != in_port else []

    def forget(self) -> None:
        """Lose everything."""
        self._seen.clear()
