"""Rollback: changes that are taken back, the last one first, unless all of them succeed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress

from xen_bridge.errors import BridgeError


class Rollback(ExitStack):
    """A block that takes back what was added, unless :meth:`commit` was reached."""

    def add(self, undo: Callable[..., None], *args: object) -> None:
        """Add what takes back the change that was just made."""
        self.callback(_quietly, undo, *args)

    def commit(self) -> None:
        """Take nothing back: it is as it was asked for."""
        self.pop_all()


def _quietly(undo: Callable[..., None], *args: object) -> None:
    """Take one change back; what prevents it must not hide why that is needed."""
    with suppress(BridgeError):
        undo(*args)
