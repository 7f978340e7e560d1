"""Migration of a flow on OpenFlow switches, under traffic (report 4.1, Fig. 4.1(b) to 4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from experiments import flow_stages
from experiments.checks import all_are_zero
from experiments.experiment import Experiment, Measure, Point, Sample, Space

RATES = (500, 1000, 2000, 4000, 8000)


@contextmanager
def stage(folder: Path, _is_quick: bool) -> Iterator[Measure]:
    """Give what migrates one flow there or back, on the network of Fig. 4.1(b)."""
    with flow_stages.network(folder, "fig4_1b") as lab:
        flow = flow_stages.make_flow(lab)

        def measure(point: Point) -> Sequence[Sample]:
            path = flow_stages.other_path(lab, flow)
            with flow_stages.traffic(lab, float(point["rate"]), int(point["packet"])) as traffic:
                done = lab.migrate(flow, path)
            values = {
                "total_ms": float(done["duration_ms"]),
                "silence_ms": traffic.silence * 1000,
                # By the rate that the sender kept: on a busy machine it skips some.
                "downtime_ms": 1000 * traffic.lost * traffic.seconds / max(1, traffic.sent),
                "lost": float(traffic.lost),
                "sent": float(traffic.sent),
            }
            return (Sample(values),)

        yield measure


EXPERIMENT = Experiment(
    name="migration-openflow",
    title="Migration of a flow between OpenFlow switches",
    platform=flow_stages.PLATFORM,
    stage=stage,
    full=Space({"packet": (64, 1500), "rate": RATES}),
    quick=Space({"packet": (64, 1500), "rate": (1000, 4000)}, 1),
    expectations={"No packet is lost": all_are_zero("lost")},
)
