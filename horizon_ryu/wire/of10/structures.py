"""Match, actions and ports of OpenFlow 1.0 (sections 5.2.1 to 5.2.4), as they are on the wire.

Nothing is interpreted: a match keeps its wildcards, an action the numbers of its ports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

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

MATCH10: Layout[Match10] = record(Match10, "IH6s6sHBxHBB2xIIHH")
PORT10: Layout[Port10] = record(Port10, "H6s16sIIIIII")

ACTIONS10: Layout[tuple[Action10, ...]] = tlvs(
    {
        OFPAT.OUTPUT: (ActionOutput10, record(ActionOutput10, "HH")),
        OFPAT.SET_VLAN_VID: (ActionSetVlanVid, record(ActionSetVlanVid, "H2x")),
        OFPAT.SET_VLAN_PCP: (ActionSetVlanPcp, record(ActionSetVlanPcp, "B3x")),
        OFPAT.STRIP_VLAN: (ActionStripVlan, record(ActionStripVlan, "4x")),
        OFPAT.SET_DL_SRC: (ActionSetDlSrc, record(ActionSetDlSrc, "6s6x")),
        OFPAT.SET_DL_DST: (ActionSetDlDst, record(ActionSetDlDst, "6s6x")),
        OFPAT.SET_NW_SRC: (ActionSetNwSrc, record(ActionSetNwSrc, "I")),
        OFPAT.SET_NW_DST: (ActionSetNwDst, record(ActionSetNwDst, "I")),
        OFPAT.SET_NW_TOS: (ActionSetNwTos, record(ActionSetNwTos, "B3x")),
        OFPAT.SET_TP_SRC: (ActionSetTpSrc, record(ActionSetTpSrc, "H2x")),
        OFPAT.SET_TP_DST: (ActionSetTpDst, record(ActionSetTpDst, "H2x")),
        OFPAT.ENQUEUE: (ActionEnqueue, record(ActionEnqueue, "H6xI")),
        OFPAT.VENDOR: (ActionVendor, record(ActionVendor, "I", OPAQUE)),
    }
)
