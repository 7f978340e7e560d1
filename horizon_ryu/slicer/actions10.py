"""Actions of OpenFlow 1.0 as a slice may use them (FlowVisor's rules, composed).

What a tenant writes becomes what the switch is given: FLOOD is the ports of the slice, an output
may go through a queue that the slice is held to, and a header that is changed must still be one of
the slice's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.wire.error_codes10 import OFPBAC, OFPET
from horizon_ryu.wire.layout import WireError, read_whole, write_whole
from horizon_ryu.wire.of10.structures import (
    ACTIONS10,
    Action10,
    ActionEnqueue,
    ActionOutput10,
    ActionSetDlDst,
    ActionSetDlSrc,
    ActionSetNwDst,
    ActionSetNwSrc,
    ActionSetNwTos,
    ActionSetTpDst,
    ActionSetTpSrc,
    ActionSetVlanPcp,
    ActionSetVlanVid,
    ActionStripVlan,
    ActionVendor,
)
from horizon_ryu.wire.ofp10 import OFP_VLAN_NONE, OFPP
from horizon_ryu.wire.protocols import DSCP_SHIFT, MAX_PCP, MAX_VLAN
from horizon_ryu.wire.ternary import HEADER_10, TernaryMatch

_MAX = int(OFPP.MAX)
_FLOOD, _ALL, _IN_PORT = int(OFPP.FLOOD), int(OFPP.ALL), int(OFPP.IN_PORT)
_NORMAL, _LOCAL = int(OFPP.NORMAL), int(OFPP.LOCAL)
_UNCHECKED = frozenset({int(OFPP.CONTROLLER), int(OFPP.TABLE)})
_CONTROLLER = int(OFPP.CONTROLLER)
_MANY = frozenset({_FLOOD, _ALL})
_PORT_FIELD = HEADER_10["in_port"]
_PORT_SHIFT, _PORT_ONES, _PORT_MASK = _PORT_FIELD.shift, _PORT_FIELD.ones, _PORT_FIELD.mask
_NONE_PORT = int(OFPP.NONE)


@dataclass(frozen=True, slots=True)
class SlicePorts:
    """What a slice can send to on a switch, when its actions are worked out.

    ``ports``: those of the switch that the slice has. ``flooded``: those of them that FLOOD goes
    to. ``native_flood``: FLOOD may stay as it is. ``vendors``: whose actions pass.
    """

    ports: frozenset[int]
    flooded: frozenset[int]
    native_flood: bool = False
    vendors: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class SliceMarks:
    """What each frame of a slice is marked with before it is sent, so that it gets its share.

    ``queues``: by port, the queue that it goes through. None and nothing: as the tenant has it.
    """

    vlan_pcp: int | None = None
    nw_tos: int | None = None
    queues: tuple[tuple[int, int], ...] = ()


@lru_cache(maxsize=4096)
def read_actions10(data: bytes) -> tuple[Action10, ...]:
    """Return the actions in ``data``, which the guard has walked; TenantRefusal if malformed."""
    try:
        return read_whole(ACTIONS10, data, 0)
    except WireError as error:
        raise TenantRefusal(OFPET.BAD_ACTION, OFPBAC.BAD_LEN, "malformed action") from error


def outputs_of(actions: Sequence[Action10]) -> Iterator[int]:
    """Yield the ports that actions send to, as they are written."""
    for action in actions:
        if isinstance(action, ActionOutput10 | ActionEnqueue):
            yield action.port


MOST_REMEMBERED = 1024
"""Programs that a slicer of actions remembers; one that comes again is worked out at once."""


def changes_headers(actions: Sequence[Action10]) -> bool:
    """Tell whether what actions may do depends on the frames that they are for."""
    return not all(isinstance(one, ActionOutput10 | ActionEnqueue) for one in actions)


@lru_cache(maxsize=4096)
def asks_controller(data: bytes) -> bool:
    """Tell whether actions send frames to the controller."""
    return any(
        isinstance(one, ActionOutput10) and one.port == _CONTROLLER for one in read_actions10(data)
    )


def told_of(data: bytes, match: TernaryMatch) -> Iterator[TernaryMatch]:
    """Yield what takes the frames of ``match`` as actions send them to the controller."""
    for action in read_actions10(data):
        if isinstance(action, ActionOutput10):
            if action.port == _CONTROLLER:
                yield match
        elif not isinstance(action, ActionEnqueue | ActionVendor):
            match = changed_match(action, match)


@lru_cache(maxsize=4096)
def depends_on_ports(data: bytes) -> bool:
    """Tell whether actions send to whatever ports the slice has."""
    actions = read_actions10(data)
    return any(isinstance(one, ActionOutput10) and one.port in _MANY for one in actions)


@dataclass(slots=True)
class ActionSlicer:
    """Slices the actions of one tenant on one switch."""

    flowspace: SwitchFlowspace
    slice_name: str
    ports: SlicePorts
    marks: SliceMarks = SliceMarks()
    _known: dict[tuple[bytes, int | None], bytes] = field(default_factory=dict)

    def slice(self, data: bytes, match: TernaryMatch, came_in: int | None) -> bytes:
        """Return what the actions in ``data`` become for the frames of ``match``; TenantRefusal.

        ``match`` lies within the slice's own flowspace; ``came_in`` is the port that its frames
        come in at, None if it may be any.
        """
        known = self._known.get((data, came_in))
        if known is not None:
            return known
        sliced = self._sliced(data, match, came_in)
        if not changes_headers(read_actions10(data)):
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[data, came_in] = sliced
        return sliced

    def _sliced(self, data: bytes, match: TernaryMatch, came_in: int | None) -> bytes:
        found: list[Action10] = []
        for action in read_actions10(data):
            match, sliced = self._one(action, match, came_in)
            found += sliced
        return write_whole(ACTIONS10, tuple(found))

    def _one(
        self, action: Action10, match: TernaryMatch, came_in: int | None
    ) -> tuple[TernaryMatch, Sequence[Action10]]:
        if isinstance(action, ActionOutput10):
            return match, self._output(action, came_in)
        if isinstance(action, ActionEnqueue):
            self._check_port(action.port, came_in)
            if action.queue_id not in self.flowspace.queues(self.slice_name, action.port):
                raise TenantRefusal(OFPET.BAD_ACTION, OFPBAC.BAD_QUEUE, "foreign queue")
            return match, [*self._marked(), action]
        if isinstance(action, ActionVendor):
            if action.vendor not in self.ports.vendors:
                raise TenantRefusal(OFPET.BAD_ACTION, OFPBAC.BAD_VENDOR, "vendor action")
            return match, [action]
        changed = changed_match(action, match)
        if not self.flowspace.covers(self.slice_name, changed):
            raise TenantRefusal(OFPET.BAD_ACTION, OFPBAC.BAD_ARGUMENT, "header of another slice")
        return changed, [action]

    def _output(self, action: ActionOutput10, came_in: int | None) -> Sequence[Action10]:
        port = action.port
        if port in _UNCHECKED:
            return [action]
        if port in (_FLOOD, _ALL):
            if port == _FLOOD and self.ports.native_flood:
                return [*self._marked(), action]
            wanted = self.ports.flooded if port == _FLOOD else self.ports.ports
            outputs = [self._to(ActionOutput10(out)) for out in sorted(wanted) if out != came_in]
            return [*self._marked(), *outputs] if outputs else []
        self._check_port(port, came_in)
        return [*self._marked(), self._to(action)]

    def _check_port(self, port: int, came_in: int | None) -> None:
        if port == _IN_PORT:
            # Where the frame may come from any port, it came from one of the slice's own.
            if came_in is not None and not self._has(came_in):
                raise TenantRefusal(OFPET.BAD_ACTION, OFPBAC.EPERM, "port of another slice")
        elif port == _NORMAL:
            if not self.ports.native_flood:
                raise TenantRefusal(
                    OFPET.BAD_ACTION, OFPBAC.BAD_OUT_PORT, "NORMAL leaves the slice"
                )
        elif not self._has(port):
            raise TenantRefusal(OFPET.BAD_ACTION, OFPBAC.BAD_OUT_PORT, "port of another slice")

    def _has(self, port: int) -> bool:
        """Tell whether a port is the slice's, whether the switch has it just now or not."""
        return port in self.ports.ports or self.flowspace.has_port(self.slice_name, port)

    def _marked(self) -> list[Action10]:
        """Return the actions that mark a frame before it is sent."""
        marks: list[Action10] = []
        if self.marks.vlan_pcp is not None:
            marks.append(ActionSetVlanPcp(self.marks.vlan_pcp))
        if self.marks.nw_tos is not None:
            marks.append(ActionSetNwTos(self.marks.nw_tos))
        return marks

    def _to(self, action: ActionOutput10) -> Action10:
        for port, queue in self.marks.queues:
            if port == action.port:
                return ActionEnqueue(port, queue)
        return action


