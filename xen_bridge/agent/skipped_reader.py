"""Skipped reader: what a router's kernel does that Domain 0 would not, as its Hello tells it."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from xen_bridge.errors import BridgeError
from xen_bridge.planes.skipped_follower import SkippedFollower
from xen_bridge.protocol.documents.hello import KernelKind

LOG = logging.getLogger(__name__)


class SkippedReader:
    """Reads it for the interfaces that are to be separated, which may change."""

    def __init__(self) -> None:
        self._names: frozenset[str] = frozenset()
        self._follower: SkippedFollower | None = None
        self._found: tuple[KernelKind, ...] = ()

    def read(self, names: Iterable[str]) -> tuple[KernelKind, ...]:
        """Return what concerns the interfaces ``names``; waits for nothing.

        What cannot be read is told as such: nobody knows then what would be skipped.
        """
        wanted = frozenset(names)
        if self._follower is None or wanted != self._names:
            self.close()
            self._names, self._follower = wanted, SkippedFollower(wanted)
        try:
            found = self._follower.read(0.0)
        except BridgeError as error:
            LOG.warning("what this kernel does with packets cannot be read: %s", error)
            self.close()
            return (KernelKind("unreadable", "its agent's log says why"),)
        if found is not None:
            self._found = tuple(KernelKind(one.kind, one.evidence) for one in found)
        return self._found

    def close(self) -> None:
        """End it; another read begins anew."""
        if self._follower is not None:
            self._follower.close()
            self._follower = None
