"""The examples of the client library, each on real switches, as they are told to be used."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from horizon_client import AsyncClient, Client, timers, topology
from integration.shared_network import on
from tools.flow_lab import FlowLab

pytestmark = [pytest.mark.integration]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SMALL_LINK_KBPS = 100
"""What the test takes links for: a few hundred datagrams a second load one."""
RATE = 500


def example(name: str) -> ModuleType:
    """Return an example as a module; the tests of all of them run it as users do."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def run(lab: FlowLab, name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run an example as a program."""
    command = (sys.executable, str(EXAMPLES / f"{name}.py"), *words)
    where = {**os.environ, "HORIZON_URL": lab.controller.url}
    return subprocess.run(command, env=where, capture_output=True, text=True, check=False)


@on("fig4_1b", "1.3")
def test_a_flow_leaves_a_link_that_is_loaded_and_no_packet_is_lost(shared_lab: FlowLab) -> None:
    lab = shared_lab
    spec = lab.spec("client", "server", waypoints=lab.dpids("DCB"))
    flow = lab.make_flow(spec)["id"]
    relieve = example("move_hot_flow").relieve
    with Client(lab.controller.url) as horizon:
        assert relieve(horizon, flow, 70.0, SMALL_LINK_KBPS) is None
        horizon.ask(timers.change("stats", ports_interval=0.5))
        with lab.route("client", "server").traffic(RATE) as traffic:
            lab.wait_until(
                lambda: relieve(horizon, flow, 70.0, SMALL_LINK_KBPS), 60.0, "it is moved"
            )
        horizon.ask(timers.change("stats", ports_interval=5.0))
    traffic.expect_intact()
    lab.expect_laid(lab.passages("client", "DAB", "server"))


@on("fig4_1b", "1.3")
def test_two_snapshots_differ_by_what_happened(shared_lab: FlowLab, tmp_path: Path) -> None:
    lab, file = shared_lab, str(tmp_path / "before.json")
    assert run(lab, "network_diff", "save", file).returncode == 0
    same = run(lab, "network_diff", "diff", file)
    assert (same.stdout, same.returncode) == ("no difference\n", 0), same.stderr
    lab.cut(lab.cable("DC"))
    flow = lab.make_flow(lab.spec("client", "server"))["id"]

    def is_told() -> bool:
        found = run(lab, "network_diff", "diff", file)
        lines = found.stdout.splitlines()
        gone = [line for line in lines if line.startswith("- link")]
        made = [line for line in lines if line.startswith(f"+ flow {flow}: ")]
        return found.returncode == 1 and len(gone) == 2 and len(made) == 1

    lab.wait_until(is_told, 30.0, "the cut cable and the flow are told")


@on("fig4_1b", "1.3")
def test_a_class_sees_which_cable_takes_the_place_of_another(shared_lab: FlowLab) -> None:
    lab, exercise = shared_lab, example("class_exercise")

    async def follow() -> None:
        async with AsyncClient(lab.controller.url) as horizon:
            told = await horizon.tell(topology.read())
            inside, outside = exercise.cables(told.value)
            assert len(inside) == len(lab.switches()) - 1
            assert outside
            changes: AsyncIterator[set[Any]] = exercise.taken_in(horizon, told)
            first = asyncio.ensure_future(anext(changes))
            await asyncio.to_thread(lab.cut, lab.tree_edge())
            new = await asyncio.wait_for(first, 60.0)
            assert new & outside
            await changes.aclose()  # type: ignore[attr-defined]

    asyncio.run(follow())


@on("fig4_1b", "1.3")
def test_events_go_on_by_number_while_the_controller_is_restarted(shared_lab: FlowLab) -> None:
    lab = shared_lab
    with (
        Client(lab.controller.url) as horizon,
        contextlib.closing(horizon.events(since=0)) as events,
    ):
        lab.cut(lab.cable("DC"))
        assert next(event for event in events if event.kind == "link_delete")
        lab.restart_controller()
        after = next(event for event in events if event.kind in ("switch_join", "link_add"))
    assert after.seq > 0
