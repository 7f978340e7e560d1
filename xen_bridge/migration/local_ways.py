"""Local ways: where the bridges of a host that a router has left lead what is for it.

Whoever is behind a port of such a bridge still reaches the port device of the router here: its MAC
is the bridge's own, however loudly the other host tells where it is. So it is watched by which port
frames *of* the router come; what is for it and comes by another port goes straight there. What
comes by that port itself came late, and is passed on here.

Pure. Bridges that lead away by a tunnel have no place here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xen_bridge.migration.plane_chains import counted, removal


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A bridge that a router with this MAC was reached by, as its ports."""

    mac: bytes
    ports: tuple[str, ...]


Ways = Mapping[int, int]
"""From the number of a place to that of the port that leads to the router now."""


def watching(migration: str, places: Sequence[LocalPlace], ways: Ways) -> str:
    """Return what counts by which ports the router's frames come, and leads where that is known."""
    name = f"hz_w_{migration}"
    chains = [
        _chain(place, number, port, ways.get(number))
        for number, place in enumerate(places)
        for port in range(len(place.ports))
    ]
    return f"{removal(name)}table netdev {name} {{\n{''.join(chains)}}}\n"


def _chain(place: LocalPlace, number: int, port: int, way: int | None) -> str:
    mac, counter = place.mac.hex(":"), f"from_{number}_{port}"
    rule = f"ether saddr {mac} counter name {counter}"
    if way is not None and way != port:
        rule = f'ether daddr {mac} fwd to "{place.ports[way]}"'
    return (
        f"  counter {counter} {{ }}\n"
        f"  chain way_{number}_{port} {{\n"
        f'    type filter hook ingress device "{place.ports[port]}" priority -15; policy accept;\n'
        f"    {rule}\n  }}\n"
    )


def ways_of(told: bytes, places: Sequence[LocalPlace]) -> dict[int, int]:
    """Return the ways that the counters tell, as ``nft -j`` lists them. Raises BridgeError."""
    counts, found = counted(told), {}
    for number, place in enumerate(places):
        came = [counts.get(f"from_{number}_{port}", 0) for port in range(len(place.ports))]
        if any(came):
            found[number] = came.index(max(came))
    return found
