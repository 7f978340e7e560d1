"""The freezer has a domain's processes stand still, where cgroup v2 is; elsewhere it says so."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from xen_bridge.dom0.hypervisor.netns.domain_freezer import DomainFreezer
from xen_bridge.dom0.hypervisor.netns.processes import read_process


@pytest.fixture
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    made = subprocess.Popen(("sleep", "1000"))
    yield made
    made.kill()
    made.wait()


def test_a_machine_without_it_is_told_of_and_nothing_is_made(
    tmp_path: Path, sleeping: subprocess.Popen[bytes]
) -> None:
    freezer = DomainFreezer((tmp_path,))
    assert not freezer.is_there
    freezer.enter("r1", sleeping.pid)
    assert freezer.freeze("r1", sleeping.pid) is False
    freezer.thaw("r1")
    freezer.leave("r1")
    assert not list(tmp_path.iterdir())


def test_a_frozen_process_is_not_stopped_by_a_signal_and_can_still_be_ended(
    sleeping: subprocess.Popen[bytes],
) -> None:
    freezer, name = DomainFreezer(), str(uuid.uuid4())
    if not freezer.is_there:
        pytest.skip("no cgroup v2 that may be written here")
    assert freezer.freeze(name, sleeping.pid) is False
    freezer.enter(name, sleeping.pid)
    assert freezer.freeze(name, sleeping.pid) is True
    found = read_process(sleeping.pid)
    assert found is not None
    assert found.state != "T"
    freezer.thaw(name)
    assert freezer.freeze(name, sleeping.pid) is True
    sleeping.kill()
    sleeping.wait()
    freezer.leave(name)
    assert freezer.freeze(name, sleeping.pid) is False
