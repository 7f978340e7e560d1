"""A class exercise: predict where broadcasts go, then see what the network does when a cable fails.

    class_exercise.py

1. Look at the switches and cables, and say which cables the spanning tree leaves out.
2. Unplug a cable of the tree (in Mininet: ``link s1 s2 down``). Which cable takes its place?
3. Compare with what is printed here: each change of the tree, as it happens.

Written for asyncio: a page of a course can follow several networks at once with it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator

if __name__ == "__main__":
    # Ctrl-C ends it without a word, also while the rest is loaded.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from horizon_client import AsyncClient, ClientError, ControllerConnection, Snapshot, topology
from horizon_ryu.rest.topology_model import TopologyModel

Cable = frozenset[str]
"""Both ends of a cable, each as dpid:port."""


def cables(seen: TopologyModel) -> tuple[set[Cable], set[Cable]]:
    """Return the cables that the tree has, and those that it leaves out."""
    inside: set[Cable] = set()
    outside: set[Cable] = set()
    for link in seen.links:
        ends = frozenset(f"{end.dpid}:{end.port_no}" for end in (link.src, link.dst))
        (inside if link.in_tree else outside).add(ends)
    return inside, outside - inside


async def taken_in(
    horizon: AsyncClient, told: Snapshot[TopologyModel]
) -> AsyncIterator[set[Cable]]:
    """Yield the cables that the tree takes in after a snapshot, each time that it does."""
    # A controller that tells no cursor is asked for all that it remembers.
    since = told.cursor or 0
    known, _left_out = cables(told.value)
    kinds = ("tree_change", "link_delete", "link_add")
    async for _event in horizon.events(since=since, kinds=kinds):
        now, _left_out = cables(await horizon.ask(topology.read()))
        new, known = now - known, now
        if new:
            yield new


async def main() -> None:
    """Print the tree, and what becomes of it, until Ctrl-C."""
    async with AsyncClient(ControllerConnection.from_environment()) as horizon:
        told = await horizon.tell(topology.read())
        inside, outside = cables(told.value)
        print(f"{len(inside)} cables are in the tree; left out are:")
        for cable in sorted(outside, key=sorted):
            print("  " + " - ".join(sorted(cable)))
        async for new in taken_in(horizon, told):
            for cable in new:
                print("taken in: " + " - ".join(sorted(cable)))


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except ClientError as error:
        sys.exit(f"{error}")
