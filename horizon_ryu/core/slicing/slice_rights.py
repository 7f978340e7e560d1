"""Rights of a slice's own token: what it may ask for, and change, of which slices.

A pilot may do everything. A slice sees itself and what it has made; of itself it sets whom to ask,
its controllers and its description; it makes slices if a rule of its own has the permission ``d``,
and does with those as it likes, within what is its own (see
:mod:`horizon_ryu.core.slicing.delegation`). Of every other slice it is not even told whether there
is one.
"""

from __future__ import annotations

from collections.abc import Iterable

from horizon_ryu.core.errors import NotYours
from horizon_ryu.core.slicing.rule import Permission
from horizon_ryu.core.slicing.slice_registry import SliceRegistry

OWN_FIELDS = frozenset({"contact", "controllers", "description"})
"""What a slice may set of itself."""


def sees(registry: SliceRegistry, by: str | None, name: str) -> bool:
    """Tell whether ``by``, None for a pilot, may see a slice: itself and all that come from it."""
    return by is None or by in registry.chain(name)


def check_sight(registry: SliceRegistry, by: str | None, name: str) -> None:
    """Refuse, by NotYours, what is about a slice of somebody else."""
    if not sees(registry, by, name):
        raise NotYours(f"the token is of the slice {by}, and this is none that it has made")


def check_patch(registry: SliceRegistry, by: str | None, name: str, fields: Iterable[str]) -> None:
    """Refuse, by NotYours, what a slice may not set of itself or of another."""
    check_sight(registry, by, name)
    if by == name:
        for field in sorted(set(fields) - OWN_FIELDS):
            allowed = ", ".join(sorted(OWN_FIELDS))
            raise NotYours(f"a slice may not set its own {field}, only {allowed}")


def check_rule_change(registry: SliceRegistry, by: str | None, name: str) -> None:
    """Refuse, by NotYours, to change the flowspace of a slice, or to delete it."""
    check_sight(registry, by, name)
    if by == name:
        raise NotYours("a slice may not change its own flowspace, nor delete itself")


def check_making(registry: SliceRegistry, by: str | None) -> None:
    """Refuse, by NotYours, that a slice makes others if it may not pass anything on."""
    if by is None:
        return
    maker = registry.slices.get(by)
    if maker is None or not any(rule.permissions & Permission.DELEGATE for rule in maker.rules):
        raise NotYours(f"the slice {by} has no rule with the permission d: it makes no slices")
