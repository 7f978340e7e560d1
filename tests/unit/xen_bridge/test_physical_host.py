"""PhysicalHost over the memory back end: the report's methods, ranges, life, what lasts."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from xen_bridge.dom0.hypervisor.memory_faults import MIGRATION_STEPS, refusing
from xen_bridge.dom0.hypervisor.memory_host import MemoryHost, MemoryWorld
from xen_bridge.errors import (
    HypervisorAway,
    HypervisorError,
    InvalidRequest,
    RequestConflict,
    SubjectNotFound,
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
    with pytest.raises(SubjectNotFound):
        host.set_sched_parameters_weight(77, "r9")


@pytest.mark.parametrize("weight", [0, -1, 65_536, 10**12])
def test_weights_out_of_range_change_nothing(host: PhysicalHost, weight: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        host.set_sched_parameters_weight(weight, "r1")
    assert refused.value.loc == ("weight",)
    assert share(host) == (256, 0)


@pytest.mark.parametrize("cap", [-1, 401, 10**9])
def test_caps_out_of_range_change_nothing(host: PhysicalHost, cap: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        host.set_sched_parameters_cap(cap, "r1")
    assert refused.value.loc == ("cap",)
    assert share(host) == (256, 0)


def test_the_ends_of_the_ranges_are_fine(host: PhysicalHost) -> None:
    host.set_vcpus("r1", 4)
    for weight, cap in ((1, 0), (65_535, 400)):
        host.set_domain(SetDomain("r1", weight=weight, cap=cap))
        assert share(host) == (weight, cap)


def test_one_bad_value_among_good_ones_changes_nothing(host: PhysicalHost) -> None:
    with pytest.raises(InvalidRequest):
        host.set_domain(SetDomain("r1", weight=512, vcpus=5))
    with pytest.raises(InvalidRequest):
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
        with pytest.raises(InvalidRequest):
            host.pin_vcpu("r1", vcpu, cpus)


def test_affinity_is_one_for_all_or_one_for_each(host: PhysicalHost) -> None:
    with pytest.raises(InvalidRequest, match="one for each of 2"):
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
    with pytest.raises(RequestConflict):
        host.set_domain(SetDomain("r1", state="paused"))
    host.start("r1")
    host.suspend("r1")
    host.resume("r1")
    with pytest.raises(RequestConflict):
        host.undefine("r1")
    host.destroy("r1")
    host.undefine("r1")
    with pytest.raises(SubjectNotFound):
        host.domain("r1")


def test_a_stopped_domain_can_be_started_with_a_share(host: PhysicalHost) -> None:
    host.shutdown("r1")
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
    with pytest.raises(InvalidRequest):
        host.create(wanted)
    assert len(host.domains()) == 2


def test_names_and_uuids_are_taken_once(host: PhysicalHost) -> None:
    with pytest.raises(RequestConflict):
        host.create(SPEC)
    with pytest.raises(RequestConflict):
        host.create(CreateDomain("r2", uuid=host.domain("r1").uuid))


def test_deleting(host: PhysicalHost) -> None:
    host.delete("r1")
    assert len(host.domains()) == 1
    with pytest.raises(RequestConflict):
        host.delete(0)
    with pytest.raises(SubjectNotFound):
        host.delete("r1")


def test_migration_keeps_weight_and_cap(world: MemoryWorld, host: PhysicalHost) -> None:
    host.set_domain(SetDomain("r1", weight=512, cap=40))
    other = PhysicalHost("memory:///b", world.host("b"))
    there = host.migrate("r1", other)
    assert (there.scheduler.weight, there.scheduler.cap) == (512, 40)
    with pytest.raises(SubjectNotFound):
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
    with pytest.raises(RequestConflict):
        host.migrate("r1", other)
    with pytest.raises(HypervisorAway):
        host.migrate("r1", PhysicalHost("memory:///c", MemoryWorld().host("c")))
    assert host.domain("r1").state == "running"


def test_uris() -> None:
    assert PhysicalHost("memory:///x").host().name == "x"
    with pytest.raises(InvalidRequest, match="xen"):
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
    with pytest.raises(RequestConflict, match="host itself"):
        end(host)
    assert host.domains() == before


def test_a_domain_that_is_undefined_leaves_nothing_behind(host: PhysicalHost) -> None:
    uuid = host.domain("r1").uuid
    host.set_domain(SetDomain("r1", weight=700))
    host.destroy("r1")
    host.undefine("r1")
    host.create(replace(SPEC, uuid=uuid))
    assert share(host) == (256, 0)


# ---- caps and vCPUs


def test_a_cap_that_its_vcpus_cannot_use_is_refused(host: PhysicalHost) -> None:
    with pytest.raises(InvalidRequest, match="250 is more than 100 for each of its 2 vCPUs"):
        host.set_domain(SetDomain("r1", cap=250))
    with pytest.raises(InvalidRequest, match="2 vCPUs"):
        host.create(CreateDomain("r2", vcpus=2, max_vcpus=4, cap=250))
    assert host.set_domain(SetDomain("r1", cap=250, vcpus=3)).scheduler.cap == 250


@pytest.mark.parametrize("is_running", [True, False])
def test_vcpus_that_the_cap_needs_stay(host: PhysicalHost, is_running: bool) -> None:
    host.set_domain(SetDomain("r1", cap=150))
    if not is_running:
        host.destroy("r1")
    with pytest.raises(RequestConflict, match=r"cap of 150, more than 1 vCPUs"):
        host.set_vcpus("r1", 1)
    assert host.domain("r1").vcpus.current == 2
    host.set_domain(SetDomain("r1", state="running", cap=100, vcpus=1))
    assert (share(host), host.domain("r1").vcpus.current) == ((256, 100), 1)


def test_a_change_of_cap_and_vcpus_is_taken_back_whole(
    host: PhysicalHost, memory: MemoryHost
) -> None:
    """Each step of the way back is one that the hypervisor takes."""
    real = memory.set_scheduler

    def careful(domain: str, weight: int | None, cap: int | None) -> None:
        assert cap is None or cap <= 100 * (memory.domain(domain).vcpus.current or 0)
        real(domain, weight, cap)

    memory.set_scheduler = careful  # type: ignore[method-assign]
    for before, after in (((150, 2), (50, 1)), ((50, 1), (150, 2))):
        host.set_domain(SetDomain("r1", cap=before[0], vcpus=before[1]))
        memory.fail("pin", refusing())
        change = SetDomain("r1", cap=after[0], vcpus=after[1], affinity=(VcpuPins((0,)),))
        with pytest.raises(HypervisorError):
            host.set_domain(change)
        memory.fail("pin", None)
        assert (share(host)[1], host.domain("r1").vcpus.current) == before


def test_a_start_that_fails_later_takes_its_share_back(
    host: PhysicalHost, memory: MemoryHost
) -> None:
    host.set_domain(SetDomain("r1", weight=512))
    host.destroy("r1")
    memory.fail("pin", refusing())
    change = SetDomain("r1", weight=100, state="running", affinity=(VcpuPins((0,)),))
    with pytest.raises(HypervisorError):
        host.set_domain(change)
    assert host.domain("r1").id is None
    host.start("r1")
    assert share(host) == (512, 0)


def kept_in_vain(host: PhysicalHost, memory: MemoryHost) -> None:
    """Have r1 run with fewer vCPUs than its kept cap needs: somebody else saw to that."""
    host.set_domain(SetDomain("r1", weight=512, cap=150))
    memory.destroy("r1")
    uuid = memory.domain("r1").uuid
    memory.undefine("r1")
    memory.define(replace(SPEC, uuid=uuid, vcpus=1, max_vcpus=1))
    memory.start("r1")


def test_a_look_goes_on_where_a_kept_cap_cannot_be_given(
    host: PhysicalHost, memory: MemoryHost, caplog: pytest.LogCaptureFixture
) -> None:
    kept_in_vain(host, memory)
    for _ in range(3):
        found = {domain.name: domain for domain in host.domains()}
        assert host.domain("r1").problems == found["r1"].problems
    # The weight could be given.
    assert (found["r1"].scheduler.weight, found["r1"].scheduler.cap) == (512, 0)
    (problem,) = found["r1"].problems
    assert "kept weight 512 and cap 150 cannot be given" in problem
    assert "0 to 100" in problem
    assert found["Domain-0"].problems == ()
    assert len([one for one in caplog.records if "r1" in one.getMessage()]) == 1
    changed = host.set_domain(SetDomain("r1", cap=80))
    assert (changed.scheduler.cap, changed.problems) == (80, ())


def test_a_start_with_a_kept_cap_that_cannot_be_given_may_bring_another(
    host: PhysicalHost, memory: MemoryHost
) -> None:
    kept_in_vain(host, memory)
    memory.destroy("r1")
    with pytest.raises(HypervisorError, match="cap out of range"):
        host.set_domain(SetDomain("r1", state="running"))
    assert host.domain("r1").id is None
    started = host.set_domain(SetDomain("r1", state="running", cap=90))
    assert (started.scheduler.weight, started.scheduler.cap) == (512, 90)


def test_a_share_that_cannot_be_read_is_given_when_it_can(
    host: PhysicalHost, memory: MemoryHost
) -> None:
    host.set_domain(SetDomain("r1", weight=512))
    memory.destroy("r1")
    memory.start("r1")
    memory.blind("r1", "scheduler")
    assert host.domain("r1").scheduler.weight is None
    memory.blind("r1")
    assert share(host) == (512, 0)


def test_a_look_writes_no_file(memory: MemoryHost, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    host = PhysicalHost("memory:///a", memory, folder / "store.json")
    host.create(CreateDomain("r2", weight=300))
    memory.destroy("r2")
    memory.start("r2")
    (folder / "store.json").unlink()
    folder.rmdir()
    assert {domain.name: domain.scheduler.weight for domain in host.domains()}["r2"] == 300
    with pytest.raises(HypervisorError, match="cannot be written"):
        host.set_sched_parameters_weight(400, "r2")
    assert share(host, "r2") == (300, 0)


@pytest.mark.parametrize("row", ["[70000, 0]", "[0, 0]", "[true, 0]", "[1, -1]", "[1, 1e400]"])
def test_one_damaged_row_of_a_file_of_wishes_is_passed_over(
    memory: MemoryHost, tmp_path: Path, row: str, caplog: pytest.LogCaptureFixture
) -> None:
    host = PhysicalHost("memory:///a", memory)
    one, other = (host.create(CreateDomain(name)).uuid for name in ("r1", "r2"))
    file = tmp_path / "store.json"
    file.write_text(f'{{"{one}": {row}, "{other}": [300, 20]}}')
    again = PhysicalHost("memory:///a", memory, file)
    found = {domain.name: domain for domain in again.domains()}
    assert (found["r1"].scheduler.weight, found["r1"].problems) == (256, ())
    assert found["r2"].scheduler.weight == 300
    assert one in caplog.text


def test_a_file_of_wishes_that_is_nested_without_end(memory: MemoryHost, tmp_path: Path) -> None:
    file = tmp_path / "store.json"
    file.write_text("[" * 200_000)
    assert PhysicalHost("memory:///a", memory, file).domains()


def test_a_share_that_cannot_be_kept_leaves_no_domain(memory: MemoryHost, tmp_path: Path) -> None:
    host = PhysicalHost("memory:///a", memory, tmp_path / "none" / "store.json")
    with pytest.raises(HypervisorError, match="cannot be written"):
        host.create(CreateDomain("r2", weight=300))
    assert [domain.name for domain in host.domains()] == ["Domain-0"]


def test_a_domain_goes_even_if_its_share_cannot_be_forgotten(
    memory: MemoryHost, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    host = PhysicalHost("memory:///a", memory, folder / "store.json")
    host.create(CreateDomain("r2", weight=300))
    (folder / "store.json").unlink()
    folder.rmdir()
    host.delete("r2")
    assert [domain.name for domain in host.domains()] == ["Domain-0"]


def test_a_kept_cap_that_waits_is_told_until_it_is_given(
    host: PhysicalHost, memory: MemoryHost
) -> None:
    kept_in_vain(host, memory)
    changed = host.set_domain(SetDomain("r1", weight=700))
    assert changed.scheduler.weight == 700
    assert "cap 150 cannot be given" in changed.problems[0]
