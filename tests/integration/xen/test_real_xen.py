"""Real Xen through the REST API: processors shared, guests measured, faults survived."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from integration.xen.measured import other_load
from quiet_machine import until_right
from tools.xen_pilot import Pilot
from topologies.lab.image import GUEST_FILES
from topologies.lab.keys import guest_address
from xen_bridge.protocol import messages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

Guests = tuple[str, str]
KERNEL = {"kernel": f"/{GUEST_FILES}/vmlinux", "ramdisk": f"/{GUEST_FILES}/initramfs"}


def domain(pilot: Pilot, name: str, host: str = "xen1"):
    return pilot.get(f"/xen/hosts/{host}/domains/{name}")


# ---- monitor


def test_both_hosts_are_known(pilot: Pilot) -> None:
    hosts = {one["name"]: one for one in pilot.get("/xen/hosts")["hosts"]}
    assert {name: one["state"] for name, one in hosts.items()} == {
        "xen1": "connected",
        "xen2": "connected",
    }
    assert [hosts[name]["scheduler"] for name in ("xen1", "xen2")] == ["credit2", "credit"]
    assert all(one["hypervisor"] == "Xen" and one["cpus"] == 2 for one in hosts.values())
    assert "device_drivers" in hosts["xen1"]["capabilities"]


def test_domain_0_is_told_as_xl_tells_it(pilot: Pilot) -> None:
    told = domain(pilot, "Domain-0")
    listed = pilot.lab.machine("xen1").run("xl list Domain-0 | tail -1").split()
    assert (told["id"], told["memory_kb"] // 1024) == (0, int(listed[2]))
    assert told["vcpus"]["current"] == int(listed[3])


# ---- instantiate


@pytest.mark.while_guests_start
def test_a_router_is_instantiated_and_told_of(pilot: Pilot, started_guests: Guests) -> None:
    listed = pilot.lab.machine("xen1").run("xl list")
    for name in started_guests:
        told = domain(pilot, name)
        assert told["state"] == "running"
        assert re.search(rf"^{name}\s+{told['id']}\s", listed, re.M)
        assert told["interfaces"][0]["bridge"] == "xenbr0"
        pilot.wait_heard("xen_domain", host="xen1", name=name, change="started")
        phases = [one["data"]["phase"] for one in pilot.heard("xen_progress", domain=name)]
        assert phases[:2] == ["started", "done"]


@pytest.mark.while_guests_start
def test_what_cannot_be_made_says_why_and_leaves_nothing(
    pilot: Pilot, started_guests: Guests
) -> None:
    path = "/xen/hosts/xen1/domains"
    before = pilot.lab.machine("xen1").run("virsh -c xen:///system list --all")
    assert pilot.ask("POST", path, {"name": "r1"})[0] == 409
    for wrong, reason in (
        ({"kernel": KERNEL["ramdisk"]}, "Invalid kernel"),
        ({**KERNEL, "memory_kb": 4 << 20}, "Out of memory"),
        ({**KERNEL, "interfaces": [{"bridge": "nobr"}]}, "bridge device nobr"),
    ):
        status, answer = pilot.ask("POST", path, {"name": "lost", **wrong})
        assert (status, answer["host"]) == (424, "xen1"), answer
        assert reason in answer["detail"]
    # No boot loader is run in Domain 0 unless it is asked for.
    status, answer = pilot.ask("POST", path, {"name": "lost"})
    assert (status, answer["errors"][0]["loc"]) == (422, ["kernel"]), answer
    assert pilot.lab.machine("xen1").run("virsh -c xen:///system list --all") == before


@pytest.mark.while_guests_start
def test_no_path_of_domain_0_is_given_but_those_of_its_list(
    pilot: Pilot, started_guests: Guests
) -> None:
    path = "/xen/hosts/xen1/domains"
    before = pilot.lab.machine("xen1").run("virsh -c xen:///system list --all")
    for wrong, field in (
        ({"kernel": "/no/such/kernel"}, "kernel"),
        ({"kernel": "/etc/passwd"}, "kernel"),
        ({"kernel": f"/{GUEST_FILES}/../../../etc/passwd"}, "kernel"),
        ({**KERNEL, "disks": [{"source": "/dev/vda", "target": "xvda"}]}, "disks.0.source"),
        ({**KERNEL, "disks": [{"source": "/etc/shadow", "target": "xvda"}]}, "disks.0.source"),
        # The disk of all guests may only be read.
        ({**KERNEL, "disks": [{"source": "/dev/vdb", "target": "xvda"}]}, "disks.0.source"),
    ):
        status, answer = pilot.ask("POST", path, {"name": "lost", **wrong})
        assert (status, answer["host"]) == (403, "xen1"), answer
        assert f"{field}: " in answer["detail"]
        assert "--allow-path: /var/lib/horizon-lab:ro, /dev/vdb:ro" in answer["detail"]
    status, answer = pilot.ask("POST", path, {"name": "lost", "kernel": f"/{GUEST_FILES}/none"})
    assert (status, answer["errors"][0]["loc"]) == (422, ["kernel"]), answer
    assert pilot.lab.machine("xen1").run("virsh -c xen:///system list --all") == before


# ---- set: weight and cap


def shares_that(
    right: Callable[[dict[str, float]], bool], pilot: Pilot, seconds: int, host: str = "xen1"
) -> dict[str, float]:
    """Return the shares of the first measurement that is ``right``, or of the last.

    Time that the machine takes from an emulated host is counted to whichever domain had the
    processor: half a second of it shifts a share by five percent.
    """
    return until_right(lambda: pilot.shares(host, seconds), right, lambda: other_load(pilot))


def in_ratio(wanted: float) -> Callable[[dict[str, float]], bool]:
    return lambda shares: shares["r1"] / shares["r2"] == pytest.approx(wanted, rel=0.1)


def capped(name: str) -> Callable[[dict[str, float]], bool]:
    return lambda shares: shares[name] == pytest.approx(25, abs=3)


@pytest.mark.quiet
def test_weights_share_one_processor_two_to_one(pilot: Pilot, busy_guests: Guests) -> None:
    pilot.set("xen1", "r1", weight=512)
    pilot.set("xen1", "r2", weight=256)
    shares = shares_that(in_ratio(2), pilot, 15)
    assert shares["r1"] + shares["r2"] > 80, shares
    assert in_ratio(2)(shares), shares


@pytest.mark.quiet
def test_equal_weights_share_it_equally(pilot: Pilot, busy_guests: Guests) -> None:
    shares = shares_that(in_ratio(1), pilot, 10)
    assert in_ratio(1)(shares), shares


@pytest.mark.quiet
def test_a_cap_holds_whatever_is_free(pilot: Pilot, busy_guests: Guests) -> None:
    pilot.set("xen1", "r1", cap=25)
    shares = shares_that(capped("r1"), pilot, 10)
    assert capped("r1")(shares), shares
    assert shares["r2"] > 50, shares
    pilot.set("xen1", "r1", cap=0)
    freed = shares_that(lambda shares: shares["r1"] > 35, pilot, 5)
    assert freed["r1"] > 35, freed


@pytest.mark.while_guests_start
def test_the_table_of_weights_is_that_of_xl(pilot: Pilot, started_guests: Guests) -> None:
    pilot.set("xen1", "r1", weight=333, cap=44)
    told = {one["name"]: one for one in pilot.get("/xen/hosts/xen1/scheduler")["domains"]}
    listed = pilot.lab.machine("xen1").run("xl sched-credit2 -d r1")
    assert re.search(r"r1\s+\d+\s+333\s+44", listed), listed
    assert (told["r1"]["scheduler"]["weight"], told["r1"]["scheduler"]["cap"]) == (333, 44)
    pilot.set("xen1", "r1", weight=256, cap=0)


def test_weight_and_cap_outlive_the_domain_s_restart(pilot: Pilot, started_guests: Guests) -> None:
    """Xen forgets them when a domain ends."""
    pilot.set("xen1", "r2", weight=777, cap=66)
    pilot.set("xen1", "r2", state="destroyed")
    assert domain(pilot, "r2")["state"] == "shutoff"
    pilot.wait_heard("xen_domain", name="r2", change="stopped")
    started = pilot.set("xen1", "r2", state="running")
    assert (started["scheduler"]["weight"], started["scheduler"]["cap"]) == (777, 66)
    listed = pilot.lab.machine("xen1").run("xl sched-credit2 -d r2")
    assert re.search(r"777\s+66", listed), listed
    pilot.set("xen1", "r2", weight=256, cap=0)
    pilot.expect_agent("xen1", "r2")


OUT_OF_RANGE: tuple[tuple[dict[str, object], str], ...] = (
    ({"weight": 0}, "weight"),
    ({"weight": 65_536}, "weight"),
    ({"cap": -1}, "cap"),
    ({"cap": 201}, "cap"),
    ({"vcpus": 0}, "vcpus"),
    ({"vcpus": 3}, "vcpus"),
    ({"affinity": [[2]]}, "affinity"),
    ({"affinity": [[0], [1], [0]]}, "affinity"),
    ({"affinity": []}, "affinity"),
    ({"state": "flying"}, "state"),
    ({"name": "r9"}, "name"),
    ({}, "body"),
    # Together with what is fine: neither is done.
    ({"weight": 900, "vcpus": 3}, "vcpus"),
    ({"weight": 900, "cap": 150}, "cap"),
)


def test_what_is_out_of_range_changes_nothing(pilot: Pilot, started_guests: Guests) -> None:
    before = domain(pilot, "r1")
    for change, field in OUT_OF_RANGE:
        status, answer = pilot.ask("PATCH", "/xen/hosts/xen1/domains/r1", change)
        assert status == 422, (change, answer)
        assert field in answer["errors"][0]["loc"], (change, answer)
    now = domain(pilot, "r1")
    assert {**now, "cpu_time_s": 0} == {**before, "cpu_time_s": 0}


@pytest.mark.parametrize("state", ["paused", "shutoff", "destroyed"])
def test_domain_0_is_neither_paused_nor_ended(pilot: Pilot, state: str) -> None:
    status, answer = pilot.ask("PATCH", "/xen/hosts/xen1/domains/Domain-0", {"state": state})
    assert (status, "host itself" in answer["detail"]) == (409, True)
    assert pilot.get("/xen/hosts/xen1/domains/0")["state"] == "running"


def test_a_domain_nobody_knows(pilot: Pilot) -> None:
    status, answer = pilot.ask("GET", "/xen/hosts/xen1/domains/ghost")
    assert (status, answer["detail"]) == (404, "host xen1: no domain ghost")
    assert pilot.ask("PATCH", "/xen/hosts/xen1/domains/ghost", {"weight": 5})[0] == 404
    assert pilot.ask("DELETE", "/xen/hosts/xen1/domains/ghost")[0] == 404
    assert pilot.ask("DELETE", "/xen/hosts/xen1/domains/Domain-0")[0] == 409
    assert pilot.ask("GET", "/xen/hosts/xen9/domains")[0] == 404


# ---- set: vCPUs


def test_vcpus_are_set_pinned_and_listed(pilot: Pilot, started_guests: Guests) -> None:
    told = pilot.set("xen1", "r1", vcpus=2, affinity=[[1], [0]])
    assert told["vcpus"]["current"] == 2
    pilot.wait(
        lambda: pilot.inside("xen1", "r1", "nproc").strip() == "2", 60, "the guest has 2 vCPUs"
    )
    rows = [one for one in pilot.get("/xen/hosts/xen1/vcpus")["vcpus"] if one["domain"] == "r1"]
    assert [one["affinity"] for one in rows] == [[1], [0]]
    listed = pilot.lab.machine("xen1").run("xl vcpu-list r1")
    assert re.findall(r"r1\s+\d+\s+(\d)\s.*?\s(\d+) / all", listed) == [("0", "1"), ("1", "0")]
    told = pilot.set("xen1", "r1", vcpus=1, affinity=[[0, 1]])
    assert told["vcpus"]["current"] == 1
    pilot.wait(
        lambda: pilot.inside("xen1", "r1", "nproc").strip() == "1", 60, "the guest has 1 vCPU"
    )


def test_a_domain_is_paused_and_goes_on(pilot: Pilot, started_guests: Guests) -> None:
    assert pilot.set("xen1", "r1", state="paused")["state"] == "paused"
    # Its processor may have been waiting for something when it was paused: -bp---.
    assert re.search(r"r1\s.*\s[r-][b-]p", pilot.lab.machine("xen1").run("xl list"))
    pilot.wait_heard("xen_domain", name="r1", change="paused")
    assert pilot.set("xen1", "r1", state="running")["state"] == "running"
    pilot.wait_heard("xen_domain", name="r1", change="resumed")
    pilot.wait_agent("xen1", "r1")


# ---- measures


def test_memory_is_measured_inside_a_router(pilot: Pilot, started_guests: Guests) -> None:
    """Through the controller, Domain 0's proxy and the agent in the guest."""
    found = pilot.measure("xen1", "r1", memory={"iterations": 2, "interval": 0.5})
    told = found["memory"]["iterations"]
    kernel = pilot.inside("xen1", "r1", "grep MemTotal /proc/meminfo")
    assert [one["number"] for one in told] == [1, 2]
    assert told[0]["total_mem"] == int(kernel.split()[1])
    assert 0 < told[0]["used_mem"] < told[0]["total_mem"]


