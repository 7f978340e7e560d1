"""Effect of a spec: refuses flows that forward nothing, more than they seem to, or our probes.

A switch takes such entries without a word, and they count as active.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from horizon_ryu.core.errors import Conflict, InvalidInput
from horizon_ryu.core.flows.flow import EntrySpec, Flow, PathSpec, Spec
from horizon_ryu.core.flows.match_fields import ETH_IPV6
from horizon_ryu.core.flows.overlap import blinds_discovery
from horizon_ryu.core.frames import ETH_LLDP
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.ownership import Priority
from horizon_ryu.core.topology import PortRef, Switch
from horizon_ryu.wire.messages import (
    LOCAL_PORT,
    ONLY_13,
    VLAN_NONE,
    VLAN_TAGGED,
    Action,
    DecrementTtl,
    Enqueue,
    GotoTable,
    Match,
    Output,
    OutputGroup,
    OutputReserved,
    OverwriteTtl,
    PushVlan,
    ReservedPort,
    SetField,
    StripVlan,
)

_INSIDE = ("nw_proto", "nw_tos", "tp_src", "tp_dst")
_GROUP_BIT = b"\x01\x00\x00\x00\x00\x00"
_CHANGES = (SetField, PushVlan, StripVlan, OverwriteTtl, DecrementTtl)
"""Actions that change a frame and send it nowhere."""
DEPENDENT = (*_CHANGES, OutputGroup, GotoTable)
"""Actions that versions of OpenFlow do differently, or not at all."""


class NamedPort(NamedTuple):
    """A port that a spec names by number, and in which field."""

    ref: PortRef
    loc: tuple[str, ...]


def check_harmless(spec: Spec) -> None:
    """Raise Conflict for an entry that would take probes away from Discovery."""
    if isinstance(spec, EntrySpec) and spec.table_id:
        return
    if spec.priority >= Priority.LLDP and blinds_discovery(_match_of(spec), spec.priority):
        raise Conflict(
            "entries of this priority that match LLDP (0x88cc) would blind Discovery; "
            "name another dl_type, or use a lower priority"
        )


def _match_of(spec: Spec) -> Match:
    return spec.match._replace(in_port=None) if isinstance(spec, PathSpec) else spec.match


def check_effect(spec: Spec) -> None:
    """Raise InvalidInput for a spec that cannot forward what it says, on whatever switch."""
    if spec.meter is not None and spec.rate_kbps is not None:
        raise InvalidInput(
            ("meter",), "a flow passes one meter: give either its id, or a rate to make one for"
        )
    _check_gets_frames(spec)
    if isinstance(spec, PathSpec):
        if spec.src == spec.dst:
            raise InvalidInput(("dst",), "the same port as src: there is no way to go")
        return
    for action in spec.actions:
        if spec.match.in_port is not None and _sends_to(action) == spec.match.in_port:
            # 1.0.0 section 5.3.3, 1.3.5 section 7.2.1: OFPP_IN_PORT must be named for that.
            raise InvalidInput(
                ("actions",),
                f"no switch sends a frame back out of its in_port {_name(spec.match.in_port)} by "
                "that port's number; write in_port for the port",
            )
    _check_onward(spec)
    if spec.actions and all(isinstance(action, _CHANGES) for action in spec.actions):
        raise InvalidInput(("actions",), "none of them sends the frame; add output, or only drop")


def _check_gets_frames(spec: Spec) -> None:
    is_first = not isinstance(spec, EntrySpec) or spec.table_id == 0
    if is_first and spec.match.dl_type == ETH_LLDP and spec.priority < Priority.LLDP:
        raise InvalidInput(
            ("match", "dl_type"),
            "would never have a frame: all LLDP goes to Discovery, by an entry of "
            f"priority {int(Priority.LLDP)}",
        )


def _check_onward(spec: EntrySpec) -> None:
    for action in spec.actions:
        if not isinstance(action, GotoTable):
            continue
        if action is not spec.actions[-1]:
            raise InvalidInput(("actions",), "goto_table is the last of all: write it at the end")
        if action.table_id <= spec.table_id:
            reason = f"goto_table leads to later tables only: those beyond {spec.table_id}"
            raise InvalidInput(("actions",), reason)


def check_meant(spec: Spec) -> None:
    """Raise InvalidInput for a path that takes all of a port, unless it says so."""
    if isinstance(spec, PathSpec) and not spec.everything and takes_everything(spec.match):
        raise InvalidInput(
            ("match",),
            "takes every frame of that port, ARP of its hosts included, which nobody answers "
            "then; match a dl_type or an address, or say everything: true",
        )


def takes_everything(match: Match) -> bool:
    """Tell whether ``match`` takes every frame that a host without VLANs sends into a port."""
    rest = match._replace(in_port=None)
    if match.dl_src_mask == _GROUP_BIT:
        # No group sends frames: all sources have that bit clear.
        rest = rest._replace(dl_src=None, dl_src_mask=None)
    return rest in (Match(), Match(dl_vlan=VLAN_NONE))


def named_ports(spec: EntrySpec) -> Iterator[NamedPort]:
    """Yield the ports that an entry names by number."""
    if spec.match.in_port is not None:
        yield NamedPort(PortRef(spec.dpid, spec.match.in_port), ("match", "in_port"))
    for action in spec.actions:
        port_no = _port_of(action)
        if port_no is not None:
            yield NamedPort(PortRef(spec.dpid, port_no), ("actions",))


def beyond_10(match: Match) -> str | None:
    """Return the name of a field that OpenFlow 1.0 cannot match so; None if it can match all."""
    if match.dl_vlan == VLAN_TAGGED:
        return "dl_vlan"
    if match.dl_dst_multicast:
        return "dl_dst"
    if match.dl_type == ETH_IPV6:
        found = next((name for name in _INSIDE if getattr(match, name) is not None), None)
        if found is not None:
            return found
    found = next((name for name in ONLY_13 if getattr(match, name) is not None), None)
    return found and found.removesuffix("_mask")


def check_table(spec: EntrySpec, switch: Switch) -> None:
    """Raise InvalidInput for a later table where ``switch`` has only one to write to."""
    if spec.table_id and not switch.capabilities.tables:
        where = dpid_to_text(switch.dpid)
        reason = f"switch {where} speaks OpenFlow 1.0, which writes entries to one table only"
        raise InvalidInput(("table_id",), reason)


def check_version(match: Match, switch: Switch) -> None:
    """Raise InvalidInput for a field that the version of ``switch`` lacks."""
    field = None if switch.capabilities.oxm else beyond_10(match)
    if field is not None:
        where = dpid_to_text(switch.dpid)
        reason = f"switch {where} speaks OpenFlow 1.0, which cannot match that"
        raise InvalidInput(("match", field), reason)


def end_ports(flow: Flow) -> Iterator[PortRef]:
    """Yield the ports that a flow cannot be without, those of its links left out."""
    if isinstance(flow.spec, EntrySpec):
        yield from (named.ref for named in named_ports(flow.spec))
    else:
        yield from (flow.spec.src, flow.spec.dst)


def _sends_to(action: Action) -> int | None:
    """Return the one port that an action sends frames to, its own one by its number."""
    return LOCAL_PORT if action == _TO_LOCAL else _port_of(action)


_TO_LOCAL = OutputReserved(ReservedPort.LOCAL)


def _name(port_no: int) -> str:
    return "local" if port_no == LOCAL_PORT else str(port_no)


def _port_of(action: Action) -> int | None:
    return action.port_no if isinstance(action, Output | Enqueue) else None
