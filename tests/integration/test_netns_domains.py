"""Domains that are network namespaces, through ``xen-bridge serve`` and its own interface."""

from __future__ import annotations

import os
import stat
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools.bridge_process import BridgeProcess
from tools.work_clock import WorkClock, wait_for_work
from xen_bridge.dom0.hypervisor.netns.domain_cgroups import DomainCgroups
from xen_bridge.dom0.hypervisor.netns.domain_freezer import DomainFreezer
from xen_bridge.dom0.hypervisor.netns.processes import by_pid_namespace, pid_namespace, read_process
from xen_bridge.errors import HypervisorError, InvalidRequest, RequestConflict, RequestUnsupported
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    DeleteDomain,
    GetNode,
    NewInterface,
    SetDomain,
    VcpuPins,
)
from xen_bridge.trust.identity import Identity
from xen_bridge.virtual_management import PhysicalHost

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]
FREEZING = ("freezer",) if DomainFreezer().is_there else ()
ALWAYS = ("affinity", "plane_separation", "router_setup")
MOVING = ("migration_within_machine", "migration_by_restart")
SHARES = ("cap", "weight") if DomainCgroups().are_there else ()
"""What cgroup v2 makes possible, where the machine has that."""
ROUTER = "#!/bin/sh\nip address add $1 dev eth0 && exec sleep 1000\n"


def ip(*words: str) -> str:
    return subprocess.run(("ip", *words), check=True, capture_output=True, text=True).stdout


def until(condition: Callable[[], bool], what: str) -> None:
    wait_for_work(condition, WorkClock(lambda: (os.getpid(),)), 10, what)


