"""Kept timers: those of an application over a restart, under a name of their own in the store."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any, Protocol, TypeVar

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.timers import Timers

SomeTimers = TypeVar("SomeTimers", bound=Timers)


class SettingStore(Protocol):
    """The part of the store that is used."""

    def get_setting(self, name: str) -> Any:
        """Return a JSON value; None if it was never set."""

    def set_setting(self, name: str, value: Any) -> None:
        """Keep a JSON value."""


def kept_timers(store: SettingStore, name: str, configured: SomeTimers) -> SomeTimers:
    """Return the timers that were kept under ``name``; of one that was not, what is configured.

    A timer that this version does not know is passed over; InvalidInput for one that is none.
    """
    saved = store.get_setting(name)
    if not isinstance(saved, dict):
        return configured
    known = {item.name for item in fields(configured)}
    try:
        return replace(configured, **{key: saved[key] for key in known & set(saved)})
    except (InvalidInput, TypeError) as error:
        raise InvalidInput((name,), f"the store has a timer that is none: {error}") from error


def keep_timers(store: SettingStore, name: str, timers: Timers) -> None:
    """Keep ``timers`` under ``name``; StoreError."""
    store.set_setting(name, asdict(timers))
