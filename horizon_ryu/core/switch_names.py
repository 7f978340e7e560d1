"""Names of switches: which are allowed, and who has which; immutable, so that it can be published.

A name is never what could also be read as a dpid, and no word that stands in the place of one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from horizon_ryu.core.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from horizon_ryu.core.identifiers import DPID_GIVEN, dpid_from_text, dpid_to_text

SWITCH_NAME = "[A-Za-z][A-Za-z0-9._-]{0,31}"
"""Pattern of a name."""
MAX_NAMES = 10_000
RESERVED = frozenset(
    {"all", "any", "default", "history", "loads", "local", "names", "none", "physical", "timers"}
)
"""Words that stand where a dpid does, in paths or in documents."""
_NAME = re.compile(SWITCH_NAME)
_DPID = re.compile(DPID_GIVEN)


def check_switch_name(name: str, loc: tuple[str, ...] = ("name",)) -> str:
    """Return ``name`` if a switch may have it; InvalidInput."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(loc, "a name is a letter and up to 31 letters, digits and ._-")
    if _DPID.fullmatch(name):
        raise InvalidInput(loc, f"{name} reads as a dpid in hex digits")
    if name.lower() in RESERVED:
        raise InvalidInput(loc, f"{name} is a word of ours")
    return name


class SwitchNames:
    """Who has which name; each change makes another one."""

    def __init__(self, by_dpid: Mapping[int, str] = MappingProxyType({})) -> None:
        """``by_dpid`` has names that are allowed and all different."""
        self.by_dpid = MappingProxyType(dict(by_dpid))
        self._dpids = {name.lower(): dpid for dpid, name in by_dpid.items()}

    def dpid(self, name: str) -> int | None:
        """Return the switch of that name, in capitals or not; None if there is none."""
        return self._dpids.get(name.lower())

    def named(self, dpid: int, name: str) -> SwitchNames:
        """Return the names with one more; InvalidInput, Conflict, LimitExceeded."""
        check_switch_name(name)
        holder = self.dpid(name)
        if holder not in (None, dpid):
            raise Conflict(f"switch {dpid_to_text(holder or 0)} is named {name} already")
        if dpid not in self.by_dpid and len(self.by_dpid) >= MAX_NAMES:
            raise LimitExceeded(f"{MAX_NAMES} switches have names already")
        return SwitchNames({**self.by_dpid, dpid: name})

    def without(self, dpid: int) -> SwitchNames:
        """Return the names without that of a switch; NotFound if it has none."""
        if dpid not in self.by_dpid:
            raise NotFound(f"switch {dpid_to_text(dpid)} has no name")
        return SwitchNames({one: name for one, name in self.by_dpid.items() if one != dpid})


def names_to_json(names: SwitchNames) -> dict[str, str]:
    """Return the names as the store keeps them."""
    return {dpid_to_text(dpid): name for dpid, name in sorted(names.by_dpid.items())}


def names_from_json(saved: Any) -> SwitchNames:
    """Return the names that were kept; InvalidInput if they cannot be read."""
    names = SwitchNames()
    if saved is None:
        return names
    if not isinstance(saved, dict) or len(saved) > MAX_NAMES:
        raise InvalidInput(("switches", "names"), "is no list of names")
    found: dict[int, str] = {}
    for dpid, name in saved.items():
        found[dpid_from_text(dpid)] = check_switch_name(name if isinstance(name, str) else "")
    if len({name.lower() for name in found.values()}) != len(found):
        raise InvalidInput(("switches", "names"), "two switches have one name")
    return SwitchNames(found)