def test_interfaces_are_measured_inside_a_router(pilot: Pilot, guests: Guests) -> None:
    found = pilot.measure("xen1", "r2", ifconfig={"iterations": 2, "interval": 0.5})
    first, second = (
        next(item for item in one["interfaces"] if item["name"] == "eth0")
        for one in found["ifconfig"]["iterations"]
    )
    assert first["ipv4"][0]["address"] == guest_address("r2")
    assert first["link_mac"].lower() == "00:16:3e:77:00:0c"
    assert second["received_bytes"] >= first["received_bytes"] > 0
    assert first["reception_rate"] is None
    assert second["reception_rate"] is not None


def test_a_router_can_be_named_by_its_uuid(pilot: Pilot, guests: Guests) -> None:
    uuid = domain(pilot, "r1")["uuid"]
    assert pilot.measure("xen1", uuid, memory={})["memory"]["iterations"]


def test_latency_between_neighbors(pilot: Pilot, guests: Guests) -> None:
    """From Domain 0 to its router and to the other host, and between two routers."""
    here, other = guest_address("r1"), "10.77.0.2"
    absent = "10.77.0.99"
    asked = {"pings": 3, "ping_interval": 0.2, "neighbors": [here, other, absent]}
    found = pilot.measure("xen1", latency=asked)
    told = {one["ip"]: one["data"] for one in found["latency"]["iterations"][0]["neighbors"]}
    assert [told[ip]["packets_received"] for ip in (here, other, absent)] == [3, 3, 0]
    assert told[absent]["packet_loss_percent"] == 100
    assert 0 < told[here]["rtt"]["minimum"] <= told[here]["rtt"]["average"]
    asked = {"pings": 2, "neighbors": [guest_address("r2")]}
    inside = pilot.measure("xen1", "r1", latency=asked)["latency"]["iterations"][0]["neighbors"]
    assert inside[0]["data"]["packets_received"] == 2


