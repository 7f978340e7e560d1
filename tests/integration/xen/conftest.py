"""Two real Xen hosts and a controller that knows them, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.controller_process import ControllerProcess
from tools.xen_pilot import Pilot
from topologies.lab.lab import XenLab

TEST_PORTS = 27440
"""Not those of a lab that somebody has started by hand."""

GUESTS = ("r1", "r2")
FAR_GUEST = "r3"
_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note that a test failed or could not begin, for the fixture that puts hosts right again."""
    report = yield
    if report.when in ("setup", "call"):
        item.stash[_FAILED] = report.failed
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have that come first which may happen while guests start, which takes them a minute."""
    items.sort(key=lambda item: item.get_closest_marker("while_guests_start") is None)


@pytest.fixture(scope="session")
def xen_lab() -> Iterator[XenLab]:
    """Both hosts, running."""
    with XenLab(name="tests", first_port=TEST_PORTS) as lab:
        lab.stop()
        lab.start(lambda text: print(f"lab: {text}", flush=True))
        yield lab


@pytest.fixture(scope="session")
def pilot(xen_lab: XenLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pilot]:
    """A controller with all applications, which knows both hosts."""
    folder: Path = tmp_path_factory.mktemp("pilot")
    # An emulated host may be slow for a while, and is not away for that. A look takes an eighth
    # of its processor if it comes every two seconds, away from what the tests wait for.
    timers = "poll_interval = 8\npoll_deadline = 20\n"
    config = f"[xen]\nidentity = {xen_lab.places.keys / 'controller'}\n{timers}"
    with ControllerProcess(folder, config=config) as controller:
        made = Pilot(controller, xen_lab)
        try:
            made.register()
            yield made
            made.wait_expected()
        finally:
            made.close()


@pytest.fixture(autouse=True)
def fresh_after_a_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a failed test left behind (a paused guest, a dead daemon), the next one is spared.

    The hosts start again from their snapshots, which know no guest.
    """
    yield
    if request.node.stash.get(_FAILED, False) and "pilot" in request.fixturenames:
        pilot: Pilot = request.getfixturevalue("pilot")
        for machine in pilot.lab.machines:
            machine.power_off()
            machine.start(from_snapshot=True)
        for machine in pilot.lab.machines:
            machine.wait_restored()
            pilot.wait_connected(machine.name, 120)
        pilot.forget_expected()
        # What it knows of the guests may be from before.
        pilot.wait(lambda: not pilot.knows("xen1", GUESTS), 120, "the guests are gone")


@pytest.fixture
def started_guests(pilot: Pilot) -> tuple[str, str]:
    """Two virtual routers on xen1, which may still be starting; made unless they are there."""
    pilot.wait_connected("xen1")
    if pilot.knows("xen1", GUESTS):
        return GUESTS
    listed = {one["name"] for one in pilot.get("/xen/hosts/xen1/domains")["domains"]}
    for name in GUESTS:
        if name not in listed:
            pilot.create("xen1", name)
            pilot.expect_agent("xen1", name)
    return GUESTS


@pytest.fixture
def guests(pilot: Pilot, started_guests: tuple[str, str]) -> tuple[str, str]:
    """Both of them, and their agents answer."""
    pilot.wait_expected()
    return started_guests


@pytest.fixture
def far_guest(pilot: Pilot) -> str:
    """A virtual router on xen2, which may still be starting; made unless it is there."""
    pilot.wait_connected("xen2")
    listed = {one["name"] for one in pilot.get("/xen/hosts/xen2/domains")["domains"]}
    if FAR_GUEST not in listed:
        pilot.create("xen2", FAR_GUEST)
        pilot.expect_agent("xen2", FAR_GUEST)
    return FAR_GUEST


@pytest.fixture
def busy_guests(pilot: Pilot, guests: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Both of them busy, on one physical CPU that Domain 0 does not use."""
    for name in guests:
        pilot.set("xen1", name, affinity=[[1]], weight=256, cap=0, vcpus=1)
        pilot.make_busy("xen1", name)
    yield guests
    for name in guests:
        pilot.make_idle("xen1", name)
        pilot.set("xen1", name, affinity=[[0, 1]], weight=256, cap=0)
