"""Match, actions and ports of OpenFlow 1.0 (sections 5.2.1 to 5.2.4), as they are on the wire.

Nothing is interpreted: a match keeps its wildcards, an action the numbers of its ports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from horizon_ryu.wire.action_table import ACTIONS_10
from horizon_ryu.wire.fields import MATCH_FORMAT_10
from horizon_ryu.wire.layout import OPAQUE, Layout, Tlv, record, tlvs
from horizon_ryu.wire.ofp10 import OFPAT


@dataclass(frozen=True, slots=True)
class Match10:
    """ofp_match: ``wildcards`` says which of the others count, and masks the addresses."""

    wildcards: int
    in_port: int
    dl_src: bytes
    dl_dst: bytes
    dl_vlan: int
    dl_vlan_pcp: int
    dl_type: int
    nw_tos: int
    nw_proto: int
    nw_src: int
    nw_dst: int
    tp_src: int
    tp_dst: int


@dataclass(frozen=True, slots=True)
class Port10:
    """ofp_phy_port; ``name`` is 16 bytes, filled up with zeros."""

    port_no: int
    hw_addr: bytes
    name: bytes
    config: int
    state: int
    curr: int
    advertised: int
    supported: int
    peer: int


@dataclass(frozen=True, slots=True)
class ActionOutput10:
    """OFPAT_OUTPUT; ``max_len`` counts for the controller alone."""

    port: int
    max_len: int = 0


@dataclass(frozen=True, slots=True)
class ActionSetVlanVid:
    """OFPAT_SET_VLAN_VID."""

    vlan_vid: int


@dataclass(frozen=True, slots=True)
class ActionSetVlanPcp:
    """OFPAT_SET_VLAN_PCP."""

    vlan_pcp: int


@dataclass(frozen=True, slots=True)
class ActionStripVlan:
    """OFPAT_STRIP_VLAN."""


@dataclass(frozen=True, slots=True)
class ActionSetDlSrc:
    """OFPAT_SET_DL_SRC."""

    dl_addr: bytes


@dataclass(frozen=True, slots=True)
class ActionSetDlDst:
    """OFPAT_SET_DL_DST."""

    dl_addr: bytes


@dataclass(frozen=True, slots=True)
class ActionSetNwSrc:
    """OFPAT_SET_NW_SRC."""

    nw_addr: int


@dataclass(frozen=True, slots=True)
class ActionSetNwDst:
    """OFPAT_SET_NW_DST."""

    nw_addr: int


@dataclass(frozen=True, slots=True)
class ActionSetNwTos:
    """OFPAT_SET_NW_TOS."""

    nw_tos: int


@dataclass(frozen=True, slots=True)
class ActionSetTpSrc:
    """OFPAT_SET_TP_SRC."""

    tp_port: int


@dataclass(frozen=True, slots=True)
class ActionSetTpDst:
    """OFPAT_SET_TP_DST."""

    tp_port: int


@dataclass(frozen=True, slots=True)
class ActionEnqueue:
    """OFPAT_ENQUEUE."""

    port: int
    queue_id: int


@dataclass(frozen=True, slots=True)
class ActionVendor:
    """OFPAT_VENDOR; ``data`` is opaque."""

    vendor: int
    data: bytes = b""


Action10: TypeAlias = (
    ActionOutput10
    | ActionSetVlanVid
    | ActionSetVlanPcp
    | ActionStripVlan
    | ActionSetDlSrc
    | ActionSetDlDst
    | ActionSetNwSrc
    | ActionSetNwDst
    | ActionSetNwTos
    | ActionSetTpSrc
    | ActionSetTpDst
    | ActionEnqueue
    | ActionVendor
    | Tlv
)

MATCH10: Layout[Match10] = record(Match10, MATCH_FORMAT_10)
PORT10: Layout[Port10] = record(Port10, "H6s16sIIIIII")


def _action(make: Callable[..., Any], number: OFPAT) -> tuple[Any, Layout[Any]]:
    """Return the class of an action and its layout, which the table of actions has."""
    return make, record(make, ACTIONS_10[number].body_format())


ACTIONS10: Layout[tuple[Action10, ...]] = tlvs(
    {
        OFPAT.OUTPUT: _action(ActionOutput10, OFPAT.OUTPUT),
        OFPAT.SET_VLAN_VID: _action(ActionSetVlanVid, OFPAT.SET_VLAN_VID),
        OFPAT.SET_VLAN_PCP: _action(ActionSetVlanPcp, OFPAT.SET_VLAN_PCP),
        OFPAT.STRIP_VLAN: _action(ActionStripVlan, OFPAT.STRIP_VLAN),
        OFPAT.SET_DL_SRC: _action(ActionSetDlSrc, OFPAT.SET_DL_SRC),
        OFPAT.SET_DL_DST: _action(ActionSetDlDst, OFPAT.SET_DL_DST),
        OFPAT.SET_NW_SRC: _action(ActionSetNwSrc, OFPAT.SET_NW_SRC),
        OFPAT.SET_NW_DST: _action(ActionSetNwDst, OFPAT.SET_NW_DST),
        OFPAT.SET_NW_TOS: _action(ActionSetNwTos, OFPAT.SET_NW_TOS),
        OFPAT.SET_TP_SRC: _action(ActionSetTpSrc, OFPAT.SET_TP_SRC),
        OFPAT.SET_TP_DST: _action(ActionSetTpDst, OFPAT.SET_TP_DST),
        OFPAT.ENQUEUE: _action(ActionEnqueue, OFPAT.ENQUEUE),
        OFPAT.VENDOR: (ActionVendor, record(ActionVendor, "I", OPAQUE)),
    }
)
