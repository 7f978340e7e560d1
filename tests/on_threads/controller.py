"""The controller's parts at work on native threads, in a process without eventlet and Ryu.

``python -m on_threads.controller FOLDER URL NODE_PK``: what came of it is told as JSON; URL is a
bridge's, and FOLDER has the identity that it lets in.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

for absent in ("eventlet", "greenlet", "ryu"):
    sys.modules[absent] = None  # type: ignore[assignment]

from fuzz.wire import packet_in13  # noqa: E402
from horizon_ryu.core.flows.flow import PathSpec  # noqa: E402
from horizon_ryu.core.flows.planner import CreateFlow  # noqa: E402
from horizon_ryu.core.topology import PortRef  # noqa: E402
from horizon_ryu.http.event_log import EventLog  # noqa: E402
from horizon_ryu.settings import XenOptions  # noqa: E402
from horizon_ryu.store import Store  # noqa: E402
from horizon_ryu.supervision import Supervisor  # noqa: E402
from horizon_ryu.wire.messages import FlowCommand, FlowMod, Match, Outgoing  # noqa: E402
from horizon_ryu.xen_hosts.hosts import XenHosts  # noqa: E402
from on_threads.openflow import EDGE, Controller, EmulatedSwitch, flow_manager, line_of  # noqa: E402
from xen_bridge.client import BridgeClient  # noqa: E402
from xen_bridge.protocol.documents.domains import CreateDomain  # noqa: E402
from xen_bridge.runtime.threads import ThreadRuntime  # noqa: E402
from xen_bridge.trust.identity import Identity  # noqa: E402

RUNTIME = ThreadRuntime()
SECONDS = 100.0
"""For what ought to be so at once, on a machine that is busy."""
SILENCE = 12.0
"""Within which, even there, every switch but the silent one confirms."""
DPIDS = range(1, 9)
FRAMES = 200
WANTED = FlowMod(FlowCommand.ADD, Match(in_port=1), 400, 7)


def until(is_so: Callable[[], object], what: str) -> None:
    """Wait until it is so; TimeoutError."""
    with RUNTIME.timeout(SECONDS, TimeoutError(what)):
        while not is_so():
            RUNTIME.sleep(0.002)


@contextmanager
def network() -> Iterator[tuple[Controller, dict[int, EmulatedSwitch]]]:
    """Yield a controller and the switches that are connected to it."""
    controller = Controller(RUNTIME)
    switches = {dpid: EmulatedSwitch(RUNTIME, controller.port, dpid) for dpid in DPIDS}
    known = controller.registry.connected_switches
    until(lambda: len(known()) == len(DPIDS), "all switches are known")
    yield controller, switches
    controller.close()
    until(lambda: not known(), "all connections are over")


def confirmed(controller: Controller, deadline: float = SECONDS) -> list[str]:
    """Send every switch a flow-mod; return what went wrong."""
    messages = [Outgoing(dpid, WANTED) for dpid in DPIDS]
    errors = controller.registry.confirm(messages, deadline)
    return sorted(f"{type(error).__name__} {error.dpid}" for error in errors)


def openflow(folder: Path) -> dict[str, Any]:
    """Confirm, answer frames, and install flows over switches that go silent and away."""
    told: dict[str, Any] = {}
    with network() as (controller, switches):
        told["confirmed"] = confirmed(controller)
        for switch in switches.values():
            for _ in range(FRAMES):
                switch.transport.write(packet_in13())
        until(lambda: all(one.frames == FRAMES for one in switches.values()), "all frames")
        told["frames"] = sum(one.frames for one in switches.values())
        told["flows"] = flows(folder, controller)
        switches[3].is_silent = True
        told["silent"] = confirmed(controller, SILENCE)
        switches[3].close()
        until(lambda: 3 not in controller.registry.connected_switches(), "it is away")
        told["away"] = confirmed(controller)
        told["violations"] = dict(controller.counters.violations)
    return told


def flows(folder: Path, controller: Controller) -> dict[str, Any]:
    """Instantiate many flows at the same time."""
    parts = flow_manager(controller, line_of(DPIDS), folder)

    def create(port: int) -> str:
        match = Match(dl_type=0x0800, nw_proto=6, tp_dst=port)
        spec = PathSpec(match, PortRef(DPIDS[0], EDGE), PortRef(DPIDS[-1], EDGE))
        (flow,) = parts.service.create([CreateFlow(spec)])
        return str(flow.state.value)

    made = RUNTIME.gather([lambda port=port: create(port) for port in range(80, 90)])
    return {"states": sorted(set(made)), "kept": len(made)}


def xen(folder: Path, url: str, node_pk: str) -> dict[str, Any]:
    """Poll a Xen host, change it, and hear of that."""
    identity, events = Identity.load(folder), EventLog(RUNTIME)
    supervisor = Supervisor(RUNTIME, RUNTIME.now, lambda _name: None)
    subscription = events.subscribe(kinds={"xen_domain"})

    def spawn_loop(
        turn: Callable[[], object], is_over: Callable[[], bool], terms: object = None
    ) -> None:
        RUNTIME.spawn(supervisor.forever, turn, None, is_over)

    hosts = XenHosts(
        Store(f"sqlite:///{folder / 'hosts.sqlite'}"),
        XenOptions(poll_interval=0.05),
        lambda url, node_pk: BridgeClient(url, node_pk, identity),
        events.publish,
        RUNTIME,
        RUNTIME.now,
        spawn_loop,
    )
    hosts.start()
    host = hosts.add("a", url, node_pk)
    hosts.change("a", CreateDomain("r1"))
    event = subscription.next(SECONDS)
    state = host.status.state
    hosts.remove("a")
    return {"state": state, "event": json.loads(event.text)["data"]["name"] if event else None}


def main(folder: Path, url: str, node_pk: str) -> None:
    """Do it all."""
    print(json.dumps({"openflow": openflow(folder), "xen": xen(folder, url, node_pk)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
