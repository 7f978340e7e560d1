"""Capacity: how many connections the controller takes, as configured and as descriptors allow.

OpenFlow and REST have shares of their own, so that who fills one does not shut the other.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from xen_bridge.serving.descriptors import for_connections

LOG = logging.getLogger(__name__)

REST_CONNECTIONS = 512


@dataclass(frozen=True)
class Capacity:
    """Connections at once of each server, in all and of one address."""

    openflow: int
    rest: int

    @property
    def rest_per_address(self) -> int:
        """Half of them: many clients may come by one proxy."""
        return max(self.rest // 2, 1)

    @property
    def openflow_per_address(self) -> int:
        """At most three quarters, whatever is configured: nobody takes all."""
        return max(self.openflow * 3 // 4, 1)


def capacity(descriptors: int, openflow: int) -> Capacity:
    """Share out ``descriptors``; ``openflow`` is how many switches are wanted at most.

    Logged if they do not suffice.
    """
    available = for_connections(descriptors)
    rest = max(min(REST_CONNECTIONS, available // 4), 1)
    found = Capacity(max(min(openflow, available - rest), 1), rest)
    if found.openflow < openflow:
        LOG.warning(
            "only %d open files are allowed (ulimit -n): at most %d OpenFlow connections, not %d, "
            "and %d of REST",
            descriptors,
            found.openflow,
            openflow,
            rest,
        )
    return found