def test_xentop_tells_what_xen_tells(pilot: Pilot, guests: Guests) -> None:
    found = pilot.measure("xen1", xentop={"iterations": 1, "interval": 1})
    told = {one["name"]: one for one in found["xentop"]["iterations"][0]["domains"]}
    assert set(told) == {"Domain-0", *guests}
    assert told["r1"]["memory"] == domain(pilot, "r1")["memory_kb"]
    assert told["r1"]["interface_count"] == 1
    # What the guest sent is what Domain 0 received: the report's numbers are xentop's.
    sent = pilot.inside("xen1", "r1", "cat /sys/class/net/eth0/statistics/tx_packets")
    assert 0 < told["r1"]["interfaces"][0]["received_packets"] <= int(sent)
    # A fractional interval is read through libvirt instead: the same domains, the same side.
    finer = pilot.measure("xen1", xentop={"iterations": 1, "interval": 0.5})
    again = {one["name"]: one for one in finer["xentop"]["iterations"][0]["domains"]}
    assert set(again) == set(told)
    vif, later = told["r1"]["interfaces"][0], again["r1"]["interfaces"][0]
    assert later["received_packets"] >= vif["received_packets"]
    assert later["transmitted_packets"] >= vif["transmitted_packets"]


def test_measures_in_the_report_s_xml(pilot: Pilot, guests: Guests) -> None:
    body = {"gatherers": {"xentop": {}, "ifconfig": {}, "memory": {}}}
    path = "/xen/hosts/xen1/measures"
    status, answer = pilot.ask("POST", path, body, "application/xml")
    assert status == 200
    assert messages.read(answer).body.memory is not None
    numbers = [one.text for one in ET.fromstring(answer).iter("MeasureToolId")]
    assert numbers == ["1", "2", "4"]


