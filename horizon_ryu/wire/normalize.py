"""Normalization: the form in which a switch reports an entry that it was sent.

What an entry asks for can be said in several ways, and each version has its own: 1.0 has no
action that pushes a tag, 1.3 none that pushes one by setting it. Entries are written to the wire
from their canonical form, and reading them gives it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from horizon_ryu.wire.mac_masks import masked_macs
from horizon_ryu.wire.match_rules import check_match
from horizon_ryu.wire.messages import (
    Action,
    DecrementTtl,
    Enqueue,
    GotoTable,
    Match,
    Output,
    OutputGroup,
    OverwriteTtl,
    PushVlan,
    SetField,
    StripVlan,
    ToController,
)
from horizon_ryu.wire.protocols import ETHERTYPE, IPV4_BITS, IPV6_BITS, MAX_BYTE
from horizon_ryu.wire.reserved_ports import has_queues, output_to
from horizon_ryu.wire.set_fields import (
    TAG_FIELDS,
    FrameKind,
    check_10,
    check_value,
    frame_kind,
    oxm_header,
)
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13

_PUSH = PushVlan()
_TAG_TYPES = (ETHERTYPE.VLAN, ETHERTYPE.QINQ)


def normalize(
    version: int, match: Match, actions: Sequence[Action]
) -> tuple[Match, tuple[Action, ...]]:
    """Return ``match`` and ``actions`` as a switch of wire version 1 or 4 reports them.

    ValueError for what that version cannot express. What is canonical stays as it is.
    """
    check_match(version, match)
    return _masked(match), normalize_actions(version, frame_kind(match), actions)


def as_reported(
    version: int, match: Match, actions: Sequence[Action]
) -> tuple[Match, tuple[Action, ...]]:
    """Return the canonical form; what the version cannot express stays as it is."""
    try:
        return normalize(version, match, actions)
    except ValueError:
        return match, tuple(actions)


def _masked(match: Match) -> Match:
    """Return ``match`` without bits that masks leave out, and without masks of everything."""
    found = match
    if match.nw_src is not None or match.nw_dst is not None:
        found = found._replace(
            nw_src=_network(match.nw_src, IPV4_BITS), nw_dst=_network(match.nw_dst, IPV4_BITS)
        )
    if match.ipv6_src is not None or match.ipv6_dst is not None:
        found = found._replace(
            ipv6_src=_network(match.ipv6_src, IPV6_BITS),
            ipv6_dst=_network(match.ipv6_dst, IPV6_BITS),
        )
    if match.dl_src_mask is not None or match.dl_dst_mask is not None:
        found = masked_macs(found)
    return found


def _network(network: tuple[int, int] | None, bits: int) -> tuple[int, int] | None:
    if network is None or network[1] == 0:
        return None
    free = bits - network[1]
    return network[0] >> free << free, network[1]


def normalize_actions(
    version: int, kind: FrameKind, actions: Sequence[Action]
) -> tuple[Action, ...]:
    """Return the actions that stand on the wire; ValueError for what cannot be expressed."""
    write = _actions_10 if version == OPENFLOW_10 else _actions_13
    return tuple(write(actions, kind))


class _Tags:
    """Which VLAN tags a frame has on its way through the actions."""

    def __init__(self, own: bool | None) -> None:
        self._own = own
        self._pushed = 0

    @property
    def present(self) -> bool | None:
        """Whether there is a tag; None: that depends on the frame."""
        return True if self._pushed else self._own

    def push(self) -> None:
        self._pushed += 1

    def set(self) -> None:
        """Take note that the frame has a tag now, if it had none before."""
        if not self._pushed:
            self._own = True

    def strip(self) -> None:
        """Take the outermost tag off; a tag of the frame's own is taken to be its only one."""
        if self._pushed:
            self._pushed -= 1
        elif self._own:
            self._own = False


def _actions_10(actions: Sequence[Action], kind: FrameKind) -> Iterator[Action]:
    """Yield actions without PushVlan: setting a field of the tag adds it (1.0.0 section 3.3)."""
    tags, pushing = _Tags(kind.tagged), False
    for action in actions:
        lacking = _ONLY_13.get(type(action))
        if lacking is not None:
            raise ValueError(f"OpenFlow 1.0 has no {lacking}")
        if isinstance(action, PushVlan):
            _check_push_10(action, tags, pushing)
            pushing = True
            continue
        if isinstance(action, SetField):
            check_10(action, kind)
            if action.field in TAG_FIELDS:
                tags.set()
                pushing = False
        elif pushing:
            break
        elif isinstance(action, StripVlan):
            tags.strip()
        yield _by_name(OPENFLOW_10, action)
    if pushing:
        raise ValueError("OpenFlow 1.0 adds a tag by setting dl_vlan, which must follow PushVlan")


