"""A real controller with simulated switches, whose store another process locks or has no room."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from own_disk import OwnDisk, own_disk
from tools.controller_process import ControllerProcess, wait_until
from virtual_switch.load import LoadSwitch
from virtual_switch.load_network import LoadNetwork

pytestmark = [pytest.mark.integration, pytest.mark.no_switches]
CONFIG = "[spanning_tree]\nport_hold_time = 0.5\n"
WITHIN = 60.0
TIMERS = "/v1/spanning-tree/timers"
REFUSED = [
    ("PATCH", TIMERS, {"port_hold_time": 9}),
    ("PATCH", "/v1/topology/timers", {"lldp_interval": 9}),
    ("PATCH", "/v1/stats/timers", {"ports_interval": 9}),
    ("PATCH", "/v1/xen/timers", {"poll_interval": 9}),
    ("POST", "/v1/networks", {"name": "green", "definition": {"vlan": 7}}),
    ("DELETE", "/v1/networks/blue", None),
]


class Scene:
    """A controller and islands of switches, each a cable between two."""

    def __init__(self, controller: ControllerProcess) -> None:
        self.controller = controller
        self._islands: list[LoadNetwork] = []

    def join(self) -> None:
        """Have two more switches join, with a cable between them."""
        first = 2 * len(self._islands) + 1
        one, other = (first, 1), (first + 1, 1)
        switches = [LoadSwitch(dpid, (1, 2)) for dpid in (first, first + 1)]
        island = LoadNetwork(switches, {one: other, other: one})
        self._islands.append(island)
        island.connect(("127.0.0.1", self.controller.openflow_port), time.monotonic() + WITHIN)

    def until(self, condition: Callable[[], Any]) -> None:
        """Serve the switches until the condition holds."""
        deadline = time.monotonic() + WITHIN
        while not condition():
            assert time.monotonic() < deadline, self.controller.log()[-3000:]
            for island in self._islands:
                island.run_for(0.05)

    def settled(self) -> bool:
        """Tell whether every island is one tree, and all is confirmed."""
        forest = self.controller.get("/v1/spanning-tree")
        trees = [tree for tree in forest["trees"] if len(tree["switches"]) == 2]
        return bool(forest["settled"]) and len(trees) == len(self._islands)

    def health(self) -> tuple[str, str]:
        """Return status and reasons."""
        told = self.controller.get("/v1/health")
        return told["status"], "; ".join(told["reasons"])

    def refusal(self, method: str, path: str, body: Any) -> dict[str, Any]:
        """Return the problem document that a request is answered with."""
        with pytest.raises(urllib.error.HTTPError) as refused:
            self.controller.request(method, path, body)
        problem: dict[str, Any] = json.loads(refused.value.read())
        assert refused.value.code == problem["status"]
        return problem

    def close(self) -> None:
        """Cut every connection."""
        for island in self._islands:
            island.close()


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    with ControllerProcess(folder, config=CONFIG) as controller:
        found = Scene(controller)
        with closing(found):
            yield found
        assert controller.stop() == 0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the database."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.close()


def remembered(path: Path) -> int:
    """Return how many switches the next run would know of."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        query = "SELECT value FROM settings WHERE name = 'spanning_tree.memory'"
        found = connection.execute(query).fetchone()
    return len(json.loads(found[0])["switches"]) if found else 0


def counter(controller: ControllerProcess, name: str) -> float:
    text = controller.request("GET", "/metrics").decode()
    found = [line.split()[-1] for line in text.splitlines() if line.startswith(name)]
    return float(found[0]) if found else 0.0


def test_switches_that_join_while_the_store_is_locked_get_their_trees(tmp_path: Path) -> None:
    path = tmp_path / "horizon.sqlite"
    with scene(tmp_path) as found:
        controller = found.controller
        controller.request("POST", "/v1/networks", {"name": "blue", "definition": {"vlan": 5}})
        found.join()
        found.until(lambda: found.settled() and remembered(path) == 2)
        found.until(lambda: found.health() == ("ok", ""))
        with locked(path):
            found.join()
            # Longer than any wait for the lock: the loop that writes must have tried again.
            failures = 'horizon_store_failures_total{operation="write"}'
            found.until(lambda: found.settled() and counter(controller, failures) >= 3)
            before = {path: controller.get(path) for _, path, _ in REFUSED[:4]}
            for method, where, body in REFUSED:
                problem = found.refusal(method, where, body)
                assert problem["status"] == 503
                assert "the store cannot be written: database is locked" in problem["detail"]
            assert {path: controller.get(path) for path in before} == before
            names = [one["name"] for one in controller.get("/v1/networks")["networks"]]
            assert names == ["blue"]
            # A busy machine holds loops up now and then, which is a reason, too.
            degraded = "degraded", "the store cannot be written: database is locked"
            found.until(lambda: found.health() == degraded)
            assert counter(controller, "horizon_store_writable") == 0
            found.join()
            found.until(found.settled)
            assert remembered(path) == 2
        found.until(lambda: remembered(path) == 6 and found.health() == ("ok", ""))
        assert counter(controller, "horizon_store_writable") == 1
        controller.request(*REFUSED[0])
        assert controller.get(TIMERS)["port_hold_time"] == 9
        log = controller.log()
        assert log.count("the store cannot be written, and will be tried again") == 1
        assert log.count("the store can be written again") == 1
        assert "Traceback" not in log


