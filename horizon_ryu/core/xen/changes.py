"""Changes of domains between two polls of a host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

Change = Literal[
    "defined", "started", "restarted", "stopped", "crashed", "paused", "resumed", "undefined"
]

UNKNOWN = "unknown"
"""The state of a domain that its host cannot read."""


@dataclass(frozen=True, slots=True)
class DomainView:
    """A domain as it was seen: ``number`` is its id, None while it does not run."""

    uuid: str
    name: str
    number: int | None
    state: str


@dataclass(frozen=True, slots=True)
class DomainChange:
    """What happened to a domain, and how it was seen last."""

    change: Change
    domain: DomainView


def remembered(before: Iterable[DomainView], now: Iterable[DomainView]) -> tuple[DomainView, ...]:
    """Return what is known after a look: a state that could not be read is what it was.

    Otherwise a domain that cannot be read for a while would seem to be paused, or to crash, anew.
    """
    old = _by_uuid(before)
    return tuple(_known(old.get(domain.uuid), domain) for domain in now)


def _known(old: DomainView | None, new: DomainView) -> DomainView:
    is_same_run = old is not None and old.number == new.number
    if old is not None and is_same_run and new.state == UNKNOWN:
        return replace(new, state=old.state)
    return new


def changes(before: Iterable[DomainView], now: Iterable[DomainView]) -> Iterator[DomainChange]:
    """Yield what happened to each domain from ``before`` to ``now``, by UUID.

    A domain that began and ended in between is not seen; one that ended and began anew has
    another id, and was restarted.
    """
    old = _by_uuid(before)
    new = _by_uuid(now)
    for uuid in sorted(old.keys() | new.keys()):
        yield from _changes_of(old.get(uuid), new.get(uuid))


def _by_uuid(domains: Iterable[DomainView]) -> Mapping[str, DomainView]:
    return {domain.uuid: domain for domain in domains}


def _changes_of(old: DomainView | None, new: DomainView | None) -> Iterator[DomainChange]:
    if new is None:
        if old is not None:
            if old.number is not None:
                yield DomainChange("stopped", _ended(old))
            yield DomainChange("undefined", _ended(old))
        return
    if old is None:
        yield DomainChange("defined", new)
    yield from _of_running(old, new)


def _of_running(old: DomainView | None, new: DomainView) -> Iterator[DomainChange]:
    was = None if old is None else old.number
    if was is None and new.number is not None:
        yield DomainChange("started", new)
    elif was is not None and new.number is None:
        yield DomainChange("crashed" if new.state == "crashed" else "stopped", new)
        return
    elif was != new.number:
        yield DomainChange("restarted", new)
    old_state = "running" if old is None or was != new.number else old.state
    if new.number is not None and old_state != new.state:
        yield from _of_state(old_state, new)


def _of_state(old_state: str, new: DomainView) -> Iterator[DomainChange]:
    if new.state == "paused":
        yield DomainChange("paused", new)
    elif new.state == "crashed":
        yield DomainChange("crashed", new)
    elif new.state == "running" and old_state == "paused":
        yield DomainChange("resumed", new)


def _ended(domain: DomainView) -> DomainView:
    return DomainView(domain.uuid, domain.name, None, "shutoff")