def port_of(match: TernaryMatch) -> int | None:
    """Return the port that a match names; None if it names none."""
    value, mask = match
    return value >> _PORT_SHIFT & _PORT_ONES if mask & _PORT_MASK else None


def changed_match(action: Action10, match: TernaryMatch) -> TernaryMatch:
    """Return what takes the frames of ``match`` once an action has changed them; TenantRefusal."""
    if isinstance(action, ActionStripVlan):
        return _with(_with(match, "dl_vlan", OFP_VLAN_NONE), "dl_vlan_pcp", 0)
    if isinstance(action, ActionSetVlanVid):
        _want(action.vlan_vid <= MAX_VLAN)
        return _with(match, "dl_vlan", action.vlan_vid)
    if isinstance(action, ActionSetVlanPcp):
        _want(action.vlan_pcp <= MAX_PCP)
        return _with(_tagged(match), "dl_vlan_pcp", action.vlan_pcp)
    for kind, name, read in _SETTERS:
        if isinstance(action, kind):
            return _with(match, name, read(action))
    raise TenantRefusal(OFPET.BAD_ACTION, OFPBAC.BAD_TYPE, "unknown action")


def _want(holds: bool) -> None:
    if not holds:
        raise TenantRefusal(OFPET.BAD_ACTION, OFPBAC.BAD_ARGUMENT, "value out of range")


