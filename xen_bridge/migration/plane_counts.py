"""Counts of a data plane in a migration: how many packets came to be passed on, and were not.

In each Domain 0 chains count the packets that its port devices give to the router's table, and
those that have found their way out of it. The difference is what was dropped in between: for want
of a route, by somebody's filter, or as too long for a link. Packets whose time to live is over are
not meant to pass, and do not count; what is dropped behind the route is not seen.
"""

from __future__ import annotations

from contextlib import suppress

from xen_bridge.errors import BridgeError
from xen_bridge.migration.plane_chains import counted, list_with_nft, load_with_nft, removal
from xen_bridge.planes.data_plane import DataPlanePlan

_READINGS = 8
"""A packet that is under way while one reading lasts is not so in all of them."""


def counting(migration: str, plan: DataPlanePlan) -> str:
    """Return what counts at the ports of a plan, from zero on.

    The counter of what leaves is told first, so that a reading never takes one that has passed
    for one that came later.
    """
    ports = "".join(
        f"  chain in_{number} {{\n"
        f"    type filter hook ingress device {device} priority 10; policy accept;\n"
        f"    meta mark {plan.table} ip ttl > 1 counter name came\n"
        f"    meta mark {plan.table} ip6 hoplimit > 1 counter name came\n  }}\n"
        for number, device in enumerate(plan.devices)
    )
    name = _table(migration)
    return (
        f"{removal(name, 'inet')}table inet {name} {{\n"
        "  counter passed { }\n  counter came { }\n"
        f"{ports}"
        "  chain passed {\n    type filter hook forward priority 300; policy accept;\n"
        f"    meta mark {plan.table} counter name passed\n  }}\n}}\n"
    )


def difference(told: bytes) -> int:
    """Return how many packets came and did not pass, as ``nft -j`` lists both counters.

    Raises BridgeError where it does not.
    """
    found = counted(told)
    try:
        return found["came"] - found["passed"]
    except KeyError as error:
        raise BridgeError("what nft counts cannot be read") from error


def _table(migration: str) -> str:
    return f"hz_l_{migration}"


class PlaneCounts:
    """The counts of one migration in the kernel, in the namespace of the calling thread."""

    def __init__(self, migration: str) -> None:
        self._migration = migration

    def begin(self, plan: DataPlanePlan) -> None:
        """Count from now on; where this kernel cannot, what is lost stays unknown."""
        with suppress(BridgeError):
            load_with_nft(counting(self._migration, plan))

    def lost(self) -> int | None:
        """Return how many packets were dropped so far; None where nobody counts."""
        words = ("counters", "table", "inet", _table(self._migration))
        try:
            return max(0, min(difference(list_with_nft(*words)) for _ in range(_READINGS)))
        except BridgeError:
            return None

    def end(self) -> None:
        """Count no more. Raises BridgeError."""
        load_with_nft(removal(_table(self._migration), "inet"))
