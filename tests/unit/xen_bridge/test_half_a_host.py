"""``xl``, ``xentop`` or one reading fails where all else works: what was done is told as done."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import fake_sysfs
from fake_sysfs import PF
from xen_bridge.dom0.devices import DeviceManager
from xen_bridge.dom0.hypervisor import xl
from xen_bridge.dom0.hypervisor.memory_host import MemoryHost, MemoryWorld
from xen_bridge.dom0.sysfs_devices import SysfsDevices
from xen_bridge.errors import (
    BridgeError,
    HypervisorAway,
    HypervisorError,
    InvalidRequest,
    RequestUnsupported,
)
from xen_bridge.gatherers.xentop import FromUsage, XentopGatherer, XentopTool
from xen_bridge.handlers import device_handlers
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.devices import SetFunctions, SetQueues
from xen_bridge.protocol.documents.domains import CreateDomain, SetDomain, VcpuPins
from xen_bridge.protocol.documents.measures import Sampling
from xen_bridge.runtime.threads import ThreadRuntime
from xen_bridge.virtual_management import PhysicalHost

FAILURES = (HypervisorError("refused"), HypervisorAway("gone"), RequestUnsupported("no xl"))


@pytest.fixture
def memory() -> MemoryHost:
    return MemoryWorld().host("a")


@pytest.fixture
def host(memory: MemoryHost) -> PhysicalHost:
    made = PhysicalHost("memory:///a", memory)
    made.create(CreateDomain("r1", vcpus=2, max_vcpus=4))
    return made


def fails_after(memory: MemoryHost, step: str, error: BridgeError) -> None:
    """Have nobody tell of a domain once ``step`` was done."""
    done = getattr(memory, step)

    def then_blind(*args: object) -> object:
        told = done(*args)
        memory.fail("domain", error)
        return told

    setattr(memory, step, then_blind)


@pytest.mark.parametrize("error", FAILURES)
def test_a_change_that_was_made_is_told_as_made(
    memory: MemoryHost, host: PhysicalHost, error: BridgeError
) -> None:
    fails_after(memory, "pin", error)
    wanted = SetDomain("r1", weight=999, cap=50, vcpus=1, affinity=(VcpuPins((1,)),))
    told = host.set_domain(wanted)
    document_schema.check(told)
    assert (told.scheduler.weight, told.scheduler.cap, told.vcpus.current) == (999, 50, 1)
    assert str(error) in told.problems[0]
    memory.fail("domain", None)
    assert host.domain("r1").scheduler.weight == 999


@pytest.mark.parametrize(
    ("state", "step", "seen"),
    [("paused", "suspend", "paused"), ("destroyed", "destroy", "shutoff")],
)
def test_so_is_a_state(
    memory: MemoryHost, host: PhysicalHost, state: str, step: str, seen: str
) -> None:
    fails_after(memory, step, HypervisorError("refused"))
    told = host.set_domain(SetDomain("r1", state=state))  # type: ignore[arg-type]
    assert (told.state, told.id is None) == (seen, state == "destroyed")


def test_so_are_a_new_domain_and_a_move(memory: MemoryHost, host: PhysicalHost) -> None:
    memory.fail("vcpu_list", HypervisorError("refused"))
    other = PhysicalHost("memory:///b", memory._world.host("b"))
    memory._world.host("b").fail("domain", HypervisorError("refused"))
    moved = host.migrate("r1", other)
    assert (moved.name, moved.state, moved.id) == ("r1", "unknown", None)
    assert "cannot be read" in moved.problems[0]
    fails_after(memory, "define", HypervisorError("refused"))
    made = host.create(CreateDomain("r2", start=False))
    assert (made.name, made.state) == ("r2", "shutoff")


@pytest.mark.parametrize("error", FAILURES)
def test_so_is_a_device(tmp_path: Path, memory: MemoryHost, error: BridgeError) -> None:
    manager = DeviceManager(memory, SysfsDevices(fake_sysfs.build(tmp_path)))
    handlers = device_handlers(manager)
    memory.fail("attached_devices", error)
    told = handlers[SetQueues].carry_out(SetQueues(2))
    document_schema.check(told)
    assert told.queues.maximum == 2
    assert [item.address for item in told.devices if item.address == PF] == [PF]
    assert told.unknown
    # What must be known before the change is an error still.
    with pytest.raises(BridgeError):
        handlers[SetFunctions].carry_out(SetFunctions(PF, 0))
    with pytest.raises(InvalidRequest):
        manager._sysfs.set_functions(PF, 99)


# ---- commands


def command(folder: Path, name: str, script: str, mode: int = stat.S_IRWXU) -> Path:
    place = folder / name
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(mode)
    return place


def test_a_command_that_may_not_be_run_is_an_error_of_ours(tmp_path: Path) -> None:
    place = command(tmp_path, "xl", "exit 0", stat.S_IRUSR)
    with pytest.raises(HypervisorError, match="Permission denied"):
        xl.run_here([str(place), "info"])


def test_xens_commands_are_found_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(tmp_path, "xl", "echo told")
    monkeypatch.setattr(xl, "SBIN", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert xl.run_here(["xl", "info"]) == "told\n"


def test_over_ssh_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far, near = tmp_path / "far", tmp_path / "near"
    far.mkdir()
    near.mkdir()
    command(far, "xl", 'echo "$@"')
    # Runs its last word by a shell, as sshd does.
    command(near, "ssh", 'for last; do :; done; exec sh -c "$last"')
    monkeypatch.setattr(xl, "SBIN", str(far))
    monkeypatch.setenv("PATH", str(near), prepend=os.pathsep)
    assert xl.run_over_ssh("root@xen2")(["xl", "vcpu-pin", "a b"]) == "vcpu-pin a b\n"


@pytest.mark.parametrize(
    "script",
    ["echo no rights >&2; exit 1", "exit 0", "echo nonsense", "kill -9 $$"],
)
def test_without_xentop_the_back_end_tells(tmp_path: Path, memory: MemoryHost, script: str) -> None:
    tool = XentopTool((str(command(tmp_path, "xentop", script)),))
    both = XentopGatherer(FromUsage(memory), tool)
    measures = both.get_measures(Sampling(1, 0.05), ThreadRuntime())
    assert [item.name for item in measures.iterations[0].domains] == ["Domain-0"]


def test_a_xentop_that_may_not_be_run(tmp_path: Path, memory: MemoryHost) -> None:
    tool = XentopTool((str(tmp_path / "none"),))
    measures = XentopGatherer(FromUsage(memory), tool).get_measures(
        Sampling(1, 0.05), ThreadRuntime()
    )
    assert len(measures.iterations) == 1
