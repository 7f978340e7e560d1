"""What goes wrong on real hosts: guests that end, daemons that are killed, power that fails."""

from __future__ import annotations

from typing import Any

import pytest

from tools.xen_pilot import Pilot

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

Guests = tuple[str, str]


def test_a_guest_that_is_destroyed_behind_our_back(pilot: Pilot, guests: Guests) -> None:
    # Its host has a connection to it, which nobody will close.
    pilot.wait_agent("xen1", "r2")
    pilot.lab.machine("xen1").run("xl destroy r2")
    pilot.wait_heard("xen_domain", host="xen1", name="r2", change="stopped")
    assert pilot.get("/xen/hosts/xen1/domains/r2")["state"] == "shutoff"
    body = {"gatherers": {"memory": {}}, "domain": "r2"}
    status, answer = pilot.ask("POST", "/xen/hosts/xen1/measures", body)
    assert (status, "r2" in answer["detail"]) == (424, True), answer
    assert pilot.measure("xen1", "r1", memory={})["memory"]
    assert pilot.set("xen1", "r2", state="running")["state"] == "running"
    pilot.expect_agent("xen1", "r2")


def test_libvirtd_is_killed_and_back(pilot: Pilot, started_guests: Guests) -> None:
    machine = pilot.lab.machine("xen1")
    machine.run("kill -9 $(pidof libvirtd)")
    status, answer = pilot.ask("GET", "/xen/hosts/xen1/domains")
    assert (status, answer["host"]) == (424, "xen1"), answer
    pilot.wait(lambda: pilot.state("xen1") == "away", 30, "it is told")
    # What needs no libvirt goes on, and so does the other host.
    assert pilot.get("/xen/hosts/xen2/domains")["domains"]
    assert pilot.inside("xen1", "r1", "echo alive").strip() == "alive"
    machine.run("rm -f /run/libvirtd.pid; libvirtd --daemon --listen")
    pilot.wait_connected("xen1", 60)
    listed = {one["name"]: one for one in pilot.get("/xen/hosts/xen1/domains")["domains"]}
    assert listed["r1"]["state"] == "running"
    assert pilot.set("xen1", "r1", weight=400)["scheduler"]["weight"] == 400
    pilot.set("xen1", "r1", weight=256)


def test_the_service_is_killed_and_back(pilot: Pilot, started_guests: Guests) -> None:
    machine = pilot.lab.machine("xen1")
    pilot.set("xen1", "r1", weight=321, cap=54)
    machine.run("pkill -9 -f xen_bridge.command.serve")
    pilot.wait(lambda: pilot.state("xen1") == "away", 60, "it is told")
    machine.run("horizon-lab-service")
    pilot.wait_connected("xen1", 60)
    scheduler = pilot.get("/xen/hosts/xen1/domains/r1")["scheduler"]
    assert (scheduler["weight"], scheduler["cap"]) == (321, 54)
    # It still knows what r1 was given, and gives it again.
    pilot.set("xen1", "r1", state="destroyed")
    started = pilot.set("xen1", "r1", state="running")["scheduler"]
    assert (started["weight"], started["cap"]) == (321, 54)
    pilot.set("xen1", "r1", weight=256, cap=0)
    pilot.expect_agent("xen1", "r1")


def test_a_host_s_power_fails_and_returns(pilot: Pilot, started_guests: Guests) -> None:
    machine = pilot.lab.machine("xen2")
    machine.power_off()
    pilot.wait(lambda: pilot.state("xen2") == "away", 60, "it is told")
    pilot.wait_heard("xen_host", name="xen2", state="away")
    status, answer = pilot.ask("GET", "/xen/hosts/xen2/domains")
    assert (status, answer["host"]) == (424, "xen2")
    # At once means without a try: that it is away is what is known, and is all that is said.
    assert answer["detail"].startswith("host xen2: away for "), answer
    assert pilot.get("/xen/hosts/xen1/domains/r1")["state"] == "running"
    assert "xen:xen2" not in [one["id"] for one in pilot.get("/nodes")["nodes"]]
    machine.start(from_snapshot=True)
    machine.wait_restored()
    pilot.wait_connected("xen2", 120)
    assert pilot.get("/xen/hosts/xen2/domains")["domains"][0]["name"] == "Domain-0"


