"""Host pins: the stations that operators said are at one port, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.identifiers import dpid_from_text, dpid_to_text
from horizon_ryu.core.topology import Host, PortRef
from horizon_ryu.wire.addresses import mac_to_text

MAX_PINS = 10_000
"""Stations that may be pinned."""


class HostPins:
    """The pinned stations by their keys, and by their ports."""

    def __init__(self) -> None:
        self._pins: dict[bytes, Host] = {}
        self._at: dict[PortRef, dict[bytes, Host]] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._pins

    @property
    def pins(self) -> Mapping[bytes, Host]:
        """Them all, live and read-only."""
        return MappingProxyType(self._pins)

    def get(self, key: bytes) -> Host | None:
        """Return a pinned station; None if it is not pinned."""
        return self._pins.get(key)

    def at(self, refs: Iterable[PortRef]) -> Iterable[Host]:
        """Return those that are at one of ``refs``."""
        if not self._pins:
            return ()
        return [pin for ref in refs for pin in self._at.get(ref, {}).values()]

    def add(self, pin: Host) -> None:
        """Pin a station, in place of what was pinned by its key."""
        self.remove(pin.key)
        self._pins[pin.key] = pin
        self._at.setdefault(pin.location, {})[pin.key] = pin

    def remove(self, key: bytes) -> bool:
        """Unpin a station; tell whether it was pinned."""
        pin = self._pins.pop(key, None)
        if pin is None:
            return False
        here = self._at[pin.location]
        del here[key]
        if not here:
            del self._at[pin.location]
        return True


def pins_to_json(pins: Iterable[Host]) -> list[dict[str, Any]]:
    """Return pins as a JSON value."""
    return [
        {
            "mac": mac_to_text(pin.mac),
            "vlan": pin.vlan,
            "dpid": dpid_to_text(pin.location.dpid),
            "port_no": pin.location.port_no,
            "ips": list(pin.ips),
        }
        for pin in pins
    ]


def pins_from_json(value: Any) -> list[Host]:
    """Return the pins that :func:`pins_to_json` wrote, none for None; InvalidInput for else."""
    try:
        return list(map(_pin, value or ()))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(("pins",), f"not pins of hosts: {error!r}") from error


def _pin(row: Any) -> Host:
    return Host(
        bytes.fromhex(row["mac"].replace(":", "")),
        tuple(row["ips"]),
        PortRef(dpid_from_text(row["dpid"]), row["port_no"]),
        row["vlan"],
    )
