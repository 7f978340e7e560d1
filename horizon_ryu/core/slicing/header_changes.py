"""Changed headers: whether frames that a tenant has changed are its own frames still.

Changes are taken together: what several actions make of a header is what counts. A frame of the
slice keeps what is not changed, so a change that no rule looks at is always harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.region import Region, TooManyEntries
from horizon_ryu.wire.ternary import HeaderField, TernaryMatch

Changes: TypeAlias = Mapping[HeaderField, int | None]
"""By the field, the value that it gets; None if it may get any."""

_MOST_PARTS = 1024
"""Parts of a region that are looked at one by one; a change of more is refused."""


def changed_by(match: TernaryMatch, changes: Changes) -> TernaryMatch:
    """Return what takes the frames of a match once they have been changed."""
    value, mask = match
    for field, number in changes.items():
        value &= ~field.mask
        mask &= ~field.mask
        if number is not None:
            value |= number << field.shift
            mask |= field.mask
    return TernaryMatch(value, mask)


def stays_own(
    flowspace: SwitchFlowspace, slice_name: str, match: TernaryMatch, changes: Changes
) -> bool:
    """Tell whether a slice's own frames that a match takes are its own when they are changed."""
    return not changes or all(
        _stays(flowspace, slice_name, number, match, changes)
        for number in flowspace.regions(slice_name, match)
    )


def _stays(
    flowspace: SwitchFlowspace, name: str, number: int, match: TernaryMatch, changes: Changes
) -> bool:
    """Tell it of the frames of one region."""
    region = flowspace.region(number)
    if all(_takes(region, field, changes) for field in changes):
        return not _enters_others(flowspace, number, match, changes)
    try:
        parts = region.common(match, _MOST_PARTS)
    except TooManyEntries:
        return False
    return all(_is_own(flowspace, name, changed_by(part, changes)) for part in parts)


def _takes(region: Region, field: HeaderField, changes: Changes) -> bool:
    """Tell whether a region takes what a field is changed to."""
    value = changes[field]
    return all(value is not None and value in values for own, values in region.sets if own == field)


def _enters_others(
    flowspace: SwitchFlowspace, number: int, match: TernaryMatch, changes: Changes
) -> bool:
    """Tell whether frames that stay in a region may come into one of others that is before it.

    They were not in that one, so they come in by a field that is changed, or not at all.
    """
    mine = dict(flowspace.region(number).sets)
    for other in flowspace.others_before(number, changed_by(match, changes)):
        sets = flowspace.region(other).sets
        if any(field in changes for field, _ in sets) and all(
            field in changes or field not in mine or values.meets(mine[field])
            for field, values in sets
        ):
            return True
    return False


def _is_own(flowspace: SwitchFlowspace, name: str, part: TernaryMatch) -> bool:
    """Tell whether all that a match takes is known to be a slice's own."""
    return any(
        flowspace.region(number).covers(part)
        and next(flowspace.others_before(number, part), None) is None
        for number in flowspace.regions(name, part)
    )