def test_a_kept_cap_that_fewer_vcpus_do_not_allow(pilot: Pilot, started_guests: Guests) -> None:
    """Refused when it is asked for; behind our back, it is told and the host stays connected."""
    machine, r2 = pilot.lab.machine("xen1"), "/xen/hosts/xen1/domains/r2"
    pilot.wait_connected("xen1")
    try:
        assert pilot.set("xen1", "r2", vcpus=2, weight=256, cap=150)["scheduler"]["cap"] == 150
        status, answer = pilot.ask("PATCH", r2, {"vcpus": 1})
        assert (status, "cap of 150, more than 1 vCPUs" in answer["detail"]) == (409, True), answer
        pilot.set("xen1", "r2", state="destroyed")
        virsh = "virsh -c xen:///system"
        machine.run(f"{virsh} setvcpus r2 1 --config && {virsh} setvcpus r2 1 --maximum --config")
        machine.run(f"{virsh} start r2")
        looks: list[dict[str, Any]] = []

        def is_told() -> bool:
            # A look that was too slow has a problem of its own, which the next one has not.
            looks.append(pilot.get(r2))
            told = any("and cap 150 cannot be given" in one for one in looks[-1]["problems"])
            return told and not looks[-1]["unknown"]

        pilot.wait(is_told, 60, "it is told")
        told = looks[-1]
        assert (told["state"], told["unknown"]) == ("running", [])
        assert "and cap 150 cannot be given" in told["problems"][0]
        assert pilot.set("xen1", "r1", weight=300)["scheduler"]["weight"] == 300
        assert pilot.set("xen1", "r2", cap=60)["problems"] == []
        # One that is emulated may be too slow for a look; the cap is no reason to be away.
        reasons = [one["data"]["reason"] for one in pilot.heard("xen_host", name="xen1")]
        assert not [reason for reason in reasons if "cap" in reason]
    finally:
        pilot.wait_connected("xen1")
        pilot.set("xen1", "r1", weight=256)
        pilot.set("xen1", "r2", cap=0)
        # From its next start on.
        machine.run("virsh -c xen:///system setvcpus r2 2 --maximum --config")


CONFIG = """name="made by xl"
type="pv"
memory=160
kernel="/var/lib/horizon-lab/vmlinux"
"""


def test_a_domain_of_xl_is_shown_and_left_alone(pilot: Pilot, started_guests: Guests) -> None:
    machine = pilot.lab.machine("xen1")
    # There is no room for three.
    pilot.set("xen1", "r2", state="destroyed")
    machine.run(f"cat > /tmp/xl.cfg <<'EOF'\n{CONFIG}EOF\nxl create -p /tmp/xl.cfg")
    try:
        listed = {one["name"]: one for one in pilot.get("/xen/hosts/xen1/domains")["domains"]}
        shown = listed["made by xl"]
        assert (shown["origin"], shown["state"], shown["vcpus"]["current"]) == ("xl", "paused", 1)
        assert (shown["memory_kb"], shown["scheduler"]["weight"]) == (160 * 1024, 256)
        assert {listed[name]["origin"] for name in started_guests} == {"libvirt"}
        for method in ("DELETE", "PATCH"):
            body = {"weight": 300} if method == "PATCH" else None
            path = f"/xen/hosts/xen1/domains/{shown['id']}"
            status, answer = pilot.ask(method, path, body)
            assert (status, "made by xl" in answer["detail"]) == (409, True), answer
        assert "made by xl" in machine.run("xl list")
    finally:
        machine.run("xl destroy 'made by xl'")
        pilot.set("xen1", "r2", state="running")
    pilot.expect_agent("xen1", "r2")


def test_a_host_that_hangs_holds_nobody_up(pilot: Pilot, started_guests: Guests) -> None:
    """Stopped in the middle of it: the deadline of the look makes it away."""
    machine = pilot.lab.machine("xen2")
    machine.run("kill -STOP $(pidof libvirtd)")
    try:
        pilot.wait(lambda: pilot.state("xen2") == "away", 90, "its silence is noticed")
        assert pilot.get("/xen/hosts/xen1/domains/r1")["state"] == "running"
        assert pilot.ask("GET", "/xen/hosts/xen2/domains")[0] == 424
    finally:
        machine.run("kill -CONT $(pidof libvirtd)")
    pilot.wait_connected("xen2", 120)


@pytest.mark.usefixtures("far_guest")
def test_what_becomes_of_a_domain_is_changed_later(pilot: Pilot, started_guests: Guests) -> None:
    """The last test before shares are measured: the guest on xen2 starts while others do."""
    told = pilot.set("xen1", "r1", on_crash="destroy", autostart=True)
    assert (told["on_reboot"], told["on_crash"], told["autostart"]) == ("restart", "destroy", True)
    assert "<on_crash>destroy" in pilot.lab.machine("xen1").run("virsh dumpxml --inactive r1")
    told = pilot.set("xen1", "r1", on_crash="restart", autostart=False)
    assert (told["on_crash"], told["autostart"]) == ("restart", False)