class Machine:
    """A host of namespaces with a name, a bridge and a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex[:8]
        self.bridge = f"hzb{self.name}"
        self.uri = f"netns:///{self.name}?state={folder / 'state'}"
        self.program = folder / "router"
        self.program.write_text(ROUTER)
        self.program.chmod(0o755)
        self.host = PhysicalHost(self.uri)

    def router(self, name: str, address: str) -> CreateDomain:
        return CreateDomain(
            name,
            kernel=str(self.program),
            arguments=f"{address}/24",
            interfaces=(NewInterface(self.bridge),),
        )

    def hears(self, name: str, address: str, seconds: int = 10) -> bool:
        """Tell whether a domain gets an answer from an address, in its time."""
        namespace = f"hz-{self.name}-{name}"
        command = ("ip", "netns", "exec", namespace, "ping", "-c1", f"-W{seconds}", address)
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def leftovers(self) -> list[str]:
        """Return what there is of domains: links in the bridge, names of namespaces."""
        links = ip("-br", "link", "show", "master", self.bridge).split()
        return [*links, *(one.name for one in Path("/run/netns").glob(f"hz-{self.name}-*"))]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    ip("link", "add", made.bridge, "type", "bridge")
    try:
        # A machine may answer for all addresses that it has a route to.
        Path(f"/proc/sys/net/ipv4/conf/{made.bridge}/proxy_arp").write_text("0")
        ip("link", "set", made.bridge, "up")
        yield made
        for domain in made.host.domains():
            made.host.delete(domain.uuid)
        # Of one that ended by itself the kernel takes the links a moment after its last process.
        until(lambda: made.leftovers() == [], "nothing is left of it")
    finally:
        for domain in made.host.domains():
            made.host.delete(domain.uuid)
        ip("link", "del", made.bridge)


def processes(machine: Machine, name: str) -> list[int]:
    """Return the processes of a running domain, by the namespace that its name leads to."""
    link = os.readlink(f"/run/netns/hz-{machine.name}-{name}")
    return by_pid_namespace()[pid_namespace(int(link.split("/")[2])) or ""]


def states(machine: Machine, name: str) -> set[str]:
    found = [read_process(pid) for pid in processes(machine, name)]
    return {one.state for one in found if one is not None}


def test_a_served_host_makes_routers_that_talk_and_outlive_the_service(
    machine: Machine, tmp_path: Path
) -> None:
    controller = Identity.create(tmp_path / "controller")
    allow = ("--allow-path", f"{tmp_path}:ro")
    bridge = BridgeProcess(tmp_path / "bridge", controller, machine.uri, more=allow)
    with bridge:
        client = bridge.client()
        for name, address in (("r1", "192.0.2.1"), ("r2", "192.0.2.2")):
            made = client.ask(machine.router(name, address)).domain
            assert (made.state, made.persistent, made.interfaces[0].bridge) == (
                "running",
                True,
                machine.bridge,
            )
        until(lambda: machine.hears("r1", "192.0.2.2", 1), "r2 answers r1")
        first = client.ask(GetNode())
        assert (first.host.hypervisor, first.host.capabilities) == (
            "netns",
            tuple(
                sorted(
                    (*MOVING, *FREEZING, "affinity", "plane_separation", "router_setup", *SHARES)
                )
            ),
        )
        bridge.kill()
        bridge.start()
        client = bridge.client()
        again = client.ask(GetNode()).domains
        assert [(one.name, one.id) for one in again] == [
            (one.name, one.id) for one in first.domains
        ]
        assert machine.hears("r1", "192.0.2.2")
        client.ask(DeleteDomain("r2"))
        assert not machine.hears("r1", "192.0.2.2", 1)
        assert [one.name for one in client.ask(GetNode()).domains] == ["r1"]


def test_a_paused_router_does_nothing_and_forwards_nothing_until_it_is_resumed(
    machine: Machine,
) -> None:
    for name, address in (("r1", "192.0.2.1"), ("r2", "192.0.2.2")):
        machine.host.create(machine.router(name, address))
    until(lambda: machine.hears("r1", "192.0.2.2", 1), "r2 answers r1")
    assert machine.host.set_domain(SetDomain("r2", state="paused")).state == "paused"
    assert states(machine, "r2") == {"T"}
    assert not machine.hears("r1", "192.0.2.2", 1)
    with pytest.raises(RequestConflict, match="paused"):
        machine.host.shutdown("r2")
    assert machine.host.set_domain(SetDomain("r2", state="running")).state == "running"
    assert "T" not in states(machine, "r2")
    until(lambda: machine.hears("r1", "192.0.2.2", 1), "r2 answers r1 again")


def test_what_a_router_uses_is_told_from_proc_and_its_links(machine: Machine) -> None:
    for name, address in (("r1", "192.0.2.1"), ("r2", "192.0.2.2")):
        machine.host.create(machine.router(name, address))
    until(lambda: machine.hears("r1", "192.0.2.2", 1), "r2 answers r1")
    usage = {one.name: one for one in machine.host.hypervisor.usage()}
    r1 = usage["r1"]
    assert (r1.vcpus, r1.vif_count, len(r1.interfaces or ())) == (1, 1, 1)
    assert (r1.memory_kb or 0) > 0
    assert r1.cpu_ns is not None
    assert all(one.received_packets > 0 for one in r1.interfaces or ())


def test_a_router_keeps_to_its_cpu_with_all_its_processes(machine: Machine) -> None:
    made = machine.host.create(machine.router("r1", "192.0.2.1"))
    cpu = sorted(os.sched_getaffinity(0))[0]
    machine.host.set_domain(SetDomain("r1", affinity=(VcpuPins((cpu,)),)))
    assert {frozenset(os.sched_getaffinity(pid)) for pid in processes(machine, "r1")} == {
        frozenset({cpu})
    }
    (row,) = machine.host.vcpu_list()
    assert (row.domain, row.id, row.affinity) == ("r1", made.id, (cpu,))
    machine.host.destroy("r1")
    assert machine.host.domain("r1").state == "shutoff"
    machine.host.start("r1")
    assert os.sched_getaffinity(processes(machine, "r1")[0]) == {cpu}


def test_a_router_ends_when_it_is_asked_when_its_first_process_is_killed_or_its_program_ends(
    machine: Machine,
) -> None:
    def ended() -> bool:
        return machine.host.domain("r1").state == "shutoff"

    wanted = machine.router("r1", "192.0.2.1")
    ids = [machine.host.create(wanted).id]
    until(lambda: len(processes(machine, "r1")) > 1, "its program runs")
    machine.host.shutdown("r1")
    until(ended, "it shuts down")
    for end in (min, max):
        machine.host.start("r1")
        ids.append(machine.host.domain("r1").id)
        until(lambda: len(processes(machine, "r1")) > 1, "its program runs")
        os.kill(end(processes(machine, "r1")), 9)
        until(ended, "it has ended")
    assert len(set(ids)) == len(ids)
    assert machine.host.domain("r1").interfaces[0].target is None


@pytest.mark.parametrize("fault", ["no interpreter", "no bridge"])
def test_a_router_that_does_not_start_leaves_nothing(machine: Machine, fault: str) -> None:
    wanted = machine.router("r1", "192.0.2.1")
    if fault == "no bridge":
        wanted = CreateDomain("r1", interfaces=(NewInterface(machine.bridge), NewInterface("no")))
    else:
        machine.program.write_text("#!/none\n")
    with pytest.raises(HypervisorError):
        machine.host.create(wanted)
    assert machine.host.domains() == ()
    assert machine.leftovers() == []


def test_what_namespaces_have_not_is_refused_before_anything_is_made(machine: Machine) -> None:
    for wanted in (CreateDomain("r1", weight=2), CreateDomain("r1", cap=2)):
        if SHARES:
            break
        with pytest.raises(RequestUnsupported):
            machine.host.create(wanted)
    for wanted in (CreateDomain("r1", vcpus=2), CreateDomain("r1", max_vcpus=2)):
        with pytest.raises(RequestUnsupported, match="vCPUs"):
            machine.host.create(wanted)
    assert machine.host.domains() == ()
    machine.host.create(CreateDomain("r1"))
    with pytest.raises(RequestUnsupported):
        machine.host.set_domain(SetDomain("r1", on_crash="restart"))
    with pytest.raises(RequestUnsupported):
        machine.host.migrate("r1", machine.uri)
    with pytest.raises(RequestConflict, match="r1"):
        machine.host.create(CreateDomain("r1"))


def test_a_program_that_others_than_root_may_write_is_not_run(machine: Machine) -> None:
    machine.program.chmod(0o777)
    with pytest.raises(InvalidRequest, match="others than root"):
        machine.host.create(machine.router("r1", "192.0.2.1"))
    machine.program.chmod(stat.S_IRUSR)
    with pytest.raises(InvalidRequest, match="no program"):
        machine.host.create(machine.router("r1", "192.0.2.1"))
    assert machine.host.domains() == ()


def test_routers_that_start_with_the_machine_do_so_once(machine: Machine, tmp_path: Path) -> None:
    machine.host.create(CreateDomain("r1", autostart=True))
    machine.host.destroy("r1")
    assert PhysicalHost(machine.uri).domains()[0].state == "shutoff"
    (tmp_path / "state" / machine.name / "boot").write_text("another boot")
    assert PhysicalHost(machine.uri).domains()[0].state == "running"
