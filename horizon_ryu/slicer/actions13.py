"""Actions of OpenFlow 1.3 as a slice may use them.

What a tenant writes becomes what the switch is given: groups have the switch's numbers, FLOOD is a
group of the slice's ports, and a header that is changed must be one of the slice's own whenever
a frame with it is sent, or handed to another table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from horizon_ryu.core.slicing.classification import Treatment
from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.header_changes import changed_by, stays_own
from horizon_ryu.slicer.actions10 import SliceMarks, SlicePorts
from horizon_ryu.slicer.known_header13 import CHANGERS, PCP, PRESENT, TYPE, VLAN, HeaderOf
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.wire.error_codes13 import OFPBAC, OFPET
from horizon_ryu.wire.fields import FIELDS
from horizon_ryu.wire.match_codes13 import OFPXMC, OFPXMT_OFB
from horizon_ryu.wire.of13.match import OxmField
from horizon_ryu.wire.of13.structures import (
    Action13,
    ActionCopyTtlIn,
    ActionCopyTtlOut,
    ActionDecMplsTtl,
    ActionDecNwTtl,
    ActionExperimenter,
    ActionGroup,
    ActionOutput13,
    ActionPopMpls,
    ActionPopPbb,
    ActionPopVlan,
    ActionPushMpls,
    ActionPushPbb,
    ActionPushVlan,
    ActionSetField,
    ActionSetMplsTtl,
    ActionSetNwTtl,
    ActionSetQueue,
)
from horizon_ryu.wire.ofp13 import OFPP
from horizon_ryu.wire.protocols import DSCP_SHIFT, ETHERTYPE
from horizon_ryu.wire.ternary import (
    EVERY_HEADER,
    FIELDS_OF_13,
    HEADER_13,
    HeaderField,
    TernaryMatch,
)

_FLOODS = frozenset({int(OFPP.FLOOD), int(OFPP.ALL)})
_IN_PORT, _TABLE, _NORMAL = int(OFPP.IN_PORT), int(OFPP.TABLE), int(OFPP.NORMAL)
_FLOOD, _CONTROLLER = int(OFPP.FLOOD), int(OFPP.CONTROLLER)
_DSCP, _PORT = HEADER_13["ip_dscp"], HEADER_13["in_port"]
_TAGS = frozenset({int(ETHERTYPE.VLAN), int(ETHERTYPE.QINQ)})
_FIXED = frozenset(
    {
        *(OFPXMT_OFB.IN_PORT, OFPXMT_OFB.IN_PHY_PORT, OFPXMT_OFB.METADATA, OFPXMT_OFB.ETH_TYPE),
        *(OFPXMT_OFB.IP_PROTO, OFPXMT_OFB.IPV6_EXTHDR),
    }
)
"""Fields that a tenant may not set: what kind of frame it is, and where it came from and is."""
_HARMLESS = (
    *(ActionCopyTtlIn, ActionCopyTtlOut, ActionSetMplsTtl, ActionDecMplsTtl),
    *(ActionSetNwTtl, ActionDecNwTtl),
)
"""Actions that change nothing that a flowspace can be made of."""


class SliceObjects(Protocol):
    """Who knows what the switch has for the groups of slices."""

    def real(self, slice_name: str, group_id: int) -> int | None:
        """Return the number that the switch has for a slice's group; None if there is none."""

    def flood(self, slice_name: str) -> int:
        """Return the group that floods within a slice; IdsExhausted (a ValueError)."""


def _refuse(code: OFPBAC, reason: str) -> TenantRefusal:
    return TenantRefusal(OFPET.BAD_ACTION, code, reason)


_SET_ORDER: Mapping[type, int] = MappingProxyType(
    {
        kind: at
        for at, kinds in enumerate(
            (
                (ActionPopVlan, ActionPopMpls, ActionPopPbb),
                (ActionPushMpls,),
                (ActionPushPbb,),
                (ActionPushVlan,),
                (ActionSetField,),
                (ActionSetQueue,),
                (ActionGroup,),
                (ActionOutput13,),
            )
        )
        for kind in kinds
    }
)
"""In what order an action set is carried out (section 5.10), as far as headers depend on it."""


