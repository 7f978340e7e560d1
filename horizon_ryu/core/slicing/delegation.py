"""Delegation of flowspace: what of its own a slice may pass on to slices that it makes.

A rule that is passed on lies within one rule of its maker that has the permission ``d``, and
counts before that one: what was given away is not its own any more. Whatever else marks, bounds
or frees the maker, its offspring has no more of.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.field_values import Loc
from horizon_ryu.core.slicing.limits import SliceLimits
from horizon_ryu.core.slicing.rule import FlowspaceRule, Permission
from horizon_ryu.core.slicing.slice_settings import SliceSettings

_KINDS = tuple(one.name for one in fields(SliceLimits))


def lies_within(part: FlowspaceRule, whole: FlowspaceRule) -> bool:
    """Tell whether every frame of a rule is known to be one of another, on the same switches."""
    if whole.dpids is not None and (part.dpids is None or not part.dpids <= whole.dpids):
        return False
    return all(
        field in part.match and part.match[field].is_within(values)
        for field, values in whole.match.items()
    )


def passed_on(part: FlowspaceRule, whole: FlowspaceRule, loc: Loc) -> FlowspaceRule:
    """Return a rule as part of another; InvalidInput if that may not be."""
    if not whole.permissions & Permission.DELEGATE:
        raise InvalidInput(loc, f"rule {whole.rule_id} has no permission d: nothing is passed on")
    if not lies_within(part, whole):
        raise InvalidInput(loc, f"takes frames that rule {whole.rule_id} does not")
    if part.permissions & ~whole.permissions:
        raise InvalidInput((*loc, "permissions"), f"are more than rule {whole.rule_id} has")
    if not part.queues <= whole.queues:
        raise InvalidInput((*loc, "queues"), f"are not all among those of rule {whole.rule_id}")
    forced = part.force_queue if part.force_queue is not None else whole.force_queue
    if forced is not None and forced != whole.force_queue and forced not in whole.queues:
        raise InvalidInput((*loc, "force_queue"), f"is not among those of rule {whole.rule_id}")
    return replace(part, force_queue=forced, above=whole.place_above)


def first_that_passes_on(
    part: FlowspaceRule, rules: Iterable[FlowspaceRule], loc: Loc
) -> FlowspaceRule:
    """Return a rule as part of the first of its maker's that it can be; InvalidInput if of none."""
    own = sorted(rules, key=lambda rule: rule.order)
    for whole in own:
        if whole.permissions & Permission.DELEGATE and lies_within(part, whole):
            return passed_on(part, whole, loc)
    raise InvalidInput(loc, "lies within no rule that its maker may pass on (permission d)")


def check_settings(
    made: SliceSettings, others: Iterable[SliceSettings], maker: SliceSettings, loc: Loc = ()
) -> None:
    """Refuse, by InvalidInput, what a slice may not give to one that it makes.

    ``others`` are those that it has made besides: together they have no more than it has.
    """
    if made.bandwidth != maker.bandwidth:
        raise InvalidInput((*loc, "bandwidth"), "is that of the slice that makes it")
    if not made.allows_vendor <= maker.allows_vendor:
        raise InvalidInput((*loc, "allows_vendor"), "is more than its maker may")
    for name in ("allows_config", "native_flood"):
        if getattr(made, name) and not getattr(maker, name):
            raise InvalidInput((*loc, name), "is more than its maker may")
    family = (made, *others)
    for kind, most, place in _limits(maker):
        given = sum(_given(one, kind, place[1:]) for one in family)
        if given > most:
            why = f"all that its maker makes have at most {most:g} together"
            if not math.isfinite(given):
                why = f"must be named: its maker has at most {most:g}"
            raise InvalidInput((*loc, "limits", *place[:1], kind), why)


def _limits(maker: SliceSettings) -> Iterator[tuple[str, float, tuple[str | int, ...]]]:
    """Yield each limit of a slice: its kind, how much, and where it stands."""
    for kind in _KINDS:
        most = getattr(maker.limits, kind)
        if most is not None:
            yield kind, most, ()
        for dpid, limits in maker.per_switch.items():
            own = getattr(limits, kind)
            if own is not None:
                yield kind, own, ("per_switch", dpid)


def _given(settings: SliceSettings, kind: str, dpid: tuple[str | int, ...]) -> float:
    """Return what a slice may at most, on one switch or on all of them."""
    limits: list[SliceLimits] = [settings.limits]
    limits += [settings.per_switch[int(one)] for one in dpid if int(one) in settings.per_switch]
    found = [getattr(one, kind) for one in limits]
    return min((one for one in found if one is not None), default=math.inf)
