"""Orders in which a flow's entries are changed, and what each loses (report 3.2.1).

The report installs the new path in reverse order and deletes the old one last. Here the naive
orders are carried out beside it, entry by entry through the same REST API, at the same distance:
first delete, then install; or install from the ingress on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from experiments import flow_stages
from experiments.checks import all_are_zero, some_are_not_zero
from experiments.delaying_relay import delayed
from experiments.experiment import Experiment, Measure, Point, Sample, Space
from experiments.flow_stages import NEW, OLD, OPENFLOW, DistantLab
from tools.flow_lab import Passage

DELAY = 0.002
"""Seconds from the controller to a switch."""
APPS = ("horizon_ryu.flow_migration", "horizon_ryu.spanning_tree")
"""Without Forwarding, which would carry what no entry is for."""
_PRIORITY = 40_000


class EntryPaths:
    """The path of Fig. 4.1(b) as single entries, which are changed one by one."""

    def __init__(self, lab: DistantLab) -> None:
        self._lab = lab
        self._match = lab.spec("client", "server")["match"]
        self._flows: dict[tuple[int, int], str] = {}
        self._hops = {path: self._ordered(path) for path in (OLD, NEW)}
        self._now = OLD
        for hop in reversed(self._hops[OLD]):
            self._install(hop)

    def _ordered(self, path: str) -> list[Passage]:
        found = {hop[0]: hop for hop in self._lab.passages("client", path, "server")}
        return [found[self._lab.dpid(letter)] for letter in path]

    def _install(self, hop: Passage) -> None:
        """Make the entry of a switch, or change it where frames come in as before."""
        dpid, in_port, out_port = hop
        actions = [{"type": "output", "port": out_port}]
        known = self._flows.get((dpid, in_port))
        if known is not None:
            self._lab.ask("PATCH", f"/v1/flows/{known}", {"actions": actions})
            return
        match = {**self._match, "in_port": in_port}
        wanted = {"dpid": f"{dpid:016x}", "match": match, "actions": actions, "priority": _PRIORITY}
        self._flows[dpid, in_port] = str(self._lab.make_flow(wanted)["id"])

    def move(self, order: str) -> None:
        """Change to the other path."""
        self._now = NEW if self._now == OLD else OLD
        ORDERS[order](self, self._hops[self._now])

    def reverse(self, hops: Sequence[Passage]) -> None:
        """Install from the egress on, the ingress last; then delete what is left."""
        for hop in reversed(hops):
            self._install(hop)
        self._delete_others(hops)

    def forward(self, hops: Sequence[Passage]) -> None:
        """Install from the ingress on; then delete what is left."""
        for hop in hops:
            self._install(hop)
        self._delete_others(hops)

    def delete_first(self, hops: Sequence[Passage]) -> None:
        """Delete the old path, then install the new one from the egress on."""
        self._delete_others(())
        for hop in reversed(hops):
            self._install(hop)

    def _delete_others(self, hops: Sequence[Passage]) -> None:
        for where in self._flows.keys() - {hop[:2] for hop in hops}:
            self._lab.ask("DELETE", f"/v1/flows/{self._flows.pop(where)}")


ORDERS: Mapping[str, Callable[[EntryPaths, Sequence[Passage]], None]] = {
    "reverse": EntryPaths.reverse,
    "forward": EntryPaths.forward,
    "delete first": EntryPaths.delete_first,
}


@contextmanager
def stage(folder: Path, _is_quick: bool) -> Iterator[Measure]:
    """Give what changes the path in an order, under traffic."""
    lab = DistantLab(folder, APPS)
    with lab.relay:
        try:
            lab.build("fig4_1b", OPENFLOW)
            lab.expect_true_topology()
            client, server = lab.graph.host("client"), lab.graph.host("server")
            for one, other in ((client, server), (server, client)):
                lab.pin_neighbor(one, other)
            paths = EntryPaths(lab)

            def measure(point: Point) -> Sequence[Sample]:
                rate = float(point["rate"])
                with delayed(lab.relay, DELAY), flow_stages.traffic(lab, rate, 64) as traffic:
                    paths.move(str(point["order"]))
                silence = {"silence_ms": 1000 * traffic.silence}
                return (Sample({"lost": float(traffic.lost), "sent": traffic.sent, **silence}),)

            yield measure
        finally:
            lab.close()


EXPERIMENT = Experiment(
    name="orders",
    title="Orders of changing a flow's entries, one by one",
    platform=f"{flow_stages.PLATFORM}; controller {1000 * DELAY:g} ms away",
    stage=stage,
    full=Space({"order": tuple(ORDERS), "rate": (500, 1000, 2000, 4000)}),
    quick=Space({"order": tuple(ORDERS), "rate": (1000, 4000)}, 1),
    expectations={
        "In reverse order no packet is lost": all_are_zero("lost", order="reverse"),
        "Deleting first loses packets": some_are_not_zero("lost", order="delete first"),
        "In forward order packets are lost": some_are_not_zero("lost", order="forward"),
    },
)
