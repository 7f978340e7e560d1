"""10,000 entries on 20 switches: through the Flow Manager against Ryu's own classes.

Ours is the whole request over REST: 500 end-to-end flows in one batch, checked, laid, sent,
confirmed by every switch, kept in the store, answered. Theirs is the same entries built, sent and
confirmed by barriers, inside the controller, with nothing before and after.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.controller import Controller
from bench.row import FLOWS, LENGTH, ROUNDS, row, specs
from bench.served import connect, while_serving
from bench.table import Figure

NO_RECONCILING = "[flow_manager]\nreconcile_interval = 600\n[flow_migration]\ndrain = 0\n"
"""Simulated switches keep no tables to be compared."""


def ours_ms() -> float:
    """Return the time of the fastest round."""
    settings = NO_RECONCILING
    with Controller("horizon_ryu.flow_manager", settings=settings) as controller:
        network = row()
        try:
            connect(controller, network, 2 * (LENGTH - 1))
            return min(_round(controller, network) for _ in range(ROUNDS))
        finally:
            network.close()


def _round(controller: Controller, network: object) -> float:
    body = {"flows": specs()}
    start = time.monotonic()
    made = while_serving(
        network,
        lambda: controller.ask("POST", "/v1/flows/batch", body),
        60,  # type: ignore
    )
    passed = 1000 * (time.monotonic() - start)
    for flow in made["flows"]:
        path = f"/v1/flows/{flow['id']}"
        while_serving(network, lambda path=path: controller.ask("DELETE", path), 60)  # type: ignore
    return passed


def theirs_ms() -> float:
    """Return the time of the fastest round."""
    with Controller("bench.watch_flows_ryu") as controller:
        network = row()
        try:
            network.connect(controller.address, time.monotonic() + 30)
            done = network.run(
                lambda: controller.newest("install_ms") is not None, time.monotonic() + 90
            )
            if not done:
                raise RuntimeError(controller.trouble())
        finally:
            network.close()
        return float(controller.newest("install_ms"))


def figures() -> Iterator[Figure]:
    """Measure both."""
    name = f"{FLOWS * LENGTH:,} entries on {LENGTH} switches, confirmed"
    yield Figure(name, "ms", ours_ms(), theirs_ms())
