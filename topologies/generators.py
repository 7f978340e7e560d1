"""Networks of any size by rule: the same arguments always give the same network."""

from __future__ import annotations

import random as random_numbers
from itertools import pairwise

from topologies.graphs import Graph, GraphBuilder, GraphError

MAX_SWITCHES = 10_000


def _size(value: int, least: int, what: str) -> int:
    if not least <= value <= MAX_SWITCHES:
        raise GraphError(f"{what} must be {least} to {MAX_SWITCHES}, not {value}")
    return value


def linear(n: int = 4, hosts: int = 1) -> Graph:
    """``n`` switches in a row, ``hosts`` on each."""
    builder = GraphBuilder(f"linear-{n}")
    dpids = builder.add_switches(_size(n, 1, "n"))
    for one, other in pairwise(dpids):
        builder.add_edge(one, other)
    builder.add_hosts(dpids, hosts)
    return builder.build()


def ring(n: int = 4, hosts: int = 1) -> Graph:
    """``n`` switches (3 at least) in a circle, ``hosts`` on each."""
    builder = GraphBuilder(f"ring-{n}")
    dpids = builder.add_switches(_size(n, 3, "n"))
    for index, dpid in enumerate(dpids):
        builder.add_edge(dpid, dpids[(index + 1) % n])
    builder.add_hosts(dpids, hosts)
    return builder.build()


def torus(rows: int = 3, columns: int = 3, hosts: int = 1) -> Graph:
    """A grid whose rows and columns are rings; of length 3 at least, so that no cable is double."""
    builder = GraphBuilder(f"torus-{rows}x{columns}")
    _size(_size(rows, 3, "rows") * _size(columns, 3, "columns"), 9, "rows * columns")
    dpids = builder.add_switches(rows * columns)
    for row in range(rows):
        for column in range(columns):
            here = dpids[row * columns + column]
            builder.add_edge(here, dpids[row * columns + (column + 1) % columns])
            builder.add_edge(here, dpids[(row + 1) % rows * columns + column])
    builder.add_hosts(dpids, hosts)
    return builder.build()


def fattree(k: int = 4, hosts: int | None = None) -> Graph:
    """A fat tree of ``k``-port switches (k even): k pods below (k/2)² core switches.

    ``hosts`` on each edge switch, k/2 by default. Core switches have the lowest dpids.
    Source: Al-Fares et al., "A Scalable, Commodity Data Center Network Architecture", 2008.
    """
    half = _size(k, 2, "k") // 2
    if k % 2:
        raise GraphError(f"k must be even, not {k}")
    _size(5 * half * half, 1, "the number of switches")
    builder = GraphBuilder(f"fattree-{k}")
    core = builder.add_switches(half * half)
    for _ in range(k):
        upper, lower = builder.add_switches(half), builder.add_switches(half)
        for group, switch in enumerate(upper):
            for top in core[group * half : (group + 1) * half]:
                builder.add_edge(switch, top)
            for bottom in lower:
                builder.add_edge(switch, bottom)
        builder.add_hosts(lower, half if hosts is None else hosts)
    return builder.build()


def random(n: int = 10, extra: int = 5, seed: int = 1, hosts: int = 1) -> Graph:
    """A connected graph of ``n`` switches: a random tree and ``extra`` more cables.

    No two cables join the same pair. The same ``seed`` gives the same graph.
    """
    builder = GraphBuilder(f"random-{n}-{extra}-{seed}")
    dpids = builder.add_switches(_size(n, 1, "n"))
    room = (n - 1) * (n - 2) // 2
    if not 0 <= extra <= room:
        raise GraphError(f"extra must be 0 to {room} for {n} switches, not {extra}")
    for one, other in _random_pairs(n, extra, random_numbers.Random(seed)):
        builder.add_edge(dpids[one], dpids[other])
    builder.add_hosts(dpids, hosts)
    return builder.build()


def _random_pairs(n: int, extra: int, chance: random_numbers.Random) -> list[tuple[int, int]]:
    pairs = [(chance.randrange(index), index) for index in range(1, n)]
    taken = set(pairs)
    if extra * 2 > n * (n - 1) // 2:
        # So many that drawing until a free pair comes up would take long: choose from the rest.
        rest = [pair for j in range(n) for i in range(j) if (pair := (i, j)) not in taken]
        return pairs + chance.sample(rest, extra)
    while len(taken) < n - 1 + extra:
        first, second = chance.randrange(n), chance.randrange(n)
        pair = min(first, second), max(first, second)
        if first != second and pair not in taken:
            taken.add(pair)
            pairs.append(pair)
    return pairs
