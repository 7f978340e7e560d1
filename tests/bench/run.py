"""What ``make bench`` runs: every figure beside its counterpart, in about ten minutes.

A soak of ten minutes more ends it. No figure fails the run: machines differ, and the ratios are
what matters. ``run.py codec tree`` runs only these sections, ``run.py soak:60`` 60 seconds of soak.
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
    Section("page", "500 switches, 1,000 links: the page in Chromium", "aim"),
    Section("slicing", "Slicer: packet-in to flow-mod, what it adds", "bare relay, or limit"),
    Section("gatherers", "Gatherers, one sample", "the classic tool"),
    Section("xen", "Xen hosts (see each line)", "limit"),
    Section("planes", "Separated planes, in network namespaces", "plain forwarding"),
    Section("mirrors", "Routes of a mirror, in a network namespace", "ip -batch"),
    Section("scans", "Scans of neighbors, in network namespaces", "nmap -sn -n"),
    Section("runtimes", "The same code on native threads", "green threads"),
    Section("soak", "Soak: everything comes and goes", "level if below"),
)


def main(names: list[str]) -> int:
    """Run the named sections, or all; return 0, or 2 when a name is unknown."""
    lengths = dict(name.split(":", 1) for name in names if ":" in name)
    names = [name.partition(":")[0] for name in names]
    unknown = set(names) - {section.module for section in SECTIONS}
    unknown |= {name for name, text in lengths.items() if name != "soak" or not text.isdigit()}
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    start = time.monotonic()
    for section in SECTIONS:
        if not names or section.module in names:
            module = importlib.import_module(f"bench.{section.module}")
            length = [float(lengths[section.module])] if section.module in lengths else []
            table.show(section.title, section.rival, module.figures(*length))
    print(f"\nRatios say how many times better Horizon is. {time.monotonic() - start:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
