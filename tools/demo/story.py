"""The chapters of the demonstration: each shows something, or raises AssertionError."""

from __future__ import annotations

import time
from pathlib import Path

from horizon_ryu.cli import show
from horizon_ryu.cli.terminal import Terminal, styled
from tools.controller_process import wait_until
from tools.demo.chapter import chapter
from tools.demo.migration import migrate_a_flow
from tools.demo.routers import move_a_router
from tools.demo.slices import slice_a_network
from tools.lab import Cable, Lab
from tools.traffic import roomy_queues

VERSIONS = ("OpenFlow10", "OpenFlow13")
EVENT_SECONDS = 5.0


def tell(lab: Lab, console: Terminal, folder: Path) -> None:
    """Show all chapters on a torus of nine switches, every other one with OpenFlow 1.0.

    The last two have networks of their own, whose processes log into ``folder``.
    """
    discover(lab, console)
    draw_tree(lab, console)
    talk(lab, console)
    cut_a_link(lab, console)
    name_a_network(lab, console)
    print_xml(lab, console)
    migrate_a_flow(lab, console)
    slice_a_network(console, folder)
    move_a_router(console, folder)


def discover(lab: Lab, console: Terminal) -> None:
    """Real switches, found."""
    console.rule("Discovery")
    title = "controller and nine Open vSwitch switches, OpenFlow 1.0 and 1.3"
    with chapter(console, title), roomy_queues():
        lab.start("torus", VERSIONS, rows=3, columns=3)
    with chapter(console, "the topology found is the one that was cabled"):
        lab.expect_true_topology()


def draw_tree(lab: Lab, console: Terminal) -> None:
    """Loops, cut."""
    console.rule("Spanning tree")
    with chapter(console, "one tree reaches every switch"):
        lab.expect_tree_spans()
    show.forest(console, lab.controller.get("/v1/spanning-tree"))
    with chapter(console, "new ports are open to broadcasts after the hold time of 10 s"):
        lab.expect_holds_over()


def talk(lab: Lab, console: Terminal) -> None:
    """Hosts, talking."""
    console.rule("Forwarding")
    with chapter(console, "every host pings every other on a network full of loops, 0 lost"):
        lab.expect_no_loss()
    with chapter(console, "a broadcast arrives at every host exactly once"):
        lab.expect_each_broadcast_once()
    show.topology(console, lab.controller.get("/v1/topology"))


def cut_a_link(lab: Lab, console: Terminal) -> None:
    """A cable of the tree, cut under the hosts' feet."""
    console.rule("A link is cut")
    cable = lab.tree_edge()
    ends = " and ".join(f"{dpid:016x} port {port}" for dpid, port in sorted(cable))
    console.print(f"cutting the cable between {ends}")
    cut = time.monotonic()
    lab.cut(cable)
    wait_until(lambda: cable not in lab.cables_seen(), EVENT_SECONDS, "the link is gone")
    gone_ms = 1000 * (time.monotonic() - cut)
    console.print(f"gone from the topology {gone_ms:.0f} ms after the order to cut it")
    with chapter(console, "the tree goes another way"):
        lab.expect_true_topology()
        lab.expect_tree_spans()
    with chapter(console, "every host still reaches every other, 0 lost"):
        lab.expect_no_loss()
    _restore(lab, console, cable)


def _restore(lab: Lab, console: Terminal, cable: Cable) -> None:
    with chapter(console, "the cable is back and found again"):
        lab.restore(cable)
        lab.expect_true_topology()


def name_a_network(lab: Lab, console: Terminal) -> None:
    """A virtual network, seen through the switches that forward its traffic."""
    console.rule("A virtual network")
    wanted = {"name": "blue", "definition": {"ip": "10.0.0.1/32"}}
    lab.controller.request("POST", "/v1/networks", wanted)
    seen = lab.controller.get("/v1/topology?network=blue")
    console.print(
        f"'blue' is the traffic of 10.0.0.1: {len(seen['switches'])} switches forward it, "
        f"with {len(seen['links'])} link directions between them"
    )
    if not seen["switches"]:
        raise AssertionError("no switch forwards the traffic of 10.0.0.1")


def print_xml(lab: Lab, console: Terminal) -> None:
    """The report's XML."""
    console.rule("The same, as XML")
    for path in ("/v1/topology/links?network=blue", "/v1/spanning-tree"):
        text = lab.controller.request("GET", path, accept="application/xml").decode()
        lines = text.splitlines()
        console.print(styled(f"GET {path}", "bold"))
        for line in lines[:14]:
            console.print(line, highlight=False)
        if len(lines) > 14:
            console.print(styled(f"... {len(lines) - 14} more lines", "dim"))
