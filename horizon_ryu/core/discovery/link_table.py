"""The links that probes have proven, when each was last heard, and which ports are shared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from horizon_ryu.core.topology import Link, PortRef

SETTLED_AFTER = 1.0
"""Seconds of silence after which a link that is contradicted counts as moved, not as shared."""

QUARANTINE = 3.0
"""Seconds without new evidence after which a shared port is believed again, at least."""


class LinkTable:
    """Directed links; a source port has at most one, and so has a destination port."""

    def __init__(self) -> None:
        self._links: dict[PortRef, Link] = {}
        self._arriving: dict[PortRef, Link] = {}
        self._heard: dict[PortRef, float] = {}
        """When each link was heard last, by source port."""
        self._shared_until: dict[PortRef, float] = {}
        self._doubted: dict[PortRef, float] = {}
        """When each link was found that was believed while a switch was joining, by source."""

    @property
    def links(self) -> Mapping[PortRef, Link]:
        """The links by source port, live and read-only."""
        return MappingProxyType(self._links)

    def certain(self, ref: PortRef) -> Link | None:
        """Return the link that leaves a port, if one does and is not doubted."""
        return None if ref in self._doubted else self._links.get(ref)

    def __contains__(self, link: Link) -> bool:
        return self._links.get(link.src) == link

    def join(self, one: PortRef, other: PortRef) -> bool:
        """Tell whether a link leads from either port to the other."""
        return Link(one, other) in self or Link(other, one) in self

    def touches(self, ref: PortRef) -> bool:
        """Tell whether a link leaves or arrives at ``ref``."""
        return ref in self._links or ref in self._arriving

    def refresh(self, link: Link, now: float) -> None:
        """Note that a known link was heard."""
        self._heard[link.src] = now

    def contradicted_by(self, link: Link, now: float) -> list[PortRef]:
        """Return the other ports that make an end of ``link`` ambiguous; empty if none does.

        A link that fell silent is no contradiction: its cable was moved. Nor is one that is
        doubted: the switch that was joining is where it goes.
        """
        rivals = (self._links.get(link.src), self._arriving.get(link.dst))
        return [
            end
            for rival in rivals
            if rival is not None and rival != link and rival.src not in self._doubted
            and now - self._heard[rival.src] < SETTLED_AFTER
            for end in (rival.src, rival.dst)
        ]  # fmt: skip

    def add(self, link: Link, now: float) -> list[Link]:
        """Add ``link`` and return the silent ones that it replaces."""
        replaced = [
            rival
            for rival in (self._links.get(link.src), self._arriving.get(link.dst))
            if rival is not None
        ]
        for rival in replaced:
            self._drop(rival)
        self._links[link.src] = self._arriving[link.dst] = link
        self._heard[link.src] = now
        return list(dict.fromkeys(replaced))

    def doubt(self, link: Link, now: float) -> None:
        """Believe a link that was just added until something contradicts it."""
        self._doubted[link.src] = now

    def doubted_since(self, link: Link) -> float | None:
        """Return when a link was found that is doubted; None for all others."""
        return self._doubted.get(link.src)

    def trust(self, link: Link) -> None:
        """Doubt a link no more: it was proven again."""
        self._doubted.pop(link.src, None)

    def remove_at(self, ref: PortRef) -> list[Link]:
        """Remove what leaves and what arrives at ``ref``; return it."""
        gone = [one for one in (self._links.get(ref), self._arriving.get(ref)) if one is not None]
        for link in gone:
            self._drop(link)
        return list(dict.fromkeys(gone))

    def idle(self, now: float, max_idle: float, lost: Callable[[PortRef], bool]) -> list[Link]:
        """Remove and return the links unheard for ``max_idle`` s whose source is also ``lost``."""
        silent = [(heard, src) for src, heard in self._heard.items() if now - heard >= max_idle]
        gone = [self._links[src] for _, src in sorted(silent) if lost(src)]
        for link in gone:
            self._drop(link)
        return gone

    def share(self, refs: Iterable[PortRef], now: float, seconds: float) -> list[Link]:
        """Put ``refs`` in quarantine for ``seconds`` and remove their links; return these.

        Give more than the time between two probes of a port: whoever is believed again before
        the next evidence makes a link that comes and goes with every round.
        """
        gone: list[Link] = []
        for ref in refs:
            self._shared_until[ref] = now + max(QUARANTINE, seconds)
            gone += self.remove_at(ref)
        return gone

    def is_shared(self, ref: PortRef, now: float) -> bool:
        """Tell whether ``ref`` is in quarantine."""
        until = self._shared_until.get(ref)
        if until is not None and until <= now:
            del self._shared_until[ref]
        return ref in self._shared_until

    def clear_shared(self, ref: PortRef) -> None:
        """Believe ``ref`` again: it went down, or its switch left."""
        self._shared_until.pop(ref, None)

    def _drop(self, link: Link) -> None:
        if self._links.get(link.src) == link:
            del self._links[link.src]
            del self._heard[link.src]
            self._doubted.pop(link.src, None)
        if self._arriving.get(link.dst) == link:
            del self._arriving[link.dst]