@dataclass(slots=True)
class ActionSlicer13:
    """Slices the actions of one tenant on one switch.

    ``came_in``: the port that the frames come in at, None if it may be any. ``sent``: the header of
    the one frame of a packet-out, by which it would come in again: FLOOD is the ports that there
    are now, and TABLE may be sent to.
    """

    flowspace: SwitchFlowspace
    slice_name: str
    ports: SlicePorts
    objects: SliceObjects
    marks: SliceMarks = field(default_factory=SliceMarks)
    came_in: int | None = None
    sent: int | None = None
    _queue: int | None = field(default=None, init=False)

    def apply(self, actions: Sequence[Action13], match: TernaryMatch) -> tuple[Action13, ...]:
        """Return what a list of actions becomes for the slice's frames of a match; TenantRefusal.

        What the list leaves must be the slice's own, too: another table, or the action set, may
        have it next.
        """
        header = HeaderOf(match)
        found: list[Action13] = []
        for action in actions:
            found += self._one(action, header)
        self._check_own(header)
        if self._queue is not None and self.sent is None:
            self._check_queue_everywhere(self._queue)
        return tuple(found)

    def action_set(self, actions: Sequence[Action13]) -> tuple[Action13, ...]:
        """Return what actions become that are put into an action set; TenantRefusal.

        The set is carried out when the frame has gone through tables that are not known here: what
        it does must be right for every frame of the slice.
        """
        header = HeaderOf(EVERY_HEADER)
        found: dict[int, list[Action13]] = {at: [] for at in range(len(actions))}
        in_order = sorted(range(len(actions)), key=lambda at: _SET_ORDER.get(type(actions[at]), 0))
        for at in in_order:
            found[at] = self._one(actions[at], header)
        self._check_own(header)
        if self._queue is not None:
            self._check_queue_everywhere(self._queue)
        return tuple(action for sliced in found.values() for action in sliced)

    def _one(self, action: Action13, header: HeaderOf) -> list[Action13]:
        """Return what an action becomes, and take note of what it does to the header."""
        if isinstance(action, ActionOutput13):
            return self._output(action, header)
        if isinstance(action, ActionGroup):
            return [ActionGroup(self._group(action.group_id, header))]
        if isinstance(action, ActionSetQueue):
            return self._set_queue(action)
        if isinstance(action, ActionExperimenter):
            if action.experimenter not in self.ports.vendors:
                raise _refuse(OFPBAC.BAD_EXPERIMENTER, "experimenter action")
            return [action]
        if isinstance(action, ActionSetField):
            return self._set_field(action, header)
        if isinstance(action, ActionPushVlan) and action.ethertype not in _TAGS:
            raise _refuse(OFPBAC.BAD_ARGUMENT, "tag of no known type")
        change = CHANGERS.get(type(action))
        if change is not None:
            change(header, action)
            return [action, *self._tag_mark(action, header)]
        if not isinstance(action, _HARMLESS):
            raise _refuse(OFPBAC.BAD_TYPE, "unknown action")
        return [action]

    # ---- headers

    def _set_field(self, action: ActionSetField, header: HeaderOf) -> list[Action13]:
        place, value = _setting(action.field)
        if self._is_held(place):
            return []
        header.set_field(place, value)
        return [action]

    def _is_held(self, place: HeaderField) -> bool:
        """Tell whether a field has the slice's mark, whatever the tenant writes."""
        return (place == PCP and self.marks.vlan_pcp is not None) or (
            place == _DSCP and self.marks.nw_tos is not None
        )

    def _tag_mark(self, action: Action13, header: HeaderOf) -> list[Action13]:
        """Return what marks a new tag, where the priority of tags is the slice's mark."""
        if self.marks.vlan_pcp is None or not isinstance(action, ActionPushVlan):
            return []
        header.set_field(PCP, self.marks.vlan_pcp)
        return [set_field(OFPXMT_OFB.VLAN_PCP, self.marks.vlan_pcp)]

    def _check_own(self, header: HeaderOf) -> None:
        if not stays_own(self.flowspace, self.slice_name, header.match, header.changes):
            raise _refuse(OFPBAC.BAD_ARGUMENT, "header of another slice")

    # ---- where frames go

    def _output(self, action: ActionOutput13, header: HeaderOf) -> list[Action13]:
        port = action.port
        if port == _CONTROLLER:
            return [action]
        self._check_own(header)
        if port in _FLOODS:
            return self._flood(action)
        if port == _TABLE:
            self._check_enters(header)
        elif port == _NORMAL:
            if not self.ports.native_flood:
                raise _refuse(OFPBAC.BAD_OUT_PORT, "NORMAL leaves the slice")
        elif port == _IN_PORT:
            if self.came_in is not None and not self._has(self.came_in):
                raise _refuse(OFPBAC.EPERM, "port of another slice")
        elif not self._has(port):
            raise _refuse(OFPBAC.BAD_OUT_PORT, "port of another slice")
        else:
            self._check_queue(port)
        return [action]

    def _has(self, port: int) -> bool:
        """Tell whether a port is the slice's, whether the switch has it just now or not."""
        return self.flowspace.has_port(self.slice_name, port)

    def _check_enters(self, header: HeaderOf) -> None:
        """Refuse to have a frame come in again that would not be the slice's, or may not be."""
        if self.sent is None:
            raise _refuse(OFPBAC.BAD_OUT_PORT, "TABLE outside of a packet-out")
        enters = changed_by(TernaryMatch(self.sent, 0), header.changes).value
        if None in header.changes.values() or not self.flowspace.owns(self.slice_name, enters):
            raise _refuse(OFPBAC.EPERM, "frame of another slice")

    def _flood(self, action: ActionOutput13) -> list[Action13]:
        if action.port == _FLOOD and self.ports.native_flood:
            return [action]
        if self.sent is not None:
            wanted = sorted(self.ports.flooded - {self.came_in})
            for port in wanted:
                self._check_queue(port)
            return [ActionOutput13(port) for port in wanted]
        if self._queue is not None:
            self._check_queue_everywhere(self._queue)
        try:
            return [ActionGroup(self.objects.flood(self.slice_name))]
        except ValueError as error:
            raise _refuse(OFPBAC.TOO_MANY, "no group left to flood with") from error

    def _group(self, group_id: int, header: HeaderOf) -> int:
        self._check_own(header)
        real = self.objects.real(self.slice_name, group_id)
        if real is None:
            raise _refuse(OFPBAC.BAD_OUT_GROUP, "unknown group")
        return real

    # ---- queues

    def _set_queue(self, action: ActionSetQueue) -> list[Action13]:
        if self.marks.queues:
            return []
        self._queue = action.queue_id
        return [action]

    def _check_queue(self, port: int) -> None:
        queue = self._queue
        if queue is not None and queue not in self.flowspace.queues(self.slice_name, port):
            raise _refuse(OFPBAC.BAD_QUEUE, "foreign queue")

    def _check_queue_everywhere(self, queue: int) -> None:
        """Refuse a queue that a frame keeps, and that is not the slice's at each of its ports."""
        for port in self.ports.ports:
            if queue not in self.flowspace.queues(self.slice_name, port):
                raise _refuse(OFPBAC.BAD_QUEUE, "foreign queue")


