"""Weight and cap of namespace domains, on a machine with cgroup v2 and on one without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xen_bridge.dom0.hypervisor.interface import Capability
from xen_bridge.dom0.hypervisor.netns.domain_cgroups import DomainCgroups, kernel_weight
from xen_bridge.dom0.hypervisor.netns.domain_store import DomainStore, RunRecord
from xen_bridge.dom0.hypervisor.netns.netns_host import NetnsHost
from xen_bridge.dom0.hypervisor.netns.processes import boot_id, read_process
from xen_bridge.errors import HypervisorError, InvalidRequest, RequestUnsupported
from xen_bridge.protocol.documents.domains import CreateDomain, SetDomain
from xen_bridge.virtual_management import PhysicalHost


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine's cgroups, as far as files can stand for them."""
    made = tmp_path / "cgroup"
    made.mkdir()
    (made / "cgroup.controllers").write_text("cpuset cpu io memory\n")
    (made / "cgroup.subtree_control").write_text("")
    return made


class Machine:
    """A host of namespaces whose domain r1 runs by this process, so far as anybody can tell."""

    def __init__(self, base: Path, root: Path) -> None:
        self.base, self.root = base, root
        self.host = self.again()
        self.uuid = self.host.create(CreateDomain("r1", start=False)).uuid
        self.group = root / "xen-bridge" / self.uuid
        mine = read_process(os.getpid())
        assert mine is not None
        record = RunRecord(mine.pid, mine.start_ticks, 7, boot_id())
        store = DomainStore(base, "a")
        with store.lock():
            store.put_run(self.uuid, record)
        if DomainCgroups(root).are_there:
            DomainCgroups(root).enter(self.uuid, mine.pid)

    def again(self) -> PhysicalHost:
        """Begin the service anew."""
        return PhysicalHost("netns:///a", NetnsHost("a", self.base, DomainCgroups(self.root)))

    def told(self, name: str) -> str:
        return (self.group / name).read_text()


@pytest.fixture
def machine(tmp_path: Path, root: Path) -> Machine:
    return Machine(tmp_path / "state", root)


def test_a_domain_is_in_a_group_of_its_own_with_what_all_others_have(machine: Machine) -> None:
    assert machine.told("cgroup.procs") == str(os.getpid())
    assert (machine.told("cpu.weight"), machine.told("cpu.max")) == ("100", "max 100000")
    for above in (machine.root, machine.root / "xen-bridge"):
        assert (above / "cgroup.subtree_control").read_text() == "+cpu"


def test_weight_and_cap_are_set_told_and_outlive_the_service(machine: Machine) -> None:
    assert {Capability.WEIGHT, Capability.CAP} <= machine.host.capabilities
    told = machine.host.set_domain(SetDomain("r1", weight=512, cap=25)).scheduler
    assert (told.kind, told.weight, told.cap) == ("cgroup", 512, 25)
    assert (machine.told("cpu.weight"), machine.told("cpu.max")) == ("200", "25000 100000")
    again = machine.again()
    assert again.domain("r1").scheduler == told
    assert [one.scheduler for one in again.schedulers()] == [told]
    assert again.host().scheduler == "cgroup"
    # What is left out stays as it is, to the digit.
    assert again.set_domain(SetDomain("r1", weight=300)).scheduler.cap == 25
    assert again.set_domain(SetDomain("r1", cap=0)).scheduler.weight == 300
    assert (machine.told("cpu.weight"), machine.told("cpu.max")) == ("117", "max 100000")


def test_what_the_kernel_refuses_is_an_error_and_changes_nothing(machine: Machine) -> None:
    (machine.group / "cpu.max").unlink()
    (machine.group / "cpu.max").mkdir()
    with pytest.raises(HypervisorError, match=r"cpu\.max"):
        machine.host.set_domain(SetDomain("r1", cap=10))
    assert machine.host.domain("r1").scheduler.cap == 0


def test_a_cap_is_of_one_cpu_at_most(machine: Machine) -> None:
    with pytest.raises(InvalidRequest, match="cap"):
        machine.host.set_domain(SetDomain("r1", cap=101))


def test_a_domain_that_does_not_run_is_told_with_what_it_is_given_when_it_does(
    machine: Machine,
) -> None:
    made = machine.host.create(CreateDomain("r2", weight=99, start=False))
    assert (made.scheduler.kind, made.scheduler.weight, made.scheduler.cap) == ("cgroup", 99, None)


def test_the_group_goes_with_the_domain(machine: Machine, root: Path) -> None:
    empty = root / "xen-bridge" / "gone"
    empty.mkdir()
    DomainCgroups(root).leave("gone")
    assert not empty.exists()
    DomainCgroups(root).leave("gone")


@pytest.mark.parametrize(
    ("xen", "kernel"), [(1, 1), (2, 1), (128, 50), (256, 100), (512, 200), (65_535, 10_000)]
)
def test_xen_s_weights_are_the_kernel_s_in_proportion(xen: int, kernel: int) -> None:
    assert kernel_weight(xen) == kernel


@pytest.mark.parametrize("lack", ["no cgroup v2", "no controller"])
def test_without_cgroups_weight_and_cap_are_declared_unsupported(
    tmp_path: Path, root: Path, lack: str
) -> None:
    controllers = root / "cgroup.controllers"
    if lack == "no cgroup v2":
        controllers.unlink()
    else:
        controllers.write_text("memory\n")
    machine = Machine(tmp_path / "state", root)
    assert not {Capability.WEIGHT, Capability.CAP} & machine.host.capabilities
    for change in (SetDomain("r1", weight=2), SetDomain("r1", cap=2)):
        with pytest.raises(RequestUnsupported):
            machine.host.set_domain(change)
    with pytest.raises(RequestUnsupported, match="cgroup v2"):
        machine.host.hypervisor.set_scheduler("r1", 2, None)
    assert machine.host.domain("r1").scheduler.kind is None
    assert machine.host.host().scheduler is None
