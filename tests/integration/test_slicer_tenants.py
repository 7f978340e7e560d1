"""Four controllers that know nothing of one another share two real switches of OpenFlow 1.0.

Ryu's learning switch, our own bundle (under a slicer of its own), Open vSwitch's test controller,
and a learning switch of os-ken's: each has a host at both switches, and its frames on the cable.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from integration import sliced_pairs
from integration.sliced_pairs import SECONDS, SlicedPairs, pair_slice
from tools.controller_process import ControllerProcess, wait_until
from tools.free_port import free_port
from tools.logged_process import LoggedProcess
from tools.ryu_process import RyuProcess
from tools.slicer_process import SlicerProcess

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

RYU, OURS, OVS, OS_KEN = "ryu", "ours", "ovs", "os-ken"
TENANTS = (RYU, OURS, OVS, OS_KEN)
CABLE = len(TENANTS) + 1
OS_KEN_SWITCH = Path(__file__).with_name("os_ken_switch.py")
MARK = 32
SHOW_TOS = """
import socket
ears = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
for _ in range(3):
    print("tos", ears.recv(2048)[1], flush=True)
"""


def hosts_of(name: str) -> tuple[int, int]:
    """Return the numbers of a tenant's hosts, one at each switch."""
    return sliced_pairs.hosts_of(TENANTS.index(name))


def slice_of(name: str, port: int, **more: Any) -> dict[str, Any]:
    """Return a tenant's slice; its controller listens on ``port``."""
    url = f"tcp:127.0.0.1:{port}"
    return pair_slice(name, TENANTS.index(name), len(TENANTS), url, **more)


class ListeningProcess(LoggedProcess):
    """A controller that is ready when its port is bound: it tells nobody itself."""

    def __init__(self, command: list[str], log: Path, port: int) -> None:
        super().__init__(command, log)
        self.port = port

    def is_ready(self) -> bool:
        """Tell whether switches may connect."""
        wanted = f"0100007F:{self.port:04X}", f"00000000:{self.port:04X}"
        lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        return any(line.split()[1] in wanted and line.split()[3] == "0A" for line in lines)


def ovs_controller(folder: Path, *words: str) -> ListeningProcess:
    """Return Open vSwitch's own controller, on a free port."""
    port = free_port()
    socket = folder / f"testcontroller-{port}.ctl"
    command = ["ovs-testcontroller", f"ptcp:{port}:127.0.0.1", f"--unixctl={socket}", *words]
    return ListeningProcess(command, folder / f"ovs-{port}.log", port)


class TenantNetwork(SlicedPairs):
    """Two switches, two slicers and four controllers."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        ryu = stack.enter_context(RyuProcess(folder, RYU, "ryu.app.simple_switch"))
        ovs = stack.enter_context(ovs_controller(folder))
        port = free_port()
        command = [sys.executable, str(OS_KEN_SWITCH), str(port)]
        os_ken = stack.enter_context(ListeningProcess(command, folder / "os_ken.log", port))
        self.ours = ControllerProcess(folder)
        stack.callback(self.ours.stop)
        self.ours.start()
        upper, lower = folder / "upper", folder / "lower"
        upper.mkdir()
        lower.mkdir()
        inner = {**slice_of(OURS, self.ours.openflow_port), "name": "inner"}
        self.upper = stack.enter_context(SlicerProcess(upper, [inner], instance="upper"))
        ports = {RYU: ryu.port, OURS: self.upper.port, OVS: ovs.port, OS_KEN: os_ken.port}
        self.slices = {name: slice_of(name, ports[name]) for name in TENANTS}
        super().__init__(lower, stack, list(self.slices.values()), "OpenFlow10", instance="lower")
        self.lower = self.slicer


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TenantNetwork]:
    with ExitStack() as stack:
        yield TenantNetwork(tmp_path_factory.mktemp("tenants"), stack)


def test_each_controller_connects_the_hosts_of_its_slice_and_no_others(
    tenants: TenantNetwork,
) -> None:
    for name in TENANTS:
        one, other = hosts_of(name)
        wait_until(
            lambda one=one, other=other: not tenants.lost(one, other), SECONDS, f"{name} connects"
        )
    for name, stranger in itertools.pairwise(TENANTS):
        assert tenants.lost(hosts_of(name)[0], hosts_of(stranger)[1]), f"{name} to {stranger}"
    assert "ends by an error of ours" not in tenants.lower.log() + tenants.upper.log()


def test_a_controller_under_two_slicers_finds_its_cable_by_lldp(tenants: TenantNetwork) -> None:
    def links() -> set[tuple[str, str]]:
        found = tenants.ours.get("/v1/topology/links")["links"]
        return {(one["src_dpid"], one["dst_dpid"]) for one in found}

    one, two = f"{1:016x}", f"{2:016x}"
    wait_until(lambda: links() == {(one, two), (two, one)}, SECONDS, "the cable, both ways")
    switches = tenants.ours.get("/v1/topology")["switches"]
    ports = {port["port_no"] for switch in switches for port in switch["ports"]}
    assert ports == {TENANTS.index(OURS) + 1, CABLE}, "it sees its own ports"


def test_frames_that_leave_by_packet_outs_alone_carry_the_mark_of_their_slice(
    tenants: TenantNetwork, tmp_path: Path
) -> None:
    """R13: FlowVisor marked what entries sent, and packet-outs escaped."""
    one, other = hosts_of(OVS)
    marks = {"bandwidth": {"mode": "ip_tos", "value": MARK}}
    with ovs_controller(tmp_path, "--noflow") as controller:
        marked = slice_of(OVS, controller.port, **marks)
        url = f"tcp:127.0.0.1:{controller.port}"
        tenants.lower.configure([{**tenants.slices, OVS: marked}[name] for name in TENANTS])
        try:
            wait_until(
                lambda: all(
                    f"dpid {dpid:016x}, controller {url}" in tenants.lower.log() for dpid in (1, 2)
                ),
                SECONDS,
                "both switches are known to it",
            )
            for dpid, host in itertools.product((1, 2), (one, other)):
                address = f"00:00:00:00:00:{host:02x}"
                tenants.network.ofctl(dpid, "del-flows", f"dl_src={address}")
            job = tenants.network.spawn(f"h{other}", [sys.executable, "-c", SHOW_TOS])
            wait_until(
                lambda: (
                    not tenants.lost(one, other) and tenants.network.output(job).count("tos") >= 3
                ),
                SECONDS,
                "three pings were heard",
            )
            heard = tenants.network.wait(job).output.split("\n")
            entries = [
                entry
                for dpid in (1, 2)
                for entry in tenants.network.flows(dpid)
                if f"00:00:00:00:00:{one:02x}" in entry
            ]
        finally:
            tenants.lower.configure(list(tenants.slices.values()))
    assert [line for line in heard if line] == [f"tos {MARK}"] * 3
    assert not entries, "nothing but packet-outs has sent them"
