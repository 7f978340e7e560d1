"""What beside the lab and its controller wants the processors of this machine."""

from __future__ import annotations

from quiet_machine import OtherLoad
from tools.xen_pilot import Pilot


def other_load(pilot: Pilot) -> OtherLoad:
    """Begin to measure the load that is none of the lab's."""
    machines = [machine.pid for machine in pilot.lab.machines if machine.pid is not None]
    return OtherLoad([*machines, pilot.controller.pid])
