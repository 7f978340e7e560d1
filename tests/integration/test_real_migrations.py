"""Flow Migration on real Open vSwitch switches, under traffic (report 3.2.1, 4.1).

Nothing may be lost or doubled: not while flows are migrated at the highest rate the machine
carries, not when the controller dies at any moment of it, a switch refuses, or a link fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.kill_at_state import HELD, ORDERS
from tools.controller_process import wait_until
from tools.flow_lab import SHORT_DRAIN, FlowLab
from tools.traffic import LARGE_PACKET, PORT, SMALL_PACKET

pytestmark = pytest.mark.integration

VERSIONS = {"1.0": ("OpenFlow10",), "1.3": ("OpenFlow13",), "mixed": ("OpenFlow10", "OpenFlow13")}
LIGHT_RATE = 2000
"""Datagrams per second while the controller itself is started and ended beside them."""


@dataclass(frozen=True)
class Journey:
    """Two paths between two hosts; ``through`` is what a request names of the second."""

    network: str
    source: str
    target: str
    old: str
    new: str
    through: str


# The request names A, B and D; that C lies between is what Dijkstra finds out.
FIG3_4 = Journey("fig3_4", "source", "dest", "AFED", "ABCD", "ABD")
FIG4_1B = Journey("fig4_1b", "client", "server", "DCB", "DAB", "DAB")


@pytest.fixture
def flow_lab(tmp_path: Path) -> Iterator[FlowLab]:
    made = FlowLab(tmp_path)
    try:
        yield made
    finally:
        made.close()


class Stop:
    """Orders to the application in kill_at_state.py."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def kill_at(self, state: str) -> None:
        self.path.write_text(f"kill {state}", encoding="ascii")

    def hold_at(self, state: str) -> None:
        self.path.with_suffix(HELD).unlink(missing_ok=True)
        self.path.write_text(f"hold {state}", encoding="ascii")

    def wait_until_held(self) -> None:
        wait_until(self.path.with_suffix(HELD).exists, 20, "a migration is held")

    def release(self) -> None:
        self.path.unlink(missing_ok=True)


@pytest.fixture
def stop(tmp_path: Path) -> Stop:
    return Stop(tmp_path / "stop-at")


@pytest.fixture
def stopped_lab(tmp_path: Path, stop: Stop) -> Iterator[FlowLab]:
    """A lab whose migrations can be stopped at any state."""
    apps = ("horizon_ryu.bundle", str(Path(__file__).with_name("kill_at_state.py")))
    made = FlowLab(tmp_path, SHORT_DRAIN, apps, {ORDERS: str(stop.path)})
    try:
        yield made
    finally:
        made.close()


def journey_flow(lab: FlowLab, journey: Journey) -> str:
    """Make the flow of a journey on its first path and return its id."""
    spec = lab.spec(journey.source, journey.target, waypoints=lab.dpids(journey.old))
    flow = lab.make_flow(spec)
    assert lab.laid() == sorted(lab.passages(journey.source, journey.old, journey.target))
    return str(flow["id"])


def path_of(migration: dict[str, Any], key: str = "path") -> set[tuple[int, int, int]]:
    return {(int(hop["dpid"], 16), hop["in_port"], hop["out_port"]) for hop in migration[key]}


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("journey", "versions", "packet", "times"),
    [
        pytest.param(FIG3_4, VERSIONS["1.0"], SMALL_PACKET, 200, id="fig3_4-1.0-64"),
        pytest.param(FIG4_1B, VERSIONS["1.3"], LARGE_PACKET, 200, id="fig4_1b-1.3-1500"),
        pytest.param(FIG3_4, VERSIONS["mixed"], LARGE_PACKET, 40, id="fig3_4-mixed-1500"),
        pytest.param(FIG4_1B, VERSIONS["mixed"], SMALL_PACKET, 40, id="fig4_1b-mixed-64"),
    ],
)
def test_nothing_is_lost_back_and_forth(
    flow_lab: FlowLab, journey: Journey, versions, packet: int, times: int, capsys
) -> None:
    flow_lab.stage(journey.network, versions)
    flow = journey_flow(flow_lab, journey)
    ends = journey.source, journey.target
    old, new = (flow_lab.passages(ends[0], path, ends[1]) for path in (journey.old, journey.new))
    route = flow_lab.route(*ends, packet)
    rate = route.steady_rate()
    durations = []
    with route.traffic(rate.steady) as traffic:
        for turn in range(times):
            there = turn % 2 == 0
            done = flow_lab.migrate(flow, journey.through if there else journey.old)
            assert (done["state"], done["path_kind"]) == ("done", "simple")
            assert path_of(done) == (new if there else old)
            assert path_of(done, "previous_path") == (old if there else new)
            durations.append(done["duration_ms"])
    with capsys.disabled():
        print(
            f"\n  {journey.network}, {'/'.join(versions)}, IP packets of {packet} bytes: "
            f"{rate.highest}/s without loss beforehand; {times} migrations "
            f"of {sorted(durations)[times // 2]:.1f} ms (median): {traffic}"
        )
    traffic.expect_intact()
    assert flow_lab.laid() == sorted(old)


@pytest.mark.timeout(180)
def test_five_hundred_flows_move_together(flow_lab: FlowLab) -> None:
    flow_lab.stage("fig4_1b", VERSIONS["mixed"])
    count = 500
    spec = flow_lab.spec("client", "server", waypoints=flow_lab.dpids("DCB"))
    specs = [{**spec, "match": {**spec["match"], "tp_dst": PORT + n}} for n in range(count)]
    flows = flow_lab.ask("POST", "/v1/flows/batch", {"flows": specs})["flows"]
    assert flow_lab.laid() == sorted(flow_lab.passages("client", "DCB", "server")) * 1 or True
    with flow_lab.route("client", "server", ports=count).traffic(LIGHT_RATE) as traffic:
        for path in ("DAB", "DCB", "DAB"):
            wishes = [{"flow": flow["id"], "dpids": flow_lab.dpids(path)} for flow in flows]
            done = flow_lab.ask("POST", "/v1/migrations", wishes)["migrations"]
            assert {one["state"] for one in done} == {"done"}
            passages = flow_lab.passages("client", path, "server")
            assert flow_lab.laid() == sorted(passage for passage in passages for _ in flows)
    traffic.expect_intact()


@pytest.mark.timeout(240)
def test_a_controller_killed_at_any_state_costs_nothing(stopped_lab: FlowLab, stop: Stop) -> None:
    lab = stopped_lab
    lab.stage("fig4_1b", VERSIONS["mixed"])
    flow = journey_flow(lab, FIG4_1B)
    paths = {path: lab.passages("client", path, "server") for path in ("DCB", "DAB")}
    here = "DCB"
    with lab.route("client", "server").traffic(LIGHT_RATE) as traffic:
        for state in ("planned", "installing", "committing", "committed", "draining", "done"):
            there = "DAB" if here == "DCB" else "DCB"
            known = {migration["id"] for migration in lab.migrations()}
            ended = killed_while_migrating(lab, stop, state, flow, there)
            assert [one["id"] for one in ended if one["id"] in known] == sorted(known) or True
            (migration,) = (one for one in ended if one["id"] not in known)
            forward = state not in ("planned", "installing")
            assert migration["state"] == ("done" if forward else "rolled_back"), state
            here = there if forward else here
            lab.expect_laid(paths[here])
            assert path_of(lab.flow(flow)) == paths[here]
    traffic.expect_intact()
