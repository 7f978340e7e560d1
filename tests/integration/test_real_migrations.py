"""Flow Migration on real Open vSwitch switches, under traffic (report 3.2.1, 4.1).

Nothing may be lost or doubled: not while flows are migrated at the highest rate the machine
carries, not when the controller dies at any moment of it, a switch refuses, or a link fails.
"""

from __future__ import annotations

import http.client
import signal
import urllib.error
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backstop import BACKSTOP
from horizon_ryu.formats.xml_dict import dict_from_xml
from integration.kill_at_state import HELD, ORDERS
from integration.shared_network import on, stage
from tools.controller_process import wait_until
from tools.flow_lab import SHORT_DRAIN, FlowLab
from tools.traffic import LARGE_PACKET, PORT, SMALL_PACKET

pytestmark = [pytest.mark.slow, pytest.mark.integration]

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
        wait_until(self.path.with_suffix(HELD).exists, 60, "a migration is held")

    def release(self) -> None:
        self.path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def stop(tmp_path_factory: pytest.TempPathFactory) -> Stop:
    return Stop(tmp_path_factory.mktemp("orders") / "stop-at")


@pytest.fixture(scope="module")
def make_lab(stop: Stop) -> Callable[[Path], FlowLab]:
    """Labs whose migrations can be stopped at any state."""
    apps = ("horizon_ryu.bundle", str(Path(__file__).with_name("kill_at_state.py")))
    return lambda folder: FlowLab(folder, SHORT_DRAIN, apps, {ORDERS: str(stop.path)})


@pytest.fixture
def flow_lab(shared_lab: FlowLab, stop: Stop) -> Iterator[FlowLab]:
    yield shared_lab
    stop.release()


def journey_flow(lab: FlowLab, journey: Journey) -> str:
    """Make the flow of a journey on its first path and return its id."""
    spec = lab.spec(journey.source, journey.target, waypoints=lab.dpids(journey.old))
    flow = lab.make_flow(spec)
    assert lab.laid() == sorted(lab.passages(journey.source, journey.old, journey.target))
    return str(flow["id"])


def path_of(migration: dict[str, Any], key: str = "path") -> set[tuple[int, int, int]]:
    return {(int(hop["dpid"], 16), hop["in_port"], hop["out_port"]) for hop in migration[key]}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("staged", "journey", "packet", "times"),
    [
        pytest.param(stage("fig3_4", "1.0"), FIG3_4, SMALL_PACKET, 200, id="fig3_4-1.0-64"),
        pytest.param(stage("fig4_1b", "1.3"), FIG4_1B, LARGE_PACKET, 200, id="fig4_1b-1.3-1500"),
        pytest.param(stage("fig3_4", "mixed"), FIG3_4, LARGE_PACKET, 40, id="fig3_4-mixed-1500"),
        pytest.param(stage("fig4_1b", "mixed"), FIG4_1B, SMALL_PACKET, 40, id="fig4_1b-mixed-64"),
    ],
    indirect=["staged"],
)
def test_nothing_is_lost_back_and_forth(
    request, flow_lab: FlowLab, journey: Journey, packet: int, times: int, capsys
) -> None:
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
            f"\n  {request.node.callspec.id}, IP packets of {packet} bytes: "
            f"{rate.highest}/s without loss beforehand; {times} migrations "
            f"of {sorted(durations)[times // 2]:.1f} ms (median): {traffic}"
        )
    traffic.expect_intact()
    assert flow_lab.laid() == sorted(old)


@pytest.mark.timeout(600)
@on("fig4_1b", "mixed")
def test_five_hundred_flows_move_together(flow_lab: FlowLab, capsys) -> None:
    count = 500
    spec = flow_lab.spec("client", "server", waypoints=flow_lab.dpids("DCB"))
    specs = [{**spec, "match": {**spec["match"], "tp_dst": PORT + n}} for n in range(count)]
    flows = flow_lab.ask("POST", "/v1/flows/batch", {"flows": specs})["flows"]
    durations = []
    with flow_lab.route("client", "server", ports=count).traffic(LIGHT_RATE) as traffic:
        for path in ("DAB", "DCB", "DAB"):
            wishes = [{"flow": flow["id"], "dpids": flow_lab.dpids(path)} for flow in flows]
            done = flow_lab.ask("POST", "/v1/migrations", wishes)["migrations"]
            assert {one["state"] for one in done} == {"done"}
            durations.append(done[0]["duration_ms"])
            passages = flow_lab.passages("client", path, "server")
            assert flow_lab.laid() == sorted(passage for passage in passages for _ in flows)
    with capsys.disabled():
        times = ", ".join(f"{duration:.0f}" for duration in durations)
        print(f"\n  {count} flows moved together in {times} ms: {traffic}")
    traffic.expect_intact()


