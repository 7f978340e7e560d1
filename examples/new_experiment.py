"""An experiment of your own (run it as root): how long a ping over a row of switches takes."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

if __name__ == "__main__":
    # Until it begins to measure, Ctrl-C ends it at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.experiment import Experiment, Measure, Point, Sample, Space
from experiments.figure import Figure, Series
from experiments.own import own_command
from experiments.sentences import ends
from tools.lab import Lab


@contextmanager
def stage(folder: Path, _is_quick: bool) -> Iterator[Measure]:
    """Give what builds a row of switches, and pings twice from its one end to its other."""

    def measure(point: Point) -> Sequence[Sample]:
        lab = Lab(folder)
        try:
            lab.build("linear", ("OpenFlow13",), n=int(point["switches"]))
            lab.expect_true_topology()
            first, last = lab.graph.hosts[0], lab.graph.hosts[-1]
            ran = lab.network.run(first.name, ["ping", "-c", "2", "-W", "5", last.ip])
            one, two = map(float, re.findall(r"time=([\d.]+) ms", ran.output))
            return (Sample({"first_ms": one, "second_ms": two}),)
        finally:
            lab.close()

    yield measure


PING = Experiment(
    name="first-ping",
    title="The first ping over a row of switches, and the second",
    platform="Open vSwitch in user space, Mininet, one machine",
    stage=stage,
    full=Space({"switches": (2, 4, 8, 16)}),
    quick=Space({"switches": (2, 3)}, 1),
)
FIGURE = Figure(
    name="first-ping",
    title=PING.title,
    x="switches",
    y="first_ms",
    x_label="switches in a row",
    y_label="round trip (ms)",
    series=(Series("first", PING.name), Series("second", PING.name, y="second_ms")),
    says="Nothing: this experiment is ours.",
    differs=lambda curves: f"Measured: {ends(curves, 'ms', 'switches')}.",
)

if __name__ == "__main__":
    own_command(PING, (FIGURE,))()
