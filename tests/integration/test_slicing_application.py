"""The slicing application, Open vSwitch, and tenants that know nothing of it, from a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integration.sliced_pairs import SECONDS, two_switches
from tools.controller_process import wait_until
from tools.ryu_process import RyuProcess
from tools.slicing_process import SlicingProcess
from topologies.driver import MininetProcess

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

TENANTS = ("a", "b")
RULES = {
    "a": "ports=1,3 dl_src=00:00:00:00:00:01,00:00:00:00:00:02",
    "b": "ports=2,3 dl_src=00:00:00:00:00:03,00:00:00:00:00:04",
}


APPS = {"OpenFlow10": "ryu.app.simple_switch", "OpenFlow13": "ryu.app.simple_switch_13"}


class SlicedClass:
    """Two switches, the application, and two tenants with Ryu's learning switch."""

    def __init__(self, folder: Path, stack: ExitStack, version: str = "OpenFlow10") -> None:
        app = APPS[version]
        self.tenants = {
            name: stack.enter_context(RyuProcess(folder, name, app)) for name in TENANTS
        }
        self.slicing = stack.enter_context(SlicingProcess(folder))
        self.wait_for_engine()
        self.network = stack.enter_context(
            MininetProcess(
                two_switches(len(TENANTS)),
                [f"tcp:127.0.0.1:{self.slicing.port}"],
                versions=[version],
            )
        )
        for name, tenant in self.tenants.items():
            url = f"tcp:127.0.0.1:{tenant.port}"
            self.slicing.ctl("create", name, "-c", url, "--rule", RULES[name])

    def wait_for_engine(self) -> None:
        """Wait until the application has the engine."""

        def is_up() -> bool:
            return b"horizon_slicer_engine_up 1.0" in self.slicing.request(
                "GET", "/metrics", accept="text/plain"
            )

        wait_until(is_up, SECONDS, "the engine", self.slicing.held_up)

    def reaches(self, one: str, other: str) -> bool:
        """Tell whether a ping gets through."""
        target = next(host.ip for host in self.network.graph.hosts if host.name == other)
        return self.network.run(one, ["ping", "-c", "1", "-W", "1", target]).status == 0

    def expect(self, one: str, other: str) -> None:
        """Wait until pings get through."""
        wait_until(
            lambda: self.reaches(one, other),
            SECONDS,
            f"{one} reaches {other}\n{self.slicing.engine_log()[-3000:]}",
            self.slicing.held_up,
        )


@pytest.fixture(scope="module")
def sliced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlicedClass]:
    with ExitStack() as stack:
        yield SlicedClass(tmp_path_factory.mktemp("class"), stack)


def test_slices_that_were_made_from_the_terminal_reach_their_own_hosts_alone(
    sliced: SlicedClass,
) -> None:
    sliced.expect("h1", "h2")
    sliced.expect("h3", "h4")
    assert not sliced.reaches("h1", "h3")
    listed = sliced.slicing.ctl("list")
    assert all(f"tcp:127.0.0.1:{tenant.port}" in listed for tenant in sliced.tenants.values())
    assert "in_port" in sliced.slicing.ctl("show", "a")
    assert "0000000000000001" in sliced.slicing.ctl("topology", "a")
    for part in ("entries", "stats"):
        assert sliced.slicing.ctl(part, "a").strip()


def test_the_flowspace_changes_and_nobody_loses_a_packet_or_a_connection(
    sliced: SlicedClass,
) -> None:
    sliced.expect("h1", "h2")
    log = sliced.slicing.engine_log()
    job = sliced.network.spawn("h1", ["ping", "-i", "0.05", "-c", "40", "10.0.0.2"])
    told = sliced.slicing.ctl("rules", "add", "b", "ports=1 dl_vlan=77", "--dry-run")
    assert "owned" in told
    assert "a rule 1" in told
    sliced.slicing.ctl("rules", "add", "b", "ports=1 dl_vlan=77")
    number = sliced.slicing.get("/v1/slices/b")["flowspace"][-1]["id"]
    sliced.slicing.ctl("rules", "remove", "b", str(number))
    assert " 0% packet loss" in sliced.network.wait(job).output
    since = sliced.slicing.engine_log()[len(log) :]
    assert "disconnected" not in since


def test_a_rule_that_is_no_good_is_refused_with_its_field(sliced: SlicedClass) -> None:
    told = sliced.slicing.ctl("rules", "add", "b", "ports=9", "dl_vlan=9999", status=1)
    assert "1.match.dl_vlan" in told
    assert len(sliced.slicing.get("/v1/slices/b")["flowspace"]) == 1


def test_while_the_application_is_stopped_the_network_stays_sliced_and_all_is_found_again(
    sliced: SlicedClass,
) -> None:
    sliced.expect("h1", "h2")
    engine = sliced.slicing.engine_pid()
    job = sliced.network.spawn("h1", ["ping", "-i", "0.05", "-c", "100", "10.0.0.2"])
    before = sliced.slicing.get("/v1/slices")
    assert sliced.slicing.stop() == 0
    sliced.expect("h3", "h4")
    sliced.slicing.start()
    sliced.wait_for_engine()
    assert sliced.slicing.get("/v1/slices") == before
    assert sliced.slicing.engine_pid() == engine
    assert " 0% packet loss" in sliced.network.wait(job).output
    sliced.slicing.ctl("delete", "b")
    wait_until(
        lambda: not any("00:00:00:00:00:03" in entry for entry in sliced.network.flows(1)),
        SECONDS,
        "the entries of b have gone",
        sliced.slicing.held_up,
    )
    assert sliced.slicing.slices() == ["a"]