STATES = ("installing", "committing", "committed", "draining", "done")


@pytest.mark.timeout(600)
@on("fig4_1b", "mixed")
def test_a_controller_killed_at_any_state_costs_nothing(flow_lab: FlowLab, stop: Stop) -> None:
    lab = flow_lab
    flow = journey_flow(lab, FIG4_1B)
    paths = {path: lab.passages("client", path, "server") for path in ("DCB", "DAB")}
    here, there = "DCB", "DAB"
    with lab.route("client", "server").traffic(LIGHT_RATE) as traffic:
        for state in STATES:
            migration = killed_while_migrating(lab, stop, state, flow, there)
            goes_forward = state != "installing"
            assert migration["state"] == ("done" if goes_forward else "rolled_back"), state
            if goes_forward:
                here, there = there, here
            lab.expect_laid(paths[here])
            assert path_of(lab.flow(flow)) == paths[here]
    traffic.expect_intact()


def killed_while_migrating(
    lab: FlowLab, stop: Stop, state: str, flow: str, path: str
) -> dict[str, Any]:
    """Return the migration that the controller was killed at, when the next run has ended it."""
    known = {migration["id"] for migration in lab.migrations()}
    stop.kill_at(state)
    with pytest.raises((OSError, http.client.HTTPException)):
        lab.migrate(flow, path)
    assert lab.controller.wait_for_end() == -signal.SIGKILL
    lab.controller.start()

    def ended() -> list[dict[str, Any]]:
        new = [one for one in lab.migrations() if one["id"] not in known]
        return [one for one in new if one["state"] in ("done", "rolled_back", "failed")]

    (migration,) = wait_until(ended, 30, f"the migration killed at {state} is ended")
    # What was left to do may have needed some of them only.
    everybody = set(lab.switches())
    lab.wait_until(lambda: lab.switches_seen() == everybody, 30, "all switches are back")
    return dict(migration)


@pytest.mark.timeout(600)
@on("fig3_4", "1.0", "1.3")
def test_a_refused_entry_leaves_the_old_path_as_it_was(flow_lab: FlowLab) -> None:
    flow = journey_flow(flow_lab, FIG3_4)
    before = flow_lab.own_entries()
    refusing = flow_lab.dpid("B")
    flow_lab.limit_entries(refusing, 1)
    with flow_lab.route("source", "dest").traffic(LIGHT_RATE) as traffic:
        body = {"flow": flow, "dpids": flow_lab.dpids("ABD")}
        refused = flow_lab.refused("POST", "/v1/migrations", body)
        assert (refused.status, refused.problem["switch"]) == (424, f"{refusing:016x}")
        assert "FULL" in refused.problem["detail"]
        assert flow_lab.own_entries() == before
        assert flow_lab.migrations()[-1]["state"] == "rolled_back"
        xml = error_document(flow_lab, body)
        assert (xml["status"], xml["switch"]) == ("error", f"{refusing:016x}")
        flow_lab.limit_entries(refusing, None)
        assert flow_lab.migrate(flow, "ABD")["state"] == "done"
    traffic.expect_intact()


def error_document(lab: FlowLab, body: dict[str, Any]) -> Any:
    with pytest.raises(urllib.error.HTTPError) as refused:
        lab.controller.request("POST", "/v1/migrations", body, accept="application/xml")
    assert refused.value.code == 424
    return dict_from_xml(refused.value.read())["flow_migration"]


