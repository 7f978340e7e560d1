"""``xl`` or ``xentop`` hangs: it is killed at its deadline, and all else is told without it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fake_runtime import FakeRuntime
from xen_bridge import child_command
from xen_bridge.child_command import ChildCommand, HungChild
from xen_bridge.dom0.hypervisor import xl
from xen_bridge.dom0.hypervisor.memory_host import MemoryWorld
from xen_bridge.errors import Deadline, HypervisorError
from xen_bridge.gatherers import xentop_tool
from xen_bridge.gatherers.from_usage import FromUsage
from xen_bridge.gatherers.xentop import XentopGatherer
from xen_bridge.gatherers.xentop_table import COLUMNS
from xen_bridge.gatherers.xentop_tool import XentopHung, XentopTool
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.measures import Sampling
from xen_bridge.runtime.threads import ThreadRuntime

TABLE = (
    " ".join(COLUMNS)
    + "\n  edge one --b--- 31 12.5 98304 9.4 99328 9.5 2 0 4 2 1 0 17 3 136 24 0\n"
)
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    yield
    assert not psutil.Process().children()


def test_a_command_is_killed_at_its_deadline_with_all_that_it_began(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {note}; wait"
    with pytest.raises(Deadline, match=r"sh did not end in"):
        ChildCommand().run(["sh", "-c", script], 0.3, {})
    if note.exists():
        pid = int(note.read_text() or 0)
        # It is killed by now, but ends when the kernel comes to it.
        until = time.monotonic() + 30
        while pid and _runs(pid):
            assert time.monotonic() < until, f"{pid} goes on"
            time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_it_is_not_tried_again_at_once() -> None:
    clock = Clock()
    child = ChildCommand(HungChild(clock))
    with pytest.raises(Deadline):
        child.run(SLEEP, 0.1, {})
    for _ in range(3):
        with pytest.raises(Deadline, match="tried again in 30 s"):
            child.run(["true"], 5, {})
    assert child.hung.count == 1
    clock.now += child_command.REST
    assert child.run(["true"], 5, {}).returncode == 0


def test_while_one_cannot_be_ended_no_other_is_started() -> None:
    clock = Clock()
    hung = HungChild(clock)
    # Stands for one that the kernel does not let go of.
    with subprocess.Popen(SLEEP) as stuck:
        hung.note("xl", stuck)
        clock.now += 1000
        with pytest.raises(
            Deadline, match=rf"xl hangs, and cannot be ended \(process {stuck.pid}\)"
        ):
            ChildCommand(hung).run(["true"], 5, {})
        stuck.kill()
    assert ChildCommand(hung).run(["true"], 5, {}).returncode == 0


def test_commands_take_turns_and_who_waits_too_long_is_told() -> None:
    child, begun = ChildCommand(), threading.Event()
    most: list[int] = []

    def one() -> None:
        begun.set()
        with pytest.raises(Deadline):
            child.run(SLEEP, 1.0, {})

    first = threading.Thread(target=one)
    first.start()
    begun.wait()
    while not psutil.Process().children() and first.is_alive():
        time.sleep(0.01)
    most.append(len(psutil.Process().children()))
    with pytest.raises(Deadline):
        child.run(SLEEP, 0.1, {})
    most.append(len(psutil.Process().children()))
    first.join()
    assert max(most) <= 1


def test_every_xl_of_a_host_goes_through_one_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xl, "SECONDS", 0.1)
    run = xl.one_at_a_time(ChildCommand())
    with pytest.raises(Deadline, match="did not end"):
        run(SLEEP)
    with pytest.raises(Deadline, match="tried again"):
        run(["true"])


# ---- xentop


def tool(folder: Path, body: str) -> XentopTool:
    """Return a tool whose xentop is a shell script."""
    place = folder / "xentop"
    place.write_text(f"#!/bin/sh\n{body}\n")
    place.chmod(0o755)
    return XentopTool((str(place),))


def gatherer(folder: Path, body: str) -> XentopGatherer:
    return XentopGatherer(FromUsage(MemoryWorld().host("a")), tool(folder, body))


def test_a_hanging_xentop_falls_back_and_the_answer_says_so(tmp_path: Path) -> None:
    both = gatherer(tmp_path, "exec sleep 600")
    told = both.get_measures(Sampling(3, 1.0), FakeRuntime())
    document_schema.check(told)
    assert [one.number for one in told.iterations] == [1, 2, 3]
    assert [item.name for item in told.iterations[0].domains] == ["Domain-0"]
    assert told.problem is not None
    assert "xentop wrote 0 of 4 samples" in told.problem
    assert "does not see the domains of xl" in told.problem
    # The next is told at once: no second one hangs.
    again = both.get_measures(Sampling(1, 1.0), FakeRuntime())
    assert (again.failures, again.problem is not None) == (2, True)
    assert "tried again" in (again.problem or "")


def test_what_it_wrote_before_it_hung_is_kept(tmp_path: Path) -> None:
    (tmp_path / "table").write_text(TABLE)
    wrote = tmp_path / "wrote"
    script = f"cat {' '.join([f'{tmp_path}/table'] * 3)}; touch {wrote}; exec sleep 600"

    class PatientRuntime(FakeRuntime):
        def sleep_until(self, when: float) -> None:
            while not wrote.exists():
                time.sleep(0.01)
            super().sleep_until(when)

    runtime = PatientRuntime()
    told = gatherer(tmp_path, script).get_measures(Sampling(5, 1.0), runtime)
    assert [one.number for one in told.iterations] == [1, 2, 3, 4, 5]
    assert told.iterations[0].domains[0].name == "edge one"
    assert told.iterations[-1].domains[0].name == "Domain-0"
    assert told.problem is not None


def test_a_xentop_that_tells_all_has_no_problem(tmp_path: Path) -> None:
    (tmp_path / "table").write_text(TABLE)
    told = gatherer(tmp_path, f"cat {tmp_path}/table {tmp_path}/table").get_measures(
        Sampling(), ThreadRuntime()
    )
    assert (told.problem, told.failures) == (None, None)


def test_while_one_has_written_nothing_no_other_is_started(tmp_path: Path) -> None:
    source = tool(tmp_path, f"touch {tmp_path}/started; exec sleep 600")
    with xentop_tool._FirstSample(source._first) as first:
        first.wait(FakeRuntime())
        with pytest.raises(XentopHung, match="another xentop"):
            source.get_measures(Sampling(), FakeRuntime())
    assert not (tmp_path / "started").exists()


def test_one_that_cannot_be_ended_is_the_last(tmp_path: Path) -> None:
    source = tool(tmp_path, "exit 0")
    with subprocess.Popen(SLEEP) as stuck:
        source.hung.note("xentop", stuck)
        with pytest.raises(Deadline, match="cannot be ended"):
            source.get_measures(Sampling(), FakeRuntime())
        stuck.kill()


def test_a_hypervisor_that_fails_too_is_told(tmp_path: Path) -> None:
    memory = MemoryWorld().host("a")
    memory.fail("usage", HypervisorError("libvirtd is gone"))
    both = XentopGatherer(FromUsage(memory), tool(tmp_path, "exit 1"))
    with pytest.raises(HypervisorError, match="libvirtd is gone"):
        both.get_measures(Sampling(), FakeRuntime())
