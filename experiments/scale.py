"""Total migration time against the number of flows, of switches, and the controller's distance.

The report measures one flow over three switches, with a controller two hops away, and says that
the time rises with each of the three (4.1.2); here is by how much.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from experiments import flow_stages
from experiments.checks import at_least, rises
from experiments.delaying_relay import delayed
from experiments.experiment import Experiment, Measure, Point, Sample, Space
from experiments.flow_stages import NEW, OLD
from experiments.run_folder import new_folder
from tools.flow_lab import FlowLab
from tools.traffic import PORT

_BATCH = 1000
"""Flows asked for in one request."""


def total(migrations: Sequence[Any]) -> tuple[Sample, ...]:
    """Return the time that migrations took together; RuntimeError if one was not carried out."""
    states = {one["state"] for one in migrations}
    if states != {"done"}:
        raise RuntimeError(f"migrations ended as {sorted(states)}")
    return (Sample({"total_ms": max(float(one["duration_ms"]) for one in migrations)}),)


# ---- flows


def make_flows(lab: FlowLab, count: int) -> list[str]:
    """Make so many flows on the old path and return their ids."""
    spec = lab.spec("client", "server", waypoints=lab.dpids(OLD))
    wanted = [{**spec, "match": {**spec["match"], "tp_dst": PORT + n}} for n in range(count)]
    made: list[str] = []
    for first in range(0, count, _BATCH):
        body = {"flows": wanted[first : first + _BATCH]}
        made += [str(flow["id"]) for flow in lab.ask("POST", "/v1/flows/batch", body)["flows"]]
    return made


@contextmanager
def flows_stage(folder: Path, _is_quick: bool) -> Iterator[Measure]:
    """Give what migrates so many flows with one request."""
    with flow_stages.network(folder, "fig4_1b") as lab:

        def measure(point: Point) -> Sequence[Sample]:
            flows = make_flows(lab, int(point["flows"]))
            wishes = [{"flow": flow, "dpids": lab.dpids(NEW)} for flow in flows]
            found = total(lab.ask("POST", "/v1/migrations", wishes)["migrations"])
            for flow in flows:
                lab.ask("DELETE", f"/v1/flows/{flow}")
            return found

        yield measure


FLOWS = Experiment(
    name="scale-flows",
    title="Migration of many flows together",
    platform=flow_stages.PLATFORM,
    stage=flows_stage,
    full=Space({"flows": (1, 10, 100, 1000, 10_000)}),
    quick=Space({"flows": (1, 100)}, 1),
    expectations={"The time rises with the flows": rises("flows", "total_ms")},
)


# ---- switches


@contextmanager
def switches_stage(folder: Path, _is_quick: bool) -> Iterator[Measure]:
    """Give what migrates a flow from one half of a ring to the other; a ring for each point."""

    def measure(point: Point) -> Sequence[Sample]:
        on_path = int(point["switches"])
        size = 2 * on_path - 2
        with flow_stages.network(new_folder(folder, f"ring{size}"), "ring", n=size) as lab:
            dpids = [f"{dpid:016x}" for dpid in lab.switches()]
            one = dpids[:on_path]
            other = [dpids[0], *reversed(dpids[on_path - 1 :])]
            first, last = lab.graph.hosts[0].name, lab.graph.hosts[on_path - 1].name
            flow = lab.make_flow({**lab.spec(first, last), "path": one})["id"]
            body = {"flow": flow, "dpids": other}
            done = lab.ask("POST", "/v1/migrations", body)
            return total([done])

    yield measure


SWITCHES = Experiment(
    name="scale-switches",
    title="Migration of a flow over many switches",
    platform=flow_stages.PLATFORM,
    stage=switches_stage,
    full=Space({"switches": (3, 5, 9, 17, 33)}),
    quick=Space({"switches": (3, 5)}, 1),
)


# ---- distance


@contextmanager
def distance_stage(folder: Path, _is_quick: bool) -> Iterator[Measure]:
    """Give what migrates a flow while its controller is so many milliseconds away."""
    with flow_stages.distant_network(folder, "fig4_1b") as lab:
        flow = flow_stages.make_flow(lab)

        def measure(point: Point) -> Sequence[Sample]:
            with delayed(lab.relay, float(point["delay_ms"]) / 1000):
                return total([lab.migrate(flow, flow_stages.other_path(lab, flow))])

        yield measure


DISTANCE = Experiment(
    name="scale-distance",
    title="Migration of a flow by a controller far away",
    platform=flow_stages.PLATFORM,
    stage=distance_stage,
    full=Space({"delay_ms": (0, 1, 2, 5, 10, 20, 50)}),
    quick=Space({"delay_ms": (0, 50)}, 1),
    expectations={"It takes two round trips at least": at_least("delay_ms", "total_ms", 4)},
)
