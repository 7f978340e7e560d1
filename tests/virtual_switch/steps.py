"""Steps: the actions of both versions as one list of things to do with a frame.

An entry keeps its actions as they came, for its reports, and the steps, for its frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from horizon_ryu.wire.fields import FIELDS
from horizon_ryu.wire.match_codes13 import OFPXMC
from horizon_ryu.wire.of10 import structures as old
from horizon_ryu.wire.of13 import structures as new
from horizon_ryu.wire.protocols import DSCP_SHIFT
from virtual_switch import fields as f
from virtual_switch import port_numbers
from virtual_switch.refusal import SwitchRefusal


@dataclass(frozen=True, slots=True)
class Send:
    """Out of a port, which may be a reserved one."""

    port: int
    max_len: int = 0


@dataclass(frozen=True, slots=True)
class ToQueue:
    """What follows leaves by a queue."""

    queue_id: int


@dataclass(frozen=True, slots=True)
class ToGroup:
    """Through a group."""

    group_id: int


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Give the first of ``fields`` that the frame has another value."""

    fields: tuple[int, ...]
    value: int


@dataclass(frozen=True, slots=True)
class Tag:
    """Rewrite a field of the tag; a frame without one is given one first (1.0.0 section 3.3)."""

    field: int
    value: int


@dataclass(frozen=True, slots=True)
class PushTag:
    """One more tag."""

    ethertype: int


@dataclass(frozen=True, slots=True)
class PopTag:
    """Without the outermost tag."""


@dataclass(frozen=True, slots=True)
class SetTtl:
    """Set the TTL; None takes one off it."""

    ttl: int | None


Step: TypeAlias = Send | ToQueue | ToGroup | Rewrite | Tag | PushTag | PopTag | SetTtl


class Program(NamedTuple):
    """What an entry does: meter, apply, clear, write, goto, in this order (1.3.5 section 5.9)."""

    apply: tuple[Step, ...] = ()
    meter: int | None = None
    clears: bool = False
    write: tuple[Step, ...] = ()
    metadata: tuple[int, int] | None = None
    goto: int | None = None

    def groups(self) -> set[int]:
        """Return the groups that it sends frames to."""
        return {one.group_id for one in self.apply + self.write if isinstance(one, ToGroup)}

    def ports(self) -> set[int]:
        """Return the ports that it sends frames to."""
        return {one.port for one in self.apply + self.write if isinstance(one, Send)}


def _checked_port(port: int) -> int:
    if port in (0, port_numbers.ANY) or port_numbers.MAX < port < port_numbers.IN_PORT:
        raise SwitchRefusal("BAD_ACTION", "BAD_OUT_PORT")
    return port


def _number(value: int | bytes) -> int:
    return value if isinstance(value, int) else int.from_bytes(value, "big")


_SOURCE_PORTS = (f.TCP_SRC, f.UDP_SRC, f.SCTP_SRC, f.ICMPV4_TYPE)
_TARGET_PORTS = (f.TCP_DST, f.UDP_DST, f.SCTP_DST, f.ICMPV4_CODE)


def _output10(action: old.ActionOutput10) -> tuple[Step, ...]:
    return (Send(_checked_port(port_numbers.widened(action.port)), action.max_len),)


def _enqueue(action: old.ActionEnqueue) -> tuple[Step, ...]:
    port = _checked_port(port_numbers.widened(action.port))
    return ToQueue(action.queue_id), Send(port)


def _set_field(action: new.ActionSetField) -> tuple[Step, ...]:
    field = action.field
    row = FIELDS.get(field.field) if field.oxm_class == OFPXMC.OPENFLOW_BASIC else None
    if row is None or field.has_mask or field.field == f.IN_PORT:
        raise SwitchRefusal("BAD_ACTION", "BAD_SET_TYPE")
    if len(field.payload) != row.size:
        raise SwitchRefusal("BAD_ACTION", "BAD_SET_LEN")
    value = _number(field.payload)
    if value >> row.bits:
        raise SwitchRefusal("BAD_ACTION", "BAD_SET_ARGUMENT")
    return (Rewrite((field.field,), value),)


_READERS: Mapping[type, Callable[[Any], tuple[Step, ...]]] = {
    old.ActionOutput10: _output10,
    old.ActionEnqueue: _enqueue,
    old.ActionSetVlanVid: lambda a: (Tag(f.VLAN_VID, a.vlan_vid),),
    old.ActionSetVlanPcp: lambda a: (Tag(f.VLAN_PCP, a.vlan_pcp),),
    old.ActionStripVlan: lambda _: (PopTag(),),
    old.ActionSetDlSrc: lambda a: (Rewrite((f.ETH_SRC,), _number(a.dl_addr)),),
    old.ActionSetDlDst: lambda a: (Rewrite((f.ETH_DST,), _number(a.dl_addr)),),
    old.ActionSetNwSrc: lambda a: (Rewrite((f.IPV4_SRC,), _number(a.nw_addr)),),
    old.ActionSetNwDst: lambda a: (Rewrite((f.IPV4_DST,), _number(a.nw_addr)),),
    old.ActionSetNwTos: lambda a: (Rewrite((f.IP_DSCP,), a.nw_tos >> DSCP_SHIFT),),
    old.ActionSetTpSrc: lambda a: (Rewrite(_SOURCE_PORTS, a.tp_port),),
    old.ActionSetTpDst: lambda a: (Rewrite(_TARGET_PORTS, a.tp_port),),
    new.ActionOutput13: lambda a: (Send(_checked_port(a.port), a.max_len),),
    new.ActionGroup: lambda a: (ToGroup(a.group_id),),
    new.ActionSetQueue: lambda a: (ToQueue(a.queue_id),),
    new.ActionPushVlan: lambda a: (PushTag(a.ethertype),),
    new.ActionPopVlan: lambda _: (PopTag(),),
    new.ActionSetField: _set_field,
    new.ActionSetNwTtl: lambda a: (SetTtl(a.nw_ttl),),
    new.ActionDecNwTtl: lambda _: (SetTtl(None),),
}


def read_actions(actions: Iterable[Any]) -> tuple[Step, ...]:
    """Return the steps of actions of either version; SwitchRefusal for what it cannot do."""
    steps: list[Step] = []
    for action in actions:
        read = _READERS.get(type(action))
        if read is None:
            raise SwitchRefusal("BAD_ACTION", "BAD_TYPE")
        steps += read(action)
    return tuple(steps)


def read_instructions(instructions: Iterable[new.Instruction], table_id: int) -> Program:
    """Return the program of an entry of 1.3; SwitchRefusal."""
    program = Program()
    for one in instructions:
        if isinstance(one, new.InstructionApplyActions):
            program = program._replace(apply=read_actions(one.actions))
        elif isinstance(one, new.InstructionWriteActions):
            program = program._replace(write=read_actions(one.actions))
        elif isinstance(one, new.InstructionClearActions):
            program = program._replace(clears=True)
        elif isinstance(one, new.InstructionMeter):
            program = program._replace(meter=one.meter_id)
        elif isinstance(one, new.InstructionWriteMetadata):
            program = program._replace(metadata=(one.metadata, one.metadata_mask))
        elif isinstance(one, new.InstructionGotoTable):
            if one.table_id <= table_id:
                raise SwitchRefusal("BAD_INSTRUCTION", "BAD_TABLE_ID")
            program = program._replace(goto=one.table_id)
        else:
            raise SwitchRefusal("BAD_INSTRUCTION", "UNKNOWN_INST")
    return program
