"""PhysicalHost over the memory back end: the report's methods, ranges, life, what lasts."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from xen_bridge.dom0.hypervisor.memory_host import (
    MIGRATION_STEPS,
    MemoryHost,
    MemoryWorld,
    refusing,
)
from xen_bridge.errors import (
    Conflict,
    HypervisorAway,
    HypervisorError,
    InvalidInput,
    NotFound,
)
from xen_bridge.protocol.documents.domains import CreateDomain, NewInterface, SetDomain, VcpuPins
from xen_bridge.virtual_management import PhysicalHost

SPEC = CreateDomain("r1", vcpus=2, max_vcpus=4, interfaces=(NewInterface("xenbr0"),))


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld(clock=lambda: 100.0)


@pytest.fixture
def memory(world: MemoryWorld) -> MemoryHost:
    return world.host("a")


@pytest.fixture
def host(memory: MemoryHost) -> PhysicalHost:
    made = PhysicalHost("memory:///a", memory)
    made.create(SPEC)
    return made


def share(host: PhysicalHost, name: str = "r1") -> tuple[int | None, int | None]:
    scheduler = host.domain(name).scheduler
    return scheduler.weight, scheduler.cap


def test_the_reports_methods(host: PhysicalHost) -> None:
    host.set_sched_parameters_weight(512, "r1")
    host.set_sched_parameters_cap(40, "r1")
    out = io.StringIO()
    host.print_sched_parameters(out)
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert lines == [
        ["Name", "ID", "Weight", "Cap"],
        ["Domain-0", "0", "256", "0"],
        ["r1", "1", "512", "40"],
    ]


def test_a_domain_is_named_by_id_name_or_uuid(host: PhysicalHost) -> None:
    domain = host.domain("r1")
    for name in (domain.uuid, str(domain.id), "r1"):
        host.set_sched_parameters_weight(77, name)
        assert host.domain(name).scheduler.weight == 77
    with pytest.raises(NotFound):
        host.set_sched_parameters_weight(77, "r9")


@pytest.mark.parametrize("weight", [0, -1, 65_536, 10**12])
def test_weights_out_of_range_change_nothing(host: PhysicalHost, weight: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        host.set_sched_parameters_weight(weight, "r1")
    assert refused.value.loc == ("weight",)
    assert share(host) == (256, 0)


@pytest.mark.parametrize("cap", [-1, 401, 10**9])
def test_caps_out_of_range_change_nothing(host: PhysicalHost, cap: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        host.set_sched_parameters_cap(cap, "r1")
    assert refused.value.loc == ("cap",)
    assert share(host) == (256, 0)


def test_the_ends_of_the_ranges_are_fine(host: PhysicalHost) -> None:
    for weight, cap in ((1, 0), (65_535, 400)):
        host.set_domain(SetDomain("r1", weight=weight, cap=cap))
        assert share(host) == (weight, cap)


def test_one_bad_value_among_good_ones_changes_nothing(host: PhysicalHost) -> None:
    with pytest.raises(InvalidInput):
        host.set_domain(SetDomain("r1", weight=512, vcpus=5))
    with pytest.raises(InvalidInput):
        host.set_domain(SetDomain("r1", weight=512, affinity=(VcpuPins((4,)),)))
    assert share(host) == (256, 0)
    assert host.domain("r1").vcpus.current == 2


def test_vcpus_and_affinity(host: PhysicalHost) -> None:
    host.set_domain(SetDomain("r1", vcpus=3, affinity=(VcpuPins((1, 2)),)))
    vcpus = host.domain("r1").vcpus
    assert (vcpus.current, vcpus.maximum) == (3, 4)
    assert vcpus.affinity == (VcpuPins((1, 2)),) * 3
    host.pin_vcpu("r1", 1, [3])
    rows = [(row.domain, row.vcpu, row.affinity) for row in host.vcpu_list()]
    assert rows[1:] == [("r1", 0, (1, 2)), ("r1", 1, (3,)), ("r1", 2, (1, 2))]
    host.pin_vcpu("r1", None, range(4))
    assert host.domain("r1").vcpus.affinity == (VcpuPins((0, 1, 2, 3)),) * 3
    for vcpu, cpus in ((3, [0]), (-1, [0]), (0, []), (0, [4])):
        with pytest.raises(InvalidInput):
            host.pin_vcpu("r1", vcpu, cpus)


def test_affinity_is_one_for_all_or_one_for_each(host: PhysicalHost) -> None:
    with pytest.raises(InvalidInput, match="one for each of 2"):
        host.set_domain(SetDomain("r1", affinity=(VcpuPins((0,)),) * 3))


def test_life(host: PhysicalHost) -> None:
    host.set_domain(SetDomain("r1", state="paused"))
    assert host.domain("r1").state == "paused"
    host.set_domain(SetDomain("r1", state="paused"))
    host.set_domain(SetDomain("r1", state="running"))
    assert host.domain("r1").state == "running"
    host.set_domain(SetDomain("r1", state="shutoff"))
    assert (host.domain("r1").state, host.domain("r1").id) == ("shutoff", None)
    host.set_domain(SetDomain("r1", state="destroyed"))
    with pytest.raises(Conflict):
        host.set_domain(SetDomain("r1", state="paused"))
    host.start("r1")
    host.suspend("r1")
    host.resume("r1")
    with pytest.raises(Conflict):
        host.undefine("r1")
    host.destroy("r1")
    host.undefine("r1")
    with pytest.raises(NotFound):
        host.domain("r1")


def test_a_stopped_domain_has_no_share_unless_it_is_started(host: PhysicalHost) -> None:
    host.shutdown("r1")
    with pytest.raises(Conflict, match="does not run"):
        host.set_domain(SetDomain("r1", weight=512))
    assert host.set_domain(SetDomain("r1", weight=512, state="running")).scheduler.weight == 512


def test_weight_and_cap_are_put_back_after_a_start(host: PhysicalHost) -> None:
    host.set_domain(SetDomain("r1", weight=512, cap=40))
    host.destroy("r1")
    host.start("r1")
    assert share(host) == (512, 40)


def test_weight_and_cap_are_put_back_when_somebody_else_started(
    host: PhysicalHost, memory: MemoryHost
) -> None:
    host.set_domain(SetDomain("r1", weight=512, cap=40))
    memory.destroy("r1")
    memory.start("r1")
    assert memory.domain("r1").scheduler.weight == 256
    assert {domain.name: domain.scheduler.weight for domain in host.domains()}["r1"] == 512
    memory.set_scheduler("r1", 100, 0)
    # Another's change of the same run stands.
    assert share(host) == (100, 0)


def test_weight_and_cap_outlast_this_program(memory: MemoryHost, tmp_path: Path) -> None:
    file = tmp_path / "store.json"
    first = PhysicalHost("memory:///a", memory, file)
    first.create(CreateDomain("r2", weight=300, cap=20))
    memory.destroy("r2")
    second = PhysicalHost("memory:///a", memory, file)
    second.start("r2")
    assert share(second, "r2") == (300, 20)
    second.delete("r2")
    assert file.read_text() == "{}"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}', '{"x": ["a", 1]}'])
def test_a_damaged_file_of_wishes_counts_as_none(
    memory: MemoryHost, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "store.json"
    file.write_text(text)
    assert PhysicalHost("memory:///a", memory, file).domains()


def test_creating_gives_the_share_at_once(host: PhysicalHost) -> None:
    made = host.create(CreateDomain("r2", weight=512, cap=25))
    assert (made.state, made.scheduler.weight, made.scheduler.cap) == ("running", 512, 25)
    assert host.define(CreateDomain("r3")).state == "shutoff"


def test_creating_is_all_or_nothing(host: PhysicalHost, memory: MemoryHost) -> None:
    memory.fail("start", refusing("no memory"))
    with pytest.raises(HypervisorError, match="no memory"):
        host.create(CreateDomain("r2", weight=512))
    assert [domain.name for domain in host.domains()] == ["Domain-0", "r1"]
    memory.fail("start", None)
    assert host.create(CreateDomain("r2")).scheduler.weight == 256


@pytest.mark.parametrize(
    "wanted",
    [
        CreateDomain("r2", cap=401),
        CreateDomain("r2", vcpus=2, max_vcpus=1),
        CreateDomain("r2", weight=0),
    ],
)
def test_what_cannot_be_created_is_refused_before(host: PhysicalHost, wanted: CreateDomain) -> None:
    with pytest.raises(InvalidInput):
        host.create(wanted)
    assert len(host.domains()) == 2


def test_names_and_uuids_are_taken_once(host: PhysicalHost) -> None:
    with pytest.raises(Conflict):
        host.create(SPEC)
    with pytest.raises(Conflict):
        host.create(CreateDomain("r2", uuid=host.domain("r1").uuid))


def test_deleting(host: PhysicalHost) -> None:
    host.delete("r1")
    assert len(host.domains()) == 1
    with pytest.raises(Conflict):
        host.delete(0)
    with pytest.raises(NotFound):
        host.delete("r1")


def test_migration_keeps_weight_and_cap(world: MemoryWorld, host: PhysicalHost) -> None:
    host.set_domain(SetDomain("r1", weight=512, cap=40))
    other = PhysicalHost("memory:///b", world.host("b"))
    there = host.migrate("r1", other)
    assert (there.scheduler.weight, there.scheduler.cap) == (512, 40)
    with pytest.raises(NotFound):
        host.domain("r1")


@pytest.mark.parametrize("step", MIGRATION_STEPS)
def test_a_migration_that_fails_leaves_one_running_domain(
    world: MemoryWorld, host: PhysicalHost, memory: MemoryHost, step: str
) -> None:
    other = PhysicalHost("memory:///b", world.host("b"))
    failing = world.host("b") if step in ("prepare", "finish") else memory
    failing.fail(step, refusing(step))
    host.set_domain(SetDomain("r1", weight=512))
    with pytest.raises(HypervisorError, match=step):
        host.migrate("r1", other)
    where = [domain for place in (host, other) for domain in place.domains() if domain.name == "r1"]
    assert [domain.state for domain in where] == ["running"]


def test_a_migration_checks_first(world: MemoryWorld, host: PhysicalHost) -> None:
    other = PhysicalHost("memory:///b", world.host("b"))
    other.create(CreateDomain("r1"))
    with pytest.raises(Conflict):
        host.migrate("r1", other)
    with pytest.raises(HypervisorAway):
        host.migrate("r1", PhysicalHost("memory:///c", MemoryWorld().host("c")))
    assert host.domain("r1").state == "running"


def test_uris() -> None:
    assert PhysicalHost("memory:///x").host().name == "x"
    with pytest.raises(InvalidInput, match="xen"):
        PhysicalHost("qemu:///system")


@pytest.mark.parametrize(
    "end",
    [
        lambda host: host.shutdown(0),
        lambda host: host.destroy("Domain-0"),
        lambda host: host.suspend(0),
        lambda host: host.undefine(0),
        lambda host: host.delete(0),
        lambda host: host.migrate(0, "memory:///b"),
        lambda host: host.set_domain(SetDomain("0", state="paused")),
        lambda host: host.set_domain(SetDomain("0", state="shutoff")),
        lambda host: host.set_domain(SetDomain("0", weight=512, state="destroyed")),
    ],
)
def test_the_host_itself_is_never_paused_or_ended(host: PhysicalHost, memory: MemoryHost, end):
    before = host.domains()
    # Had the hypervisor been asked, this is what it would say.
    for step in ("shutdown", "destroy", "suspend", "undefine", "connect", "set_scheduler"):
        memory.fail(step, HypervisorError("was asked"))
    with pytest.raises(Conflict, match="host itself"):
        end(host)
    assert host.domains() == before


def test_a_domain_that_is_undefined_leaves_nothing_behind(host: PhysicalHost) -> None:
    uuid = host.domain("r1").uuid
    host.set_domain(SetDomain("r1", weight=700))
    host.destroy("r1")
    host.undefine("r1")
    host.create(replace(SPEC, uuid=uuid))
    assert share(host) == (256, 0)
