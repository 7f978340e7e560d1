"""Who goes on with migrations when their node is killed, and whose its files are then."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from xen_bridge.claim import Claim
from xen_bridge.leaving import keeper_command
from xen_bridge.migration.keeper import Keeper

PARENT = """
import os, sys
from xen_bridge.migration.keeper import Keeper
with Keeper(("/bin/sh", "-c", "echo went on > " + sys.argv[1])):
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), 9)
"""


def wait_until_there(path: Path) -> str:
    for _ in range(2000):
        if path.exists() and (text := path.read_text()):
            return text
        time.sleep(0.005)
    raise AssertionError(f"{path} does not come")


@pytest.mark.parametrize("end", ["killed", "over"])
def test_it_goes_on_if_its_node_was_killed_and_only_then(tmp_path: Path, end: str) -> None:
    told = tmp_path / "told"
    done = subprocess.run((sys.executable, "-c", PARENT, str(told), end), check=False)
    assert done.returncode == (-9 if end == "killed" else 0)
    if end == "killed":
        assert wait_until_there(told) == "went on\n"
    else:
        # It has ended before its node does.
        assert not told.exists()


def test_without_a_command_nobody_waits() -> None:
    with Keeper() as keeper:
        assert keeper._child is None


def test_who_works_in_a_services_place_has_its_files_alone(tmp_path: Path) -> None:
    path = tmp_path / "in-use"
    service = Claim.of_service(path)
    second = Claim.of_service(path, 0.0)
    assert Claim.in_its_place(path) is None
    service.close()
    second.close()
    other = Claim.in_its_place(path)
    assert other is not None
    assert Claim.in_its_place(path) is None
    with pytest.raises(BlockingIOError) as refused:
        Claim.of_service(path, 0.0)
    assert refused.value.filename == str(path)
    other.close()
    Claim.of_service(path, 0.0).close()
    assert os.stat(path).st_mode & 0o077 == 0


def test_what_is_started_is_this_program_for_that_node(tmp_path: Path) -> None:
    command = keeper_command(tmp_path, "netns:///one?state=/x")
    assert command[:4] == (sys.executable, "-m", "xen_bridge.command", "settle")
    helped = subprocess.run((*command[:4], "--help"), capture_output=True, text=True, check=True)
    assert "--directory" in helped.stdout
    assert str(tmp_path) in command


def test_a_service_that_waits_is_seen_by_who_works_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "in-use"
    other = Claim.in_its_place(path)
    assert other is not None
    assert not Claim.is_wanted(path)
    waiting = threading.Thread(target=lambda: Claim.of_service(path).close())
    waiting.start()
    while not Claim.is_wanted(path):
        time.sleep(0.005)
    other.close()
    waiting.join()
    assert not Claim.is_wanted(path)
