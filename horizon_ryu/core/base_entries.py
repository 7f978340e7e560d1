"""Comparison of an entry that an application wants with the entries that a switch reports."""

from __future__ import annotations

from collections.abc import Iterable

from horizon_ryu.core.flows.reconcile import Canonical, agrees
from horizon_ryu.wire.messages import FlowEntry, FlowMod


def is_there(mod: FlowMod, entries: Iterable[FlowEntry], canonical: Canonical) -> bool:
    """Tell whether ``mod`` is among ``entries``, doing what it should and nothing else.

    ``canonical`` is the form in which the switch reports matches and actions.
    """
    place = canonical(mod.match, ())[0], mod.priority
    return any(
        (entry.match, entry.priority) == place and entry.exact and agrees(mod, entry, canonical)
        for entry in entries
    )