def test_the_five_common_measures(pilot: Pilot, guests: Guests) -> None:
    nodes = {one["id"]: one["kind"] for one in pilot.get("/nodes")["nodes"]}
    assert nodes["xen:xen1"] == nodes["xen:xen2"] == "xen_host"
    assert nodes["xen:xen1:r1"] == "xen_router"
    assert "xen:xen1:Domain-0" not in nodes
    for node in ("xen:xen1", "xen:xen1:r1"):
        told = pilot.get(f"/nodes/{node}/measures")
        assert 0 <= told["cpu_percent"] <= 100
        assert 0 < told["memory_percent"] < 100
        assert told["throughput_bps"]["rx"] >= 0
        assert told["dropped_per_s"] >= 0
    assert guest_address("r1") in pilot.get("/nodes/xen:xen1/measures")["neighbors"]


def test_devices_of_a_real_host(pilot: Pilot) -> None:
    told = pilot.get("/xen/hosts/xen1/devices")
    real = pilot.lab.machine("xen1").run("ls /sys/bus/pci/devices").split()
    assert {one["address"] for one in told["devices"]} <= set(real)
    assert any(one["driver"] == "virtio-pci" for one in told["devices"])
    status, answer = pilot.ask("PATCH", "/xen/hosts/xen1/devices/0000:00:03.0", {"functions": 2})
    assert status == 501, answer
    changed = pilot.ask("PATCH", "/xen/hosts/xen1/queues", {"maximum": 2})
    assert changed[1]["queues"]["maximum"] == 2, changed
    kernel = pilot.lab.machine("xen1").run("cat /sys/module/xen_netback/parameters/max_queues")
    assert kernel.strip() == "2"


# ---- credit, the report's scheduler


@pytest.mark.quiet
def test_the_credit_scheduler_holds_a_cap_too(pilot: Pilot, far_guest: str) -> None:
    try:
        pilot.wait_agent("xen2", far_guest)
        told = pilot.set("xen2", far_guest, affinity=[[1]], weight=512, cap=25)
        assert told["scheduler"] == {"kind": "credit", "weight": 512, "cap": 25}
        pilot.make_busy("xen2", far_guest)
        shares = shares_that(capped(far_guest), pilot, 10, "xen2")
        assert capped(far_guest)(shares), shares
    finally:
        assert pilot.ask("DELETE", f"/xen/hosts/xen2/domains/{far_guest}")[0] == 204
    assert pilot.ask("GET", f"/xen/hosts/xen2/domains/{far_guest}")[0] == 404
    pilot.wait_heard("xen_domain", host="xen2", name=far_guest, change="undefined")
    assert far_guest not in pilot.lab.machine("xen2").run("xl list")
