"""Header of the frames that actions of OpenFlow 1.3 are carried out on, as far as it is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from horizon_ryu.wire.of13.structures import (
    Action13,
    ActionPopMpls,
    ActionPopPbb,
    ActionPopVlan,
    ActionPushMpls,
    ActionPushPbb,
    ActionPushVlan,
)
from horizon_ryu.wire.ternary import HEADER_13, HeaderField, TernaryMatch

VLAN, PCP, TYPE = HEADER_13["vlan_vid"], HEADER_13["vlan_pcp"], HEADER_13["eth_type"]
PRESENT = 0x1000
"""The bit of ``vlan_vid`` that frames with a tag have."""
_MPLS = (HEADER_13["mpls_label"], HEADER_13["mpls_tc"], HEADER_13["mpls_bos"])
_OUTSIDE = frozenset(
    HEADER_13[name] for name in ("in_port", "in_phy_port", "metadata", "tunnel_id")
)
"""Fields that no tag and no label hides."""
_LINK = _OUTSIDE | {HEADER_13["eth_src"], HEADER_13["eth_dst"], VLAN, PCP}
_BEHIND_MPLS = frozenset(HEADER_13.fields.values()) - _LINK - {TYPE}
_BEHIND_PBB = frozenset(HEADER_13.fields.values()) - _OUTSIDE


class HeaderOf:
    """What is known of the headers of the frames that actions are carried out on."""

    def __init__(self, match: TernaryMatch) -> None:
        self.match = match
        self.changes: dict[HeaderField, int | None] = {}

    def known(self, place: HeaderField) -> int | None:
        """Return the value of a field; None if it may have several."""
        if place in self.changes:
            return self.changes[place]
        return place.of(self.match.value) if place.of(self.match.mask) == place.ones else None

    def is_tagged(self) -> bool | None:
        """Tell whether the frames have a VLAN tag; None if they may or may not."""
        if VLAN in self.changes:
            number = self.changes[VLAN]
            return None if number is None else bool(number & PRESENT)
        if not VLAN.of(self.match.mask) & PRESENT:
            return None
        return bool(VLAN.of(self.match.value) & PRESENT)

    def unknown(self, places: Iterable[HeaderField]) -> None:
        """Note that fields may have any value from now on."""
        self.changes |= dict.fromkeys(places)

    # ---- what actions do

    def push_vlan(self, action: ActionPushVlan) -> None:
        """Take a new tag: it has the values of the one below (1.3.5 section 5.10.1), else 0."""
        tagged = self.is_tagged()
        if tagged is False:
            self.changes |= {VLAN: PRESENT, PCP: 0}
        else:
            self.changes |= {VLAN: self.known(VLAN) if tagged else None, PCP: self.known(PCP)}
            if tagged is None:
                self.changes[PCP] = None
            # Where a switch reads one tag only, what is behind it is another tag now.
            self.changes[TYPE] = None

    def pop_vlan(self) -> None:
        """Lose the tag; frames with two are let in only where tags tell nothing apart."""
        self.changes |= {VLAN: 0, PCP: 0}

    def set_field(self, place: HeaderField, value: int) -> None:
        """Have a value."""
        self.changes[place] = value

    def push_mpls(self, action: ActionPushMpls) -> None:
        """Have a label in front of what was there."""
        self.unknown(_MPLS)
        self.changes[TYPE] = action.ethertype

    def pop_mpls(self, action: ActionPopMpls) -> None:
        """Have what was behind a label: anything."""
        self.unknown(_BEHIND_MPLS)
        self.changes[TYPE] = action.ethertype

    def change_pbb(self) -> None:
        """Have another frame around the one that was there, or within it: anything."""
        self.unknown(_BEHIND_PBB)


CHANGERS: Mapping[type, Callable[[HeaderOf, Action13], None]] = MappingProxyType(
    {
        ActionPushVlan: HeaderOf.push_vlan,  # type: ignore[dict-item]
        ActionPopVlan: lambda header, _: header.pop_vlan(),
        ActionPushMpls: HeaderOf.push_mpls,  # type: ignore[dict-item]
        ActionPopMpls: HeaderOf.pop_mpls,  # type: ignore[dict-item]
        ActionPushPbb: lambda header, _: header.change_pbb(),
        ActionPopPbb: lambda header, _: header.change_pbb(),
    }
)
"""What each kind of action does to a header."""
