"""A row of simulated switches, and flows from its first port to its last."""

from __future__ import annotations

from typing import Any

from virtual_switch.load import LoadSwitch
from virtual_switch.load_network import LoadNetwork

LENGTH = 20
FLOWS = 500
"""On each switch: 10,000 entries in all."""
ROUNDS = 3
IN_PORT, OUT_PORT, EDGE = 1, 2, 3
TARGET = "10.0.0.2"


def row() -> LoadNetwork:
    """Return the switches 1 to LENGTH; port 2 of each leads to port 1 of the next."""
    switches = [LoadSwitch(dpid, (IN_PORT, OUT_PORT, EDGE)) for dpid in range(1, LENGTH + 1)]
    cables = {}
    for dpid in range(1, LENGTH):
        one, other = (dpid, OUT_PORT), (dpid + 1, IN_PORT)
        cables |= {one: other, other: one}
    return LoadNetwork(switches, cables)


def specs() -> list[dict[str, Any]]:
    """Return the flows as REST takes them."""
    ends = {
        "src": {"dpid": f"{1:016x}", "port_no": EDGE},
        "dst": {"dpid": f"{LENGTH:016x}", "port_no": EDGE},
    }
    match = {"dl_type": 0x0800, "nw_proto": 17, "nw_dst": TARGET}
    return [
        {**ends, "match": {**match, "tp_dst": number}, "priority": 500} for number in range(FLOWS)
    ]
