"""Update order: the waves in which hops change, from the destination backwards, ingress last."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from horizon_ryu.core.flows.entries import HopKey, hops_by_key
from horizon_ryu.core.flows.flow import TaggedHop
from horizon_ryu.core.flows.update_check import Hops, UpdateCheck, Wave, Waypoints


class Order(NamedTuple):
    """The hops that change, by their frames: ``added`` all at once, since no packet can reach
    them; ``replaced`` in waves; then ``commit``, which turns the traffic (None: nothing turns).
    """

    added: tuple[HopKey, ...]
    replaced: tuple[tuple[HopKey, ...], ...]
    commit: HopKey | None


@lru_cache(maxsize=1024)
def order_of(old: Hops, new: Hops, waypoints: tuple[Waypoints, ...] = ()) -> Order | None:
    """Return the order that leads from ``old`` to ``new``; None if no packet-safe one is known.

    ``waypoints`` are the lists that both paths honour, and every packet in between must. As many
    replacements as can are made together. Report 3.2.1; why it is right: research, 8.2.
    """
    before, after = hops_by_key(old), hops_by_key(new)
    added = [key for key in after if key not in before]
    changed = [key for key, hop in after.items() if key in before and before[key] != hop]
    commit = _commit(next(iter(after)), added, changed)
    rest = [key for key in changed if key != commit]
    check = UpdateCheck(old, new, before, after, waypoints)
    first = tuple(key for key in added if key != commit)
    planned = _Trial(check, before, after, first, commit)
    groups = planned.group(list(reversed(rest)))
    return None if groups is None else Order(planned.added, groups, commit)


def _commit(ingress: HopKey, added: Sequence[HopKey], changed: Sequence[HopKey]) -> HopKey | None:
    """Return the hop that turns the traffic: the first that differs, seen from the source."""
    if ingress in added:
        return ingress
    return changed[0] if changed else None


class _Trial:
    """Tries how many replacements can share a wave."""

    def __init__(
        self,
        check: UpdateCheck,
        before: Wave,
        after: Wave,
        added: tuple[HopKey, ...],
        commit: HopKey | None,
    ) -> None:
        self._check = check
        self._before = before
        self._after = after
        self.added = added
        self._commit = commit

    def group(self, keys: list[HopKey]) -> tuple[tuple[HopKey, ...], ...] | None:
        """Return ``keys``, in their order, in as few waves as are found safe; None if none is."""
        singles = [(key,) for key in keys]
        if not self._is_safe(singles):
            return None
        groups: list[tuple[HopKey, ...]] = []
        for place, key in enumerate(keys):
            joined = [*groups[:-1], (*groups[-1], key)] if groups else []
            if joined and self._is_safe([*joined, *singles[place + 1 :]]):
                groups = joined
            else:
                groups.append((key,))
        return tuple(groups)

    def _is_safe(self, groups: Sequence[tuple[HopKey, ...]]) -> bool:
        """Tell whether packets survive the way there, and the way back from before the commit."""
        start = [self._wave(self.added)]
        replacing = [self._wave(group) for group in groups]
        last = [self._wave((self._commit,))] if self._commit is not None else []
        undoing: list[Wave] = [
            {key: self._before[key] for key in group} for group in reversed(groups)
        ]
        there, back = [*start, *replacing, *last], [*start, *replacing, *undoing]
        return not self._check.violation(there) and not (groups and self._check.violation(back))

    def _wave(self, keys: Sequence[HopKey]) -> dict[HopKey, TaggedHop]:
        return {key: self._after[key] for key in keys}