def _setting(given: OxmField) -> tuple[HeaderField, int]:
    """Return the field that is set, and the value; TenantRefusal for what no tenant may set."""
    place = None if given.oxm_class != OFPXMC.OPENFLOW_BASIC else FIELDS_OF_13.get(given.field)
    if place is None or given.field in _FIXED or given.has_mask:
        raise _refuse(OFPBAC.BAD_SET_TYPE, "field that cannot be set")
    if len(given.payload) != FIELDS[given.field].size:
        raise _refuse(OFPBAC.BAD_SET_LEN, "value of another size")
    value = int.from_bytes(given.payload, "big")
    if value > place.ones or (place == VLAN and not value & PRESENT):
        raise _refuse(OFPBAC.BAD_SET_ARGUMENT, "value out of range")
    return place, value


def port_of(match: TernaryMatch) -> int | None:
    """Return the port that a match names; None if it names none."""
    return _PORT.of(match.value) if match.mask & _PORT.mask == _PORT.mask else None


def set_field(number: OFPXMT_OFB, value: int) -> ActionSetField:
    """Return the action that gives a field a value."""
    payload = value.to_bytes(FIELDS[number].size, "big")
    return ActionSetField(OxmField(int(OFPXMC.OPENFLOW_BASIC), int(number), False, payload))


def marks_for(marks: SliceMarks, header: int) -> tuple[Action13, ...]:
    """Return what marks a frame with this header before a tenant's actions see it."""
    return next(
        (mark.program for mark in reversed(frame_marks(marks)) if mark.match.takes(header)), ()
    )


def frame_marks(marks: SliceMarks) -> list[Treatment]:
    """Return what the frames of a slice are marked with, and which of them: first, all."""
    queues: tuple[Action13, ...] = tuple(ActionSetQueue(queue) for _, queue in marks.queues[:1])
    found = [Treatment(EVERY_HEADER, queues)]
    if marks.vlan_pcp is not None:
        pcp = set_field(OFPXMT_OFB.VLAN_PCP, marks.vlan_pcp)
        found.append(Treatment(VLAN.equal_to(PRESENT, PRESENT), (*queues, pcp)))
    if marks.nw_tos is not None:
        dscp = set_field(OFPXMT_OFB.IP_DSCP, marks.nw_tos >> DSCP_SHIFT)
        found += [
            Treatment(TYPE.equal_to(kind), (*queues, dscp))
            for kind in (ETHERTYPE.IPV4, ETHERTYPE.IPV6)
        ]
    return found
