"""Map of transaction ids: whose message each one is that was sent to the switch.

The switch sees ids of ours only, so its answers and errors find the tenant that asked, and tell it
its own id and its own message.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

FIRST_XID = 256
"""The slicer's own messages have the ids below, as FlowVisor's do."""
MAX_XID = 0xFFFF_FFFF
CAPACITY = 16384


class Asked(NamedTuple):
    """A tenant's message that went to the switch; ``context`` is what its answer is read with."""

    tenant: Any
    xid: int
    message: bytes
    context: Any = None


class XidMap:
    """The last messages that tenants have sent to one switch; the oldest are forgotten."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._asked: OrderedDict[int, Asked] = OrderedDict()
        self._last = FIRST_XID - 1
        self.forgotten = 0
        """How many were forgotten before they were answered or grew old: told, never silent."""

    def translate(self, asked: Asked) -> int:
        """Return the id under which a message goes to the switch."""
        self._last = self._last + 1 if self._last < MAX_XID else FIRST_XID
        self._asked[self._last] = asked
        if len(self._asked) > self._capacity:
            self._asked.popitem(last=False)
            self.forgotten += 1
        return self._last

    def find(self, xid: int) -> Asked | None:
        """Return whose message an id stands for; None if it is not known."""
        return self._asked.get(xid)

    def take(self, xid: int) -> Asked | None:
        """Return it, and forget it: its last answer has come."""
        return self._asked.pop(xid, None)

    def forget(self, tenant: Any) -> None:
        """Forget the messages of a tenant that has left."""
        for xid in [xid for xid, asked in self._asked.items() if asked.tenant is tenant]:
            del self._asked[xid]