def _check_push_10(action: PushVlan, tags: _Tags, pushing: bool) -> None:
    if tags.present is not False or pushing:
        raise ValueError(
            "OpenFlow 1.0 cannot push a second tag, and dl_vlan does not say that there is none"
        )
    if action.ethertype != _PUSH.ethertype:
        raise ValueError(f"OpenFlow 1.0 adds no tags of type {action.ethertype:#06x}")


def _actions_13(actions: Sequence[Action], kind: FrameKind) -> Iterator[Action]:
    """Yield actions of which none concerns a tag that is not there.

    Setting one pushes it first, stripping one from untagged frames is left out.
    """
    tags, queued = _Tags(kind.tagged), False
    for place, action in enumerate(actions, 1):
        if isinstance(action, PushVlan):
            _check_push_13(action)
            tags.push()
        elif isinstance(action, SetField):
            check_value(action, kind.nw_proto)
            oxm_header(action.field, kind)
            if action.field in TAG_FIELDS and _lacks_tag(tags):
                yield _PUSH
        elif isinstance(action, StripVlan):
            if tags.present is False and kind.tagged is False:
                continue
            _check_strip_13(tags)
            tags.strip()
        elif isinstance(action, OverwriteTtl | DecrementTtl):
            _check_ttl(action, kind)
        elif isinstance(action, GotoTable):
            if place < len(actions):
                raise ValueError("nothing comes after goto_table: the later table goes on")
        elif isinstance(action, Enqueue):
            queued = True
        elif queued and not isinstance(action, ToController):
            raise ValueError("OpenFlow 1.3 cannot leave a queue: outputs without one come first")
        yield _by_name(OPENFLOW_13, action)


_ONLY_13: Mapping[type, str] = {
    OutputGroup: "groups",
    OverwriteTtl: "action that sets a TTL",
    DecrementTtl: "action that decrements a TTL",
    GotoTable: "goto_table: only one table is written to",
}
"""What OpenFlow 1.0 cannot do, and how that is said."""
_WITH_TTL = {
    False: (int(ETHERTYPE.IPV4), int(ETHERTYPE.IPV6)),
    True: (int(ETHERTYPE.MPLS), int(ETHERTYPE.MPLS_MULTICAST)),
}
"""Whether a TTL is of MPLS -> ethertypes of frames that have one."""


def _check_ttl(action: OverwriteTtl | DecrementTtl, kind: FrameKind) -> None:
    if kind.dl_type not in _WITH_TTL[action.mpls]:
        which = " or ".join(f"{dl_type:#06x}" for dl_type in _WITH_TTL[action.mpls])
        raise ValueError(f"frames of dl_type {which} have that TTL: the match must say so")
    if isinstance(action, OverwriteTtl) and not 0 <= action.ttl <= MAX_BYTE:
        raise ValueError(f"a TTL is 0 to {MAX_BYTE}, not {action.ttl!r}")


def _check_push_13(action: PushVlan) -> None:
    if action.ethertype not in _TAG_TYPES:
        raise ValueError(f"no VLAN tag has type {action.ethertype:#06x}")


def _check_strip_13(tags: _Tags) -> None:
    # The tag below the one that is matched is nowhere described.
    if not tags.present:
        raise ValueError("OpenFlow 1.3 strips tags that are there: dl_vlan must say if they are")


def _lacks_tag(tags: _Tags) -> bool:
    """Tell whether a tag must be pushed before it is set, and take note of it."""
    if tags.present is None:
        raise ValueError("OpenFlow 1.3 sets tags that are there: dl_vlan must say if they are")
    if tags.present:
        return False
    tags.push()
    return True


def _by_name(version: int, action: Action) -> Action:
    """Return outputs to reserved ports by their name; ValueError for queues of such."""
    if isinstance(action, Output):
        return output_to(version, action.port_no)
    if isinstance(action, Enqueue) and not has_queues(version, action.port_no):
        raise ValueError(f"port {action.port_no:#x} has no queues")
    return action