def _tos(action: ActionSetNwTos) -> int:
    _want(not action.nw_tos & 3)
    return action.nw_tos >> DSCP_SHIFT


def _tagged(match: TernaryMatch) -> TernaryMatch:
    """Return what takes the frames of ``match`` with the tag that a priority gives them."""
    tag = HEADER_10["dl_vlan"]
    untagged = match.mask & tag.mask and tag.of(match.value) == OFP_VLAN_NONE
    return _with(match, "dl_vlan", 0) if untagged else match


_SETTERS: tuple[tuple[type, str, Callable[[Any], int]], ...] = (
    (ActionSetDlSrc, "dl_src", lambda action: int.from_bytes(action.dl_addr, "big")),
    (ActionSetDlDst, "dl_dst", lambda action: int.from_bytes(action.dl_addr, "big")),
    (ActionSetNwSrc, "nw_src", lambda action: action.nw_addr),
    (ActionSetNwDst, "nw_dst", lambda action: action.nw_addr),
    (ActionSetNwTos, "nw_tos", _tos),
    (ActionSetTpSrc, "tp_src", lambda action: action.tp_port),
    (ActionSetTpDst, "tp_dst", lambda action: action.tp_port),
)


def _with(match: TernaryMatch, name: str, value: int) -> TernaryMatch:
    """Return the match of frames that have ``value`` in a field, and else what they had."""
    field = HEADER_10[name]
    return TernaryMatch(match.value & ~field.mask | value << field.shift, match.mask | field.mask)
