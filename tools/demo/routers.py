"""Chapter on virtual routers: one moves between two hosts while packets pass through it."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path

from horizon_ryu.cli.terminal import Terminal, styled
from tools.controller_process import wait_until
from tools.demo.chapter import chapter
from tools.router_lab import HOSTS, ROUTER, NumberedTraffic, RouterLab

RATE = 2000
SECONDS = 30.0


def move_a_router(console: Terminal, folder: Path) -> None:
    """Show that a router moves, and nothing of what passes through it is lost."""
    console.rule("A virtual router, moved under traffic")
    own = folder / "routers"
    own.mkdir()
    here, there = HOSTS
    with ExitStack() as stack:
        with chapter(console, "two hosts, a router with an agent, a client and a server"):
            lab = stack.enter_context(RouterLab(own))
        with chapter(console, f"its planes are separated: host {here} passes its packets"):
            _until(lab, {here: "separated", there: "none"})
        with NumberedTraffic(lab, RATE) as traffic:
            title = f"{RATE} datagrams a second each way; horizonctl moves it"
            with chapter(console, title):
                shown = _horizonctl(lab, "xen", "migrate", here, ROUTER, there)
            with chapter(console, f"host {there} passes its packets now, host {here} none"):
                _until(lab, {here: "none", there: "separated"})
        for line in shown.splitlines():
            console.print(line, highlight=False)
        if lab.where() != [there]:
            raise AssertionError(f"the router is on {lab.where()}")
        if traffic.lost or traffic.duplicated:
            counted = f"{traffic.lost} of {traffic.sent} lost, {traffic.duplicated} twice"
            raise AssertionError(counted)
        console.print(styled("0 packets lost", "bold green"), f"of {traffic.sent}")


def _until(lab: RouterLab, states: dict[str, str]) -> None:
    """Wait until the router's planes are so on each host; AssertionError."""
    wait_until(
        lambda: {name: lab.planes(name) for name in HOSTS} == states, SECONDS, f"planes {states}"
    )


def _horizonctl(lab: RouterLab, *words: str) -> str:
    done = subprocess.run(lab.command(*words), capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"horizonctl {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout
