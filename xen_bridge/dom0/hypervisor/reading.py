"""A reading of one domain: what cannot be told of it is unknown, and the rest is told.

Domains come and go, and hang, while a host is read. One of them must not hide all others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from xen_bridge.dom0.hypervisor.libvirt_errors import binding, ours
from xen_bridge.errors import BridgeError, HypervisorAway, SubjectNotFound

Value = TypeVar("Value")
MAX_REASON = 200


class CarefulReading:
    """Reads the values of one domain, one after the other."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        """The names of what could not be read."""
        self.problems: list[str] = []
        """Why."""
        self.was_missed = False
        """Whether it was said that there is no such domain."""

    def of(self, names: tuple[str, ...], read: Callable[[], Value], otherwise: Value) -> Value:
        """Return what ``read`` returns; if it fails, ``names`` are unknown: ``otherwise``.

        Raises HypervisorAway: who is not there can tell of no domain.
        """
        try:
            return read()
        except binding().libvirtError as error:
            meant = ours(error)
            if isinstance(meant, HypervisorAway):
                raise meant from error
            self.was_missed |= isinstance(meant, SubjectNotFound)
            self._note(names, meant)
        except (BridgeError, ValueError, LookupError) as error:
            # What libvirt says is not UTF-8, no XML, no number, or beyond what a message carries.
            self._note(names, error)
        return otherwise

    def miss(self, name: str) -> None:
        """Note that ``name`` is unknown because what it comes from is."""
        if name not in self.unknown:
            self.unknown.append(name)

    def _note(self, names: tuple[str, ...], error: Exception) -> None:
        for name in names:
            self.miss(name)
        reason = f"{', '.join(names)}: {error}"[:MAX_REASON]
        if reason not in self.problems:
            self.problems.append(reason)
