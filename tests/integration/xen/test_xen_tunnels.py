"""What Domain 0's kernel has and a small one has not: GRE for virtual links, bridges with VLANs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tools.xen_path import HOSTS
from tools.xen_pilot import Pilot
from topologies.lab.keys import host_address
from topologies.lab.machine import Machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.while_guests_start]
NUMBER, SEGMENT = 0x00A11A, "gre0seg"
_END = """
import json
from xen_bridge.migration.link_tunnels import TunnelEnd
from xen_bridge.migration.tunnel_kernel import TunnelKernel
kernel = TunnelKernel()
end = TunnelEnd(bridge={bridge!r}, number={number}, near={near!r}, far={far!r},
                is_away={away}, peer_pk="A" * 60, kind="gre")
"""


def in_domain_0(machine: Machine, program: str) -> Any:
    """Return what a Python program says, in JSON, with xen_bridge as it is installed there."""
    return json.loads(machine.run(f"PYTHONPATH=/opt/horizon python3 - <<'END'\n{program}\nEND"))


def the_end(machine: Machine, do: str) -> Any:
    """Do something with a host's end of a tunnel of GRE; the second host's is away from home."""
    near, far = (host_address(one) for one in (machine.name, *(set(HOSTS) - {machine.name})))
    about = {"bridge": SEGMENT, "number": NUMBER, "away": machine.name == HOSTS[1]}
    return in_domain_0(machine, _END.format(**about, near=near, far=far) + do)


@pytest.fixture
def segment(pilot: Pilot) -> Iterator[tuple[Machine, Machine]]:
    """A bridge at the first host that goes on at the second through a tunnel of GRE."""
    home, away = (pilot.lab.machine(one) for one in HOSTS)
    home.run(f"ip link add {SEGMENT} type bridge && ip link set {SEGMENT} up")
    try:
        for machine in (home, away):
            the_end(machine, "kernel.make(end); kernel.make(end); print(1)")
        home.run(f"ip address add 192.0.2.1/24 dev {SEGMENT}")
        away.run(f"ip address add 192.0.2.2/24 dev {SEGMENT}")
        yield home, away
    finally:
        for machine in (home, away):
            the_end(machine, "kernel.remove(end); print(1)")
        home.run(f"ip link del {SEGMENT}")


def test_a_virtual_link_of_gre_carries_whole_packets_and_those_that_are_too_long(
    pilot: Pilot, segment: tuple[Machine, Machine]
) -> None:
    home, away = segment
    kinds = "print(json.dumps(kernel.kinds()))"
    assert [the_end(one, kinds) for one in segment] == [["gre", "vxlan"]] * 2
    told = json.loads(away.run(f"ip -j -d link show {SEGMENT}"))[0]
    assert told["mtu"] == 1458
    (device,) = json.loads(home.run(f"ip -j -d link show hzt{NUMBER:06x}"))
    assert device["linkinfo"]["info_kind"] == "gretap"
    assert the_end(home, "print(json.dumps(kernel.look([end])[0][1]))") == []
    # What is as long as the far bridge allows goes through whole, and longer ones in pieces.
    away.run("ping -c 2 -W 20 -M do -s 1430 192.0.2.1", 60)
    home.run("ping -c 2 -W 20 -s 1472 192.0.2.2", 60)
    assert away.run("ip link show hzttrial", check=False) == ""


def test_a_bridge_with_vlans_is_no_place_for_a_plane(pilot: Pilot) -> None:
    machine = pilot.lab.machine("xen1")
    machine.run("ip link add vlans0 type bridge vlan_filtering 1 && ip link add plain0 type bridge")
    try:
        told = in_domain_0(
            machine,
            "import json\n"
            "from xen_bridge.planes.data_plane import RouterPort\n"
            "from xen_bridge.separation.bridge_ports import unfit\n"
            "names = ('vlans0', 'plain0', 'xenbr0')\n"
            "ports = [RouterPort('v', one, bytes((2, 0, 0, 0, 0, 1)), ()) for one in names]\n"
            "print(json.dumps(unfit(ports)))",
        )
    finally:
        machine.run("ip link del vlans0; ip link del plain0")
    assert len(told) == 1
    assert "bridge vlans0 has frames by VLAN" in told[0]