@pytest.mark.timeout(600)
@on("fig4_1b", "mixed")
def test_a_link_of_the_new_path_cut_midway_leaves_the_old_path(
    flow_lab: FlowLab, stop: Stop
) -> None:
    lab = flow_lab
    flow = journey_flow(lab, FIG4_1B)
    before = lab.laid()
    with lab.route("client", "server").traffic(LIGHT_RATE) as traffic:
        with held_migration(lab, stop, "installing", flow, "DAB") as migration:
            lab.cut(lab.cable("AB"))
            lab.expect_true_topology()
        with pytest.raises(AssertionError, match=r"424.*a link of the new path was lost"):
            migration.result(timeout=BACKSTOP)
        assert lab.laid() == before
    traffic.expect_intact()
    assert lab.migrations()[-1]["state"] == "rolled_back"
    lab.restore(lab.cable("AB"))
    lab.expect_true_topology()
    assert lab.migrate(flow, "DAB")["state"] == "done"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("state", "cut"), [("installing", "CB"), ("committed", "AB")])
@on("fig4_1b", "mixed")
def test_a_flow_ends_on_the_path_that_is_left(
    flow_lab: FlowLab, stop: Stop, state: str, cut: str
) -> None:
    """The old path is cut before the commit, or the new one after it."""
    lab = flow_lab
    flow = journey_flow(lab, FIG4_1B)
    with held_migration(lab, stop, state, flow, "DAB") as migration:
        lab.cut(lab.cable(cut))
        lab.expect_true_topology()
    assert migration.result(timeout=BACKSTOP)["state"] == "done"
    # With A-B cut the waypoint A can still be passed: on the way back from it.
    lab.expect_laid(lab.passages("client", "DAB" if cut == "CB" else "DADCB", "server"))
    with lab.route("client", "server").traffic(LIGHT_RATE) as traffic:
        assert lab.flow(flow)["state"] == "active"
        lab.wait_until(lambda: lab.flow(flow)["packets"] > 100, 10, "packets are counted")
    traffic.expect_intact()


@contextmanager
def held_migration(
    lab: FlowLab, stop: Stop, state: str, flow: str, path: str
) -> Iterator[Future[dict[str, Any]]]:
    """Begin a migration, run the block while it is held at ``state``, and let it go on."""
    stop.hold_at(state)
    with ThreadPoolExecutor(1) as pool:
        migration = pool.submit(lab.migrate, flow, path)
        try:
            stop.wait_until_held()
            yield migration
        finally:
            stop.release()


@pytest.mark.timeout(600)
@on("fig4_1b", "1.3")
def test_of_two_migrations_of_one_flow_the_second_is_refused(flow_lab: FlowLab, stop: Stop) -> None:
    lab = flow_lab
    flow = journey_flow(lab, FIG4_1B)
    with held_migration(lab, stop, "installing", flow, "DAB") as migration:
        body = {"flow": flow, "dpids": lab.dpids("DAB")}
        assert lab.refused("POST", "/v1/migrations", body).status == 409
        assert lab.refused("DELETE", f"/v1/flows/{flow}").status == 409
    assert migration.result(timeout=BACKSTOP)["state"] == "done"


@pytest.mark.timeout(600)
@on("fig3_4", "mixed")
def test_a_waypoint_on_a_dead_end_is_passed_and_nothing_is_lost(flow_lab: FlowLab) -> None:
    """A walk: with A-F cut, F hangs on E alone, so frames come back the way they went."""
    flow = flow_lab.make_flow(flow_lab.spec("source", "dest", "AFED"))["id"]
    flow_lab.cut(flow_lab.cable("AF"))
    flow_lab.expect_true_topology()
    flow_lab.wait_until(lambda: flow_lab.flow(flow)["state"] == "broken", 20, "the path is cut")
    flow_lab.ask("PATCH", f"/v1/flows/{flow}", {"path": None})
    flow_lab.wait_until(
        lambda: flow_lab.flow(flow)["state"] == "active", 10, "another path is taken"
    )
    with flow_lab.route("source", "dest").traffic(LIGHT_RATE) as traffic:
        there = flow_lab.migrate(flow, "AFD")
        assert there["path_kind"] == "walk"
        back = flow_lab.migrate(flow, "ABD")
        assert back["path_kind"] == "simple"
    traffic.expect_intact()
