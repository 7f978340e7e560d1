"""Two real Xen hosts and a controller that knows them, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.controller_process import ControllerProcess
from tools.xen_pilot import Pilot
from topologies.lab.lab import XenLab

TEST_PORTS = 27440
"""Not those of a lab that somebody has started by hand."""


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
    config = f"[xen]\nidentity = {xen_lab.places.keys / 'controller'}\n"
    with ControllerProcess(folder, config=config) as controller:
        made = Pilot(controller, xen_lab)
        try:
            made.register()
            yield made
        finally:
            made.close()


@pytest.fixture(scope="session")
def guests(pilot: Pilot) -> Iterator[tuple[str, str]]:
    """Two virtual routers on xen1, whose agents answer."""
    names = ("r1", "r2")
    for name in names:
        pilot.create("xen1", name)
    for name in names:
        pilot.wait_agent("xen1", name)
    yield names
    for name in names:
        pilot.ask("DELETE", f"/xen/hosts/xen1/domains/{name}")


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
