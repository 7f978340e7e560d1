"""The memory of a spanning tree as plain values, for a store that keeps JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from horizon_ryu.core.errors import HorizonError, InvalidInput
from horizon_ryu.core.identifiers import dpid_from_text, dpid_to_text
from horizon_ryu.core.spanning_tree.lost_switches import Cable, LastKnownState, TreeMemory, cable
from horizon_ryu.core.topology import PortRef

MEMORY_SETTING = "spanning_tree.memory"
"""What the store has it by."""
RECALL_TIME = 30.0
"""Seconds after a restart for which switches known before are waited for."""


def memory_to_json(memory: TreeMemory) -> dict[str, Any]:
    """Return ``memory`` as lists, numbers and texts, in a stable order."""
    return {
        "switches": {
            dpid_to_text(dpid): {
                "open": sorted(frozen.open_ports),
                "edges": sorted(frozen.edges),
            }
            for dpid, frozen in sorted(memory.frozen.items())
        },
        "links": _cables_to_json(memory.cables),
        "given_up": _cables_to_json(memory.given_up),
        "segments": [
            [[dpid_to_text(ref.dpid), ref.port_no] for ref in sorted(ports)]
            for ports in sorted(memory.segments, key=sorted)
        ],
    }


def _cables_to_json(cables: Iterable[Cable]) -> list[list[str | int]]:
    return [
        [dpid_to_text(one.dpid), one.port_no, dpid_to_text(other.dpid), other.port_no]
        for one, other in sorted(cables)
    ]


def memory_from_json(value: object) -> TreeMemory:
    """Return the memory written by :func:`memory_to_json`; InvalidInput for anything else."""
    try:
        return _memory(value)
    except (AttributeError, KeyError, TypeError, ValueError, HorizonError) as error:
        raise InvalidInput(("tree_memory",), f"not a memory of a tree: {error}") from error


def _memory(value: Any) -> TreeMemory:
    switches: Mapping[str, Any] = value["switches"]
    frozen = {
        dpid_from_text(dpid): LastKnownState(_numbers(one["open"]), _numbers(one["edges"]))
        for dpid, one in switches.items()
    }
    # An older version remembered neither.
    given_up = _cables(value.get("given_up", ()))
    segments = frozenset(
        frozenset(_port(dpid, port) for dpid, port in ports) for ports in value.get("segments", ())
    )
    return TreeMemory(frozen, _cables(value["links"]), segments, given_up)


def _cables(value: Any) -> frozenset[Cable]:
    return frozenset(
        cable(_port(dpid, port), _port(peer, peer_port)) for dpid, port, peer, peer_port in value
    )


def _port(dpid: str, number: Any) -> PortRef:
    return PortRef(dpid_from_text(dpid), _number(number))


def _numbers(values: Any) -> frozenset[int]:
    return frozenset(_number(value) for value in values)


def _number(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("a port number is an integer")
    return value
