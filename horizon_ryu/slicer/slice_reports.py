"""Reports of a slice: what its tenants sent, installed and see, by switch, as JSON has it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.slicing.latency import latency_report
from horizon_ryu.slicer.engine import SlicerEngine
from horizon_ryu.slicer.entry_reports import EntryWriter
from horizon_ryu.slicer.sliced_datapath import SlicedDatapath
from horizon_ryu.wire.addresses import mac_to_text

MOST_ENTRIES = 10_000
"""That one report tells."""
_ENTRIES_A_TURN = 16
LINK_SECONDS = 60.0
"""Controllers send LLDP more often than that, some of them each 15 s."""
_OPENFLOW = {1: "1.0", 4: "1.3"}


def stats_report(engine: SlicerEngine, name: str) -> dict[str, Any]:
    """Return messages by kind and direction, refusals, limits used and latency, by switch."""
    switches: list[dict[str, Any]] = []
    latencies = []
    for dpid, datapath in _datapaths(engine, name):
        presence = datapath.presence(name)
        if presence is not None:
            latencies.append(presence.latency)
            switches.append(
                {
                    "dpid": dpid_to_text(dpid),
                    "controllers": len(presence.connections),
                    "messages": dict(sorted(presence.counted.items())),
                    "refused": dict(sorted(presence.refused.items())),
                    "flow_entries": {
                        "used": datapath.entry_count(name),
                        "most": datapath.entry_quota(name),
                    },
                    "bandwidth_not_held": presence.bandwidth_fault,
                    "latency": latency_report([presence.latency]),
                }
            )
    in_all = engine.configuration().slices[name].settings.limits.flow_entries
    used = sum(one["flow_entries"]["used"] for one in switches)
    return {
        "slice": name,
        "flow_entries": {"used": used, "most": in_all},
        "latency": latency_report(latencies),
        "switches": switches,
    }


async def entries_report(engine: SlicerEngine, name: str) -> dict[str, Any]:
    """Return what the tenants of a slice have installed, and what it became; the first so many.

    Others have their turn while it is written.
    """
    found: list[dict[str, Any]] = []
    count = 0
    for dpid, datapath in _datapaths(engine, name):
        entries = list(datapath.entries(name))
        count += len(entries)
        writer, shown = EntryWriter(datapath.VERSION), {"dpid": dpid_to_text(dpid)}
        for at, entry in enumerate(entries[: MOST_ENTRIES - len(found)], 1):
            found.append({**shown, **writer.write(entry, datapath.became(entry))})
            if not at % _ENTRIES_A_TURN:
                await asyncio.sleep(0)
    return {"slice": name, "entries": found, "count": count}


def topology_report(engine: SlicerEngine, name: str, now: float) -> dict[str, Any]:
    """Return the switches and ports that a slice has, and the links that its own LLDP has shown.

    A link is told for LINK_SECONDS after the last probe over it; ``now`` in seconds of the loop.
    """
    switches = [
        {
            "dpid": dpid_to_text(dpid),
            "openflow": _OPENFLOW[datapath.VERSION],
            "ports": [_port(port) for port in datapath.ports_seen(name)],
        }
        for dpid, datapath in _datapaths(engine, name)
    ]
    return {"slice": name, "switches": switches, "links": list(_links(engine, name, now))}


def _links(engine: SlicerEngine, name: str, now: float) -> Iterator[dict[str, Any]]:
    """Yield the links by which LLDP of a slice has come, one entry per direction."""
    ports = {
        (dpid, port.port_no)
        for dpid, datapath in _datapaths(engine, name)
        for port in datapath.ports_seen(name)
    }
    for dpid, datapath in _datapaths(engine, name):
        presence = datapath.presence(name)
        for port_no, probe in sorted(presence.probes.items() if presence is not None else ()):
            fresh = now - probe.at <= LINK_SECONDS
            if fresh and (dpid, port_no) in ports and probe.origin in ports:
                yield {"src": _end(*probe.origin), "dst": _end(dpid, port_no)}


def _end(dpid: int, port_no: int) -> dict[str, Any]:
    return {"dpid": dpid_to_text(dpid), "port_no": port_no}


def _datapaths(engine: SlicerEngine, name: str) -> Iterator[tuple[int, SlicedDatapath]]:
    for dpid, link in sorted(engine.switches.items()):
        if link.datapath is not None and name in link.datapath.slices():
            yield dpid, link.datapath


def _port(port: Any) -> dict[str, Any]:
    text = bytes(port.name).rstrip(b"\0").decode("utf-8", "replace")
    return {"port_no": port.port_no, "name": text, "hw_addr": mac_to_text(port.hw_addr)}
