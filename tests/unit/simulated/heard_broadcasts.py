"""Broadcasts of a simulated network, and who has heard them: each station once."""

from __future__ import annotations

from collections.abc import Iterable

from horizon_ryu.core.topology import PortRef
from simulator.network import Network, Station


def stations_hear_once(
    network: Network,
    stations: Iterable[Station],
    bridges: Iterable[list[PortRef]],
    vlan: int | None = None,
) -> None:
    """One broadcast of each host, on switches and on ``bridges``, reaches every other one once."""
    stations = tuple(stations)
    senders: list[tuple[Station, list[PortRef] | None]] = [(host, None) for host in network.hosts]
    senders += [(network.bridged_hosts[ends[0]], ends) for ends in bridges]
    for sender, ends in senders:
        if ends is None:
            number = network.broadcast(sender, vlan=vlan)
        else:
            number = network.broadcast_from_bridge(ends, vlan)
        network.clock.run(0.3)
        heard = {one.mac: one.heard[number] for one in stations}
        assert heard == {one.mac: int(one is not sender) for one in stations}, (vlan, sender)
