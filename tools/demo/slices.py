"""Chapter on slicing: two classes on one network, each with Ryu's own example, and a rogue."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from horizon_ryu.cli import show_slices
from horizon_ryu.cli.terminal import Terminal, styled
from tools.controller_process import wait_until
from tools.demo.chapter import chapter
from tools.ryu_process import RyuProcess
from tools.slicing_process import SlicingProcess
from topologies.driver import MininetProcess, Ran
from topologies.generators import linear

SECONDS = 30.0
RED, BLUE, ROGUE = "red", "blue", "rogue"
APPS = {
    RED: "ryu.app.simple_switch_13",
    BLUE: "ryu.app.simple_switch_13",
    ROGUE: str(Path(__file__).parents[2] / "examples" / "rogue_tenant.py"),
}
RULES: Mapping[str, list[dict[str, Any]]] = {
    RED: [{"ports": [1, 2], "match": {"dl_src": ["00:00:00:00:00:01", "00:00:00:00:00:03"]}}],
    BLUE: [{"ports": [1, 3], "match": {"dl_src": ["00:00:00:00:00:02", "00:00:00:00:00:04"]}}],
    ROGUE: [{"match": {"dl_vlan": 99}}],
}
"""The first host of each of two switches is red, the second blue; the rogue has a VLAN of none."""
PREFIX = "sl-"
"""The network of the chapters before this stands beside."""
PINGS = 100
FLOODED = 1_000
"""Messages of the rogue that are refused before the flood is said to be held."""


def slice_a_network(console: Terminal, folder: Path) -> None:
    """Show that slices have their own hosts, and nothing else, whatever one of them does."""
    console.rule("A network for many controllers")
    # Each controller has a store of its own.
    own = folder / "slices"
    own.mkdir()
    with ExitStack() as stack:
        title = "two switches, the slicer, and two controllers that know nothing of it: Ryu's own"
        with chapter(console, title):
            stage = stack.enter_context(_stage(own))
        with chapter(console, "red's hosts reach red's, blue's reach blue's"):
            stage.expect("h1", "h3")
            stage.expect("h2", "h4")
        with chapter(console, "and nobody reaches across"):
            stage.expect_apart("h1", "h4")
        _hold_the_rogue(stage, console)


def _hold_the_rogue(stage: Stage, console: Terminal) -> None:
    """Let a third controller steal and flood while red's hosts talk."""
    job = stage.network.spawn("h1", ["ping", "-i", "0.02", "-c", str(PINGS), "10.0.0.3"])
    with chapter(console, "a third takes others' frames, then floods"):
        stage.make(ROGUE, {"messages_per_s": 200})
        stage.wait_for_refusals()
        pings = stage.network.wait(job)
    refused = stage.refused()
    show_slices.document(console, {"refused": refused})
    _expect_whole(pings)
    console.print(styled("0 pings of red's lost", "bold green"), "while the rogue was held")


def _expect_whole(pings: Ran) -> None:
    if " 0% packet loss" not in pings.output:
        raise AssertionError(f"pings were lost: {pings.output[-300:]}")


class Stage:
    """The network of the chapter, and who is on it."""

    def __init__(self, slicing: SlicingProcess, tenants: dict[str, RyuProcess]) -> None:
        self._slicing, self._tenants = slicing, tenants
        self.network = MininetProcess(
            linear(2, hosts=2),
            [f"tcp:127.0.0.1:{slicing.port}"],
            versions=["OpenFlow13"],
            prefix=PREFIX,
        )

    def make(self, name: str, limits: Mapping[str, int] | None = None) -> None:
        """Make a slice for a controller."""
        wanted = {
            "name": name,
            "controllers": [{"url": f"tcp:127.0.0.1:{self._tenants[name].port}"}],
            "flowspace": RULES[name],
            "limits": limits or {},
        }
        self._slicing.request("POST", "/v1/slices", wanted)

    def expect(self, one: str, other: str) -> None:
        """Wait until a ping gets through; AssertionError."""
        wait_until(lambda: self._reaches(one, other), SECONDS, f"{one} reaches {other}")

    def expect_apart(self, one: str, other: str) -> None:
        """Ping in vain; AssertionError if it gets through."""
        if self._reaches(one, other):
            raise AssertionError(f"{one} reaches {other} of another slice")

    def _reaches(self, one: str, other: str) -> bool:
        target = next(host.ip for host in self.network.graph.hosts if host.name == other)
        return self.network.run(one, ["ping", "-c", "1", "-W", "1", target]).status == 0

    def refused(self) -> dict[str, int]:
        """Return how many messages of the rogue were refused, by the reason."""
        stats = json.loads(self._slicing.request("GET", f"/v1/slices/{ROGUE}/stats"))
        found: Counter[str] = Counter()
        for switch in stats["switches"]:
            found.update(switch["refused"])
        return dict(found)

    def wait_for_refusals(self) -> None:
        """Wait until the rogue's thefts and most of its flood have been refused."""

        def held() -> bool:
            refused = self.refused()
            return refused.get("messages_per_s", 0) >= FLOODED and len(refused) > 1

        wait_until(held, SECONDS, "the rogue is refused")


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        tenants = {
            name: stack.enter_context(RyuProcess(folder, name, app)) for name, app in APPS.items()
        }
        slicing = stack.enter_context(SlicingProcess(folder))
        stage = Stage(slicing, tenants)
        stack.enter_context(stage.network)
        for name in (RED, BLUE):
            stage.make(name)
        yield stage
