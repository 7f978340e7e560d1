"""Changes that are taken back, the last one first, unless all of them succeed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress

from xen_bridge.errors import BridgeError


class Undoing(ExitStack):
    """A block that takes back what was noted, unless :meth:`settle` was reached."""

    def note(self, undo: Callable[..., None], *args: object) -> None:
        """Note what takes back the change that was just made."""
        self.callback(_quietly, undo, *args)

    def settle(self) -> None:
        """Take nothing back: it is as it was asked for."""
        self.pop_all()


def _quietly(undo: Callable[..., None], *args: object) -> None:
    """Take one change back; what prevents it must not hide why that is needed."""
    with suppress(BridgeError):
        undo(*args)
