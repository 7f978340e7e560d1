"""Comparison of an entry that an application wants with the entries that a switch reports."""

from __future__ import annotations

from collections.abc import Iterable

from horizon_ryu.core.flows.reconcile import AsReported, agrees
from horizon_ryu.wire.messages import FlowEntry, FlowMod


def is_there(mod: FlowMod, entries: Iterable[FlowEntry], as_reported: AsReported) -> bool:
    """Tell whether ``mod`` is among ``entries``, doing what it should and nothing else.

    ``as_reported`` is the form in which the switch reports matches and actions.
    """
    place = as_reported(mod.match, ())[0], mod.priority
    return any(
        (entry.match, entry.priority) == place and entry.exact and agrees(mod, entry, as_reported)
        for entry in entries
    )