def test_health_is_ok_again_though_nobody_has_anything_to_write(tmp_path: Path) -> None:
    with scene(tmp_path) as found:
        with locked(tmp_path / "horizon.sqlite"):
            assert found.refusal(*REFUSED[0])["status"] == 503
            assert found.health()[0] == "degraded"
        found.until(lambda: found.health() == ("ok", ""))
        assert found.controller.get(TIMERS)["port_hold_time"] == 0.5


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "horizon-test", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[OwnDisk]:
    """A file system that can be made read-only under whoever has files of it open."""
    with own_disk(tmp_path) as disk:
        yield disk


def test_switches_that_join_while_the_disk_is_read_only_get_their_trees(
    tmp_path: Path, failing_disk: OwnDisk
) -> None:
    store = failing_disk.folder / "horizon.sqlite"
    blue = {"name": "blue", "definition": {"vlan": 5}}
    controller = ControllerProcess(tmp_path, config=CONFIG, store=store)
    with controller, closing(Scene(controller)) as found:
        controller.request("POST", "/v1/networks", blue)
        found.join()
        found.until(lambda: found.settled() and remembered(store) == 2)
        failing_disk.fail()
        before = {path: controller.get(path) for _, path, _ in REFUSED[:4]}
        for method, where, body in REFUSED:
            problem = found.refusal(method, where, body)
            assert problem["status"] == 503, problem
            assert "the store cannot be written" in problem["detail"]
        assert {path: controller.get(path) for path in before} == before
        assert [one["name"] for one in controller.get("/v1/networks")["networks"]] == ["blue"]
        status, reason = found.health()
        assert (status, "the store cannot be written" in reason) == ("degraded", True), reason
        assert counter(controller, "horizon_store_writable") == 0
        found.join()
        found.until(found.settled)
        assert controller.stop() == 0
        failing_disk.mend()
        controller.start()
        wait_until(lambda: found.health() == ("ok", ""), WITHIN, "it is well on a mended disk")
        controller.request(*REFUSED[0])
        assert controller.stop() == 0
    assert "Traceback" not in controller.log()


def fill(path: Path) -> None:
    """Write until there is no room."""
    with suppress(OSError), path.open("wb", buffering=0) as ballast:
        while ballast.write(b"x" * 4096) == 4096:
            pass


def test_switches_that_join_while_the_disk_is_full_get_their_trees(
    tmp_path: Path, small_disk: Path
) -> None:
    store = small_disk / "horizon.sqlite"
    controller = ControllerProcess(tmp_path, config=CONFIG, store=store)
    with controller, closing(Scene(controller)) as found:
        found.join()
        found.until(lambda: found.settled() and remembered(store) == 2)
        fill(small_disk / "ballast")
        names = (f"n{number}" for number in range(1000))
        found.until(lambda: _is_refused(controller, next(names)))
        status, reason = found.health()
        assert (status, "full" in reason or "I/O" in reason) == ("degraded", True), reason
        found.join()
        found.until(found.settled)
        problem = found.refusal(*REFUSED[0])
        assert (problem["status"], "store" in problem["detail"]) == (507, True)
        (small_disk / "ballast").unlink()
        found.until(lambda: remembered(store) == 4 and found.health() == ("ok", ""))
        controller.request(*REFUSED[0])
        assert controller.stop() == 0
    assert "Traceback" not in controller.log()


def _is_refused(controller: ControllerProcess, name: str) -> bool:
    """Make a network; what is written fills the last room some time."""
    try:
        controller.request("POST", "/v1/networks", {"name": name, "definition": {"vlan": 5}})
    except urllib.error.HTTPError as error:
        if error.code != 507:
            raise
        return True
    return False


def test_a_second_controller_on_one_store_does_not_start(tmp_path: Path) -> None:
    store = tmp_path / "horizon.sqlite"
    with ControllerProcess(tmp_path) as first:
        (tmp_path / "second").mkdir()
        second = ControllerProcess(tmp_path / "second", store=store)
        with pytest.raises(AssertionError, match="ended at once"):
            second.start()
        assert second.wait_for_end() == 2
        told = second.log()
        assert f"store {store}: the controller with process id {first.pid} uses it" in told
        assert "Traceback" not in told
        first.stop(signal.SIGKILL)
        # The lock of a killed one is nobody's.
        with second:
            wait_until(lambda: second.get("/v1/health")["status"] == "ok", WITHIN, "it is well")


def test_what_is_answered_as_done_after_the_store_is_removed_is_there_after_a_restart(
    tmp_path: Path,
) -> None:
    with ControllerProcess(tmp_path) as controller:
        controller.request("POST", "/v1/networks", {"name": "old", "definition": {"vlan": 5}})
        for one in tmp_path.glob("horizon.sqlite*"):
            one.unlink()
        controller.request("POST", "/v1/networks", {"name": "new", "definition": {"vlan": 6}})
        assert "has been written anew, nothing is lost" in controller.log()
        controller.stop(signal.SIGKILL)
        controller.start()
        names = [one["name"] for one in controller.get("/v1/networks")["networks"]]
        assert names == ["new", "old"]


def test_another_file_in_the_place_of_the_store_shows_in_health_and_is_left_alone(
    tmp_path: Path,
) -> None:
    store = tmp_path / "horizon.sqlite"
    with scene(tmp_path) as found:
        store.rename(tmp_path / "away")
        store.write_text("somebody's")
        found.until(lambda: "replaced by another file" in found.health()[1])
        assert "replaced by another file" in found.refusal(*REFUSED[0])["detail"]
        assert store.read_text() == "somebody's"
        store.unlink()
        found.until(lambda: found.health() == ("ok", ""))
