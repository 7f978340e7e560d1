"""The lab's two real Xen hosts, with a controller and routers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.controller_process import ControllerProcess
from tools.xen_pilot import Pilot
from topologies.lab.lab import XenLab

PLATFORM = "Xen 4.17 in the lab's emulated machines (no virtualization hardware)"
PORTS = 37440


@contextmanager
def lab_with(
    folder: Path, host: str, routers: tuple[str, ...], lans: tuple[str, ...] = ()
) -> Iterator[Pilot]:
    """Give a pilot of both hosts, with routers that run on one of them.

    ``lans``: their addresses in the networks beside both hosts; only one may have them.
    """
    with XenLab(name="experiments", first_port=PORTS) as lab:
        lab.start(lambda _text: None)
        config = f"[xen]\nidentity = {lab.places.keys / 'controller'}\n"
        with ControllerProcess(folder, ("horizon_ryu.xen",), config) as controller:
            pilot = Pilot(controller, lab)
            try:
                pilot.register()
                for name in routers:
                    pilot.create(host, name, lans)
                for name in routers:
                    pilot.wait_agent(host, name)
                yield pilot
            finally:
                pilot.close()
