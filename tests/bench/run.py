"""What ``make bench`` runs: every figure beside its counterpart, in about ten minutes.

No figure fails the run: machines differ, and the ratios are what matters. ``run.py codec tree``
runs only these sections.
"""

from __future__ import annotations

import importlib
import sys
import time
from typing import NamedTuple

from bench import table


class Section(NamedTuple):
    """A module of this directory, what it measures, and against whom."""

    module: str
    title: str
    rival: str


SECTIONS = (
    Section("codec", "Codec, hot messages", "Ryu's codec"),
    Section("tree", "Spanning tree", "networkx"),
    Section("paths", "Constrained paths", "nx.shortest_path"),
    Section("flows", "Flow Manager", "OFPFlowMod+barrier"),
    Section("migrations", "Flow Migration", "see each line"),
    Section("stats", "Stats", "ofctl_rest"),
    Section("round_trips", "Packet-in to flow-mod (Forwarding)", "simple_switch_13"),
    Section("discovery", "Discovery", "ryu.topology"),
    Section("listings", "500 switches, the whole bundle: listings and rest", "limit"),
    Section("gatherers", "Gatherers, one sample", "the classic tool"),
    Section("xen", "Xen hosts (see each line)", "limit"),
    Section("runtimes", "The same code on native threads", "green threads"),
)


def main(names: list[str]) -> int:
    """Run the named sections, or all; return 0, or 2 when a name is unknown."""
    unknown = set(names) - {section.module for section in SECTIONS}
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    start = time.monotonic()
    for section in SECTIONS:
        if not names or section.module in names:
            module = importlib.import_module(f"bench.{section.module}")
            table.show(section.title, section.rival, module.figures())
    print(f"\nRatios say how many times better Horizon is. {time.monotonic() - start:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
