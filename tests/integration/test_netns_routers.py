"""Routers that are namespaces, by REST and horizonctl: life, addresses, routes, FRR's daemons."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from horizon_ryu.cli.main import main
from integration.router_hosts import HOSTS, RouterHost, RouterHosts
from tools.work_clock import WorkClock, wait_for_work
from xen_bridge.dom0.hypervisor.netns.router_setup import DAEMONS

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]
DOMAINS = f"{HOSTS}/host1/domains"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouterHosts]:
    folder = tmp_path_factory.mktemp("routers")
    with RouterHosts(folder, 1, f"n{uuid.uuid4().hex[:5]}_") as made:
        for segment in ("left", "right"):
            made.hosts[0].bridge_for(segment)
        yield made
        assert made.ask("GET", DOMAINS)["domains"] == []
        links = made.hosts[0].namespace.ip("-br", "link")
        assert "hzv" not in links
    assert "Traceback" not in made.controller.log()


@pytest.fixture
def host(site: RouterHosts) -> Iterator[RouterHost]:
    """The host, without routers before and after."""
    yield site.hosts[0]
    for domain in site.ask("GET", DOMAINS)["domains"]:
        site.ask("DELETE", f"{DOMAINS}/{domain['name']}")


def horizonctl(site: RouterHosts, *words: str) -> Result:
    command = ("--url", site.controller.url, *words)
    return CliRunner().invoke(main, command, catch_exceptions=False)


def shown(site: RouterHosts, *words: str) -> str:
    done = horizonctl(site, *words)
    assert done.exit_code == 0, done.output
    return done.output


def inside(host: RouterHost, name: str, *words: str) -> str:
    """Run a command in a router; return what it wrote."""
    command = ("ip", "netns", "exec", f"hz-{host.label}-{name}", *words)
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def reaches(host: RouterHost, name: str, address: str) -> bool:
    return " 0% packet loss" in inside(host, name, "ping", "-c1", "-W1", address)


def until(condition: Any, what: str, seconds: float = 20) -> None:
    wait_for_work(condition, WorkClock(lambda: (os.getpid(),)), seconds, what)


def test_a_router_lives_from_its_creation_to_its_deletion_also_while_the_service_is_dead(
    site: RouterHosts, host: RouterHost
) -> None:
    create = ("xen", "create", "host1")
    shown(site, *create, "r1", "--network", "blue", "--bridge", "left,192.0.2.1/24")
    shown(site, *create, "r2", "--network", "blue", "--bridge", "left,192.0.2.2/24,2001:db8::2/64")
    rows = [line.split() for line in shown(site, "xen", "domains", "host1").splitlines()]
    assert [(row[0], row[2], row[-1]) for row in rows if row and row[0] in ("r1", "r2")] == [
        ("r1", "running", "blue"),
        ("r2", "running", "blue"),
    ]
    until(lambda: reaches(host, "r1", "192.0.2.2"), "r2 answers r1")
    assert "2001:db8::2/64" in inside(host, "r2", "ip", "-6", "address")
    cpu = sorted(os.sched_getaffinity(0))[0]
    shown(site, "xen", "set", "host1", "r1", "--affinity", str(cpu))
    before = site.ask("GET", f"{DOMAINS}/r1")
    assert before["vcpus"]["affinity"] == [[cpu]]
    port = host.bridge.port
    host.bridge.kill()
    assert reaches(host, "r1", "192.0.2.2")
    host.bridge.start(port)
    until(lambda: site.try_to("GET", f"{DOMAINS}/r1")[0] == 200, "the service is back")
    after = site.ask("GET", f"{DOMAINS}/r1")
    same = ("id", "uuid", "network", "interfaces", "vcpus")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    shown(site, "xen", "delete", "host1", "r1")
    assert horizonctl(site, "xen", "domains", "host1", "r1").exit_code == 1
    assert not reaches(host, "r2", "192.0.2.1")


@pytest.mark.parametrize(
    ("wanted", "status", "field"),
    [
        ({"vcpus": 2}, 501, None),
        ({"boot_loader": "pygrub"}, 422, "boot_loader"),
        ({"kernel": "/bin/sh"}, 403, None),
        ({"interfaces": [{"bridge": "left", "addresses": ["192.0.2.1"]}]}, 422, "interfaces"),
        ({"interfaces": [{"bridge": "left", "addresses": ["192.0.2.300/24"]}]}, 422, "interfaces"),
        ({"interfaces": [{"bridge": "left", "addresses": ["192.0.2.1/33"]}]}, 422, "interfaces"),
        ({"routes": [{"to": "10.0.0.1/8", "via": "192.0.2.1"}]}, 422, "routes"),
        ({"routes": [{"to": "10.0.0.0/8", "via": "2001:db8::1"}]}, 422, "routes"),
        ({"routes": [{"to": "10.0.0.0/8"}]}, 422, "routes"),
        # No interface of it leads there: the kernel's word.
        ({"routes": [{"to": "10.0.0.0/8", "via": "192.0.2.1"}]}, 424, None),
        ({"daemons": ["sshd"]}, 422, "daemons"),
        ({"configuration": "router ospf"}, 422, "configuration"),
        ({"network": "physical"}, 422, "network"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field_and_leaves_nothing(
    site: RouterHosts, host: RouterHost, wanted: dict[str, Any], status: int, field: str | None
) -> None:
    got, answer = site.try_to("POST", DOMAINS, {"name": "r9", **wanted})
    assert got == status, answer
    if field is not None:
        assert answer["errors"][0]["loc"][0] == field
    assert site.ask("GET", DOMAINS)["domains"] == []


def test_static_routes_of_creation_lead_through_a_router(
    site: RouterHosts, host: RouterHost
) -> None:
    create = ("xen", "create", "host1")
    shown(site, *create, "r2", "--bridge", "left,192.0.2.2/24", "--bridge", "right,198.51.100.2/24")
    for name, segment, address, to, via in (
        ("r1", "left", "192.0.2.1/24", "198.51.100.0/24", "192.0.2.2"),
        ("r3", "right", "198.51.100.3/24", "192.0.2.0/24", "198.51.100.2"),
    ):
        shown(site, *create, name, "--bridge", f"{segment},{address}", "--route", f"{to},{via}")
    until(lambda: reaches(host, "r1", "198.51.100.3"), "r3 answers r1 through r2")


@pytest.mark.skipif(not DAEMONS.joinpath("ospfd").exists(), reason="needs frr")
def test_frr_routers_find_each_other_s_networks_and_leave_nothing_behind(
    site: RouterHosts, host: RouterHost, tmp_path: Path
) -> None:
    configuration = tmp_path / "frr.conf"
    configuration.write_text(
        "interface eth0\n ip ospf hello-interval 1\n ip ospf dead-interval 10\n"
        " ip ospf network point-to-point\n"
        "router ospf\n timers throttle lsa all 0\n timers lsa min-arrival 0\n"
        " network 192.0.2.0/24 area 0\n redistribute connected\n"
    )
    frr = ("--daemon", "ospfd", "--configuration", str(configuration))
    create = ("xen", "create", "host1")
    shown(site, *create, "r1", "--bridge", "left,192.0.2.1/24", *frr)
    own = ("--bridge", "left,192.0.2.2/24", "--bridge", "right,198.51.100.2/24")
    made = site.ask(
        "POST",
        DOMAINS,
        {
            "name": "r2",
            "interfaces": [
                {"bridge": text.split(",")[0], "addresses": [text.split(",")[1]]}
                for text in own[1::2]
            ],
            "daemons": ["ospfd"],
            "configuration": configuration.read_text(),
        },
    )
    assert made["state"] == "running"

    def routes() -> str:
        return inside(host, "r1", "ip", "route")

    until(lambda: "198.51.100.0/24" in routes(), "r1 learns of r2's network", 40)
    assert "proto ospf" in routes()
    assert reaches(host, "r1", "198.51.100.2")
    # Each has its own, and the machine has none of it.
    assert not Path("/run/frr/zebra.vty").exists()
