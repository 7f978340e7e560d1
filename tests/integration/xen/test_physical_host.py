"""The report's PhysicalHost (2.1.4) on real Xen: from the host itself, from afar, and moving."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tools.xen_pilot import Pilot
from topologies.lab.certificates import Authority
from topologies.lab.keys import CONTROLLER, LIBVIRT
from topologies.lab.lab import SCHEDULERS
from topologies.lab.machine import Machine
from xen_bridge.errors import HypervisorAway, RequestUnsupported
from xen_bridge.virtual_management import PhysicalHost

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

Guests = tuple[str, str]
MOVE_SECONDS = 900.0
"""Half a minute on an idle machine, over TLS; ssh has no clock but the wall's."""


def in_domain_0(machine: Machine, program: str) -> str:
    """Run a Python program in Domain 0, with xen_bridge as it is installed there."""
    lines = ["from xen_bridge.virtual_management import PhysicalHost", program]
    quoted = json.dumps("\n".join(lines)).replace("$", "\\$")
    return machine.run(f'printf "%b" {quoted} | PYTHONPATH=/opt/horizon python3 -', MOVE_SECONDS)


@pytest.mark.while_guests_start
def test_it_is_managed_over_ssh(pilot: Pilot, started_guests: Guests) -> None:
    machine = pilot.lab.machine("xen1")
    # libvirt and xl go by the same URI; who is at that port is known to be ours.
    key = pilot.lab.places.ssh_key
    host = PhysicalHost(
        f"xen+ssh://root@127.0.0.1:{machine.ports.ssh}/system?keyfile={key}&no_verify=1"
    )
    try:
        host.set_sched_parameters_weight(444, "r1")
        host.set_sched_parameters_cap(33, "r1")
        table = io.StringIO()
        host.print_sched_parameters(table)
    finally:
        host.close()
    row = next(line.split() for line in table.getvalue().splitlines() if line.startswith("r1"))
    assert row[2:] == ["444", "33"]
    listed = machine.run("xl sched-credit2 -d r1").split()
    assert listed[-2:] == ["444", "33"]
    pilot.set("xen1", "r1", weight=256, cap=0)


def test_it_is_managed_over_tcp_but_for_what_xl_does(pilot: Pilot, guests: Guests) -> None:
    port = pilot.lab.machine("xen1").ports.libvirt
    host = PhysicalHost(f"xen+tcp://127.0.0.1:{port}/system")
    try:
        assert {"Domain-0", *guests} <= {one.name for one in host.domains()}
        host.set_vcpus("r1", 2)
        assert host.domain("r1").vcpus.current == 2
        host.set_vcpus("r1", 1)
        with pytest.raises(RequestUnsupported, match="affinity"):
            host.pin_vcpu("r1", 0, [1])
    finally:
        host.close()


def over_tls(pilot: Pilot, keys: Path) -> PhysicalHost:
    """The first host, asked with libvirt's certificates in ``keys``."""
    port = pilot.lab.machine("xen1").ports.libvirt_tls
    return PhysicalHost(f"xen+tls://127.0.0.1:{port}/system?pkipath={keys}")


@pytest.mark.while_guests_start
def test_it_is_managed_over_tls_but_for_what_xl_does(pilot: Pilot, started_guests: Guests) -> None:
    host = over_tls(pilot, pilot.lab.places.keys / CONTROLLER / LIBVIRT)
    try:
        host.set_sched_parameters_weight(321, "r1")
        host.set_sched_parameters_cap(44, "r1")
        listed = pilot.lab.machine("xen1").run("xl sched-credit2 -d r1").split()
        assert listed[-2:] == ["321", "44"]
        told = pilot.get("/xen/hosts/xen1/domains/r1")["scheduler"]
        assert (told["weight"], told["cap"]) == (321, 44)
        with pytest.raises(RequestUnsupported, match="affinity"):
            host.pin_vcpu("r1", 0, [1])
    finally:
        host.close()
        pilot.set("xen1", "r1", weight=256, cap=0)


@pytest.mark.while_guests_start
def test_over_tls_a_stranger_is_refused(
    pilot: Pilot, started_guests: Guests, tmp_path: Path
) -> None:
    """Its certificates are in order, but signed by somebody else."""
    Authority().issue(tmp_path, "stranger")
    with pytest.raises(HypervisorAway, match=r"xen\+tls.*certificate"):
        over_tls(pilot, tmp_path).domains()


def test_nobody_is_there() -> None:
    with pytest.raises(HypervisorAway):
        PhysicalHost("xen+tcp://127.0.0.1:1/system").domains()


def test_weight_and_cap_go_along_when_a_domain_moves_and_comes_back(
    pilot: Pilot, guests: Guests
) -> None:
    """libvirt resets both; the host that sends a domain away gives them again over there.

    It goes over TCP and comes back over TLS.
    """
    pilot.set("xen1", "r2", weight=600, cap=70)
    try:
        moves(pilot, "xen1", "xen2", "tcp")
        moves(pilot, "xen2", "xen1", "tls")
        pilot.set("xen1", "r2", weight=256, cap=0)
    except BaseException:
        for host in ("xen1", "xen2"):
            pilot.wait_connected(host)
            pilot.ask("DELETE", f"/xen/hosts/{host}/domains/r2")
        raise


def moves(pilot: Pilot, source: str, target: str, transport: str) -> None:
    """Send r2 from one host to the other: it has its share there, and answers."""
    arrived = {"host": target, "name": "r2", "change": "started"}
    known = len(pilot.heard("xen_domain", **arrived))
    uri = f"xen+{transport}://{target}/system"
    move = f"print(PhysicalHost('xen:///system').migrate('r2', '{uri}').scheduler)"
    said = in_domain_0(pilot.lab.machine(source), move)
    assert "weight=600, cap=70" in said
    listed = pilot.lab.machine(target).run(f"xl sched-{SCHEDULERS[target]} -d r2").split()
    assert listed[-2:] == ["600", "70"]
    pilot.wait_connected(source)
    assert pilot.ask("GET", f"/xen/hosts/{source}/domains/r2")[0] == 404
    pilot.wait_agent(target, "r2")
    pilot.wait(lambda: len(pilot.heard("xen_domain", **arrived)) > known, 60, f"{target} has it")
