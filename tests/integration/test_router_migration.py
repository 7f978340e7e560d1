"""Routers moved between two hosts by the controller: by REST and by horizonctl, under traffic."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from horizon_client import Client
from horizon_ryu.cli.main import main
from integration.router_hosts import HOSTS, RouterHost, RouterHosts
from network_namespace import NetworkNamespace
from tools.router_lab import HOSTS as LAB_HOSTS
from tools.router_lab import LANS, ROUTER, NumberedTraffic, RouterLab
from tools.work_clock import WorkClock, wait_for_work

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]
RATE = 2_000
ENDED = ("done", "rolled_back", "failed")
KINDS = ("migration_begun", "migration_step", "migration_done")
PORTS = {"left": "10.0.1.1/24", "right": "10.0.2.1/24"}


class Site(RouterHosts):
    """client - left - router - right - server; both hosts are on left and on right."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 2, f"m{uuid.uuid4().hex[:5]}_")
        self.client, self.server = NetworkNamespace(), NetworkNamespace()

    def build(self) -> None:
        """Join the hosts and the stations; their services may speak with each other."""
        one, two = self.hosts
        self.cable(one, two, "198.51.100.0/29")
        for host, other, way in ((one, two, 2), (two, one, 1)):
            host.namespace.ip("route", "add", other.address, "via", f"198.51.100.{way}")
            host.bridge.authorize(other.bridge.identity)
        for number, (segment, host) in enumerate((("left", one), ("right", two)), 1):
            self.segment(segment, one, two)
            self._station((self.client, self.server)[number - 1], number, segment, host)

    def _station(
        self, station: NetworkNamespace, number: int, segment: str, host: RouterHost
    ) -> None:
        peer = ("peer", "name", "eth0", "netns", station.name)
        host.namespace.ip("link", "add", f"s{number}", "type", "veth", *peer)
        host.namespace.ip("link", "set", f"s{number}", "master", segment, "up")
        station.ip("address", "add", f"10.0.{number}.2/24", "dev", "eth0")
        station.ip("link", "set", "eth0", "up")
        station.ip("route", "add", "default", "via", f"10.0.{number}.1")

    def space(self, name: str) -> str:
        """Return the namespace of a station."""
        return {"client": self.client, "server": self.server}[name].name

    # ---- the router

    def where(self, name: str = "r1") -> list[str]:
        """Return the hosts that have a router, as their own services tell."""
        found = []
        for host in self.hosts:
            domains = self.ask("GET", f"{HOSTS}/{host.name}/domains")["domains"]
            found += [host.name for one in domains if one["name"] == name]
        return found

    def home(self) -> tuple[str, str]:
        """Return where the router r1 is, and the other host."""
        (here,) = self.where()
        (there,) = (host.name for host in self.hosts if host.name != here)
        return here, there

    def begin(self, **more: Any) -> tuple[int, Any]:
        """Ask for the migration of r1 to the other host; return status and answer."""
        here, there = self.home()
        body = {"destination": there, "mode": "standard", **more}
        return self.try_to("POST", f"{HOSTS}/{here}/domains/r1/migrations", body)

    def begun(self, **more: Any) -> Any:
        """Return a migration of r1 to the other host that has begun."""
        _, answer = self.begin(**more)
        assert answer["state"] == "installing", answer
        return answer

    def passes(self) -> bool:
        """Tell whether a ping gets through the router."""
        command = ("ip", "netns", "exec", self.client.name, "ping", "-c1", "-W2", "10.0.2.2")
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def events(self, last: str) -> list[dict[str, Any]]:
        """Return the events of migrations up to the first of a kind."""
        found = []
        for event in Client(self.controller.url).events(0, KINDS):
            found.append(event.document())
            if event.kind == last:
                break
        return found

    def migration(self, name: str) -> Any:
        return self.ask("GET", f"/v1/migrations/{name}")

    def ended(self, name: str) -> Any:
        """Return a migration at its end."""
        self.until(lambda: self.migration(name)["state"] in ENDED, "the migration ends")
        return self.migration(name)

    def until(self, condition: Callable[[], Any], what: str) -> None:
        clock = WorkClock(lambda: (os.getpid(), self.controller.pid))
        wait_for_work(condition, clock, 20, what)

    def horizonctl(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["--url", self.controller.url, *words])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two hosts, the router r1 on the first."""
    made = Site(tmp_path_factory.mktemp("moving"))
    with made.client, made.server, made:
        made.build()
        made.router(made.hosts[0], "r1", "blue", PORTS)
        yield made
        for host in made.hosts:
            assert "Traceback" not in host.bridge.log
    assert "Traceback" not in made.controller.log()


def test_a_router_is_moved_by_rest_and_back_by_horizonctl_and_nothing_comes_twice(
    site: Site,
) -> None:
    here, there = site.home()
    planned = site.begin(dry_run=True)
    assert planned[0] == 200
    assert (planned[1]["state"], planned[1]["refusals"]) == ("planned", [])
    with NumberedTraffic(site, RATE) as traffic:
        begun = site.begun()
        moved = site.ended(begun["id"])
        assert moved["state"] == "done", moved
        assert site.where() == [there]
        back = site.horizonctl("xen", "migrate", there, "r1", here, "--mode", "standard")
        assert back.exit_code == 0, back.output
    assert [step["name"] for step in moved["steps"]] == [
        step["name"] for step in planned[1]["steps"]
    ]
    assert {step["state"] for step in moved["steps"]} == {"done"}
    assert moved["pause_ms"] is not None
    assert traffic.duplicated == 0
    # The standard mode loses what comes while the router moves, and no more.
    assert traffic.received > traffic.lost
    assert site.passes()
    assert f"r1: {there} > {here}, standard, done" in back.output
    for step in moved["steps"]:
        assert f"{step['name']}  done" in back.output
    assert site.where() == [here]
    assert "r1" in site.horizonctl("xen", "domains", here).output
    told = [one["kind"] for one in site.ask("GET", "/v1/migrations")["migrations"]]
    assert told == ["router", "router"]
    events = site.events("migration_done")
    assert {event["data"]["id"] for event in events} == {moved["id"]}
    assert [event["kind"] for event in events][:1] == ["migration_begun"]
    done = [event["data"] for event in events if event["data"]["state"] == "done"]
    assert [one["step"] for one in done[:-1]] == [step["name"] for step in moved["steps"]]
    for one, step in zip(done, moved["steps"], strict=False):
        assert (one["began_s"], one["ended_s"]) == (step["began_s"], step["ended_s"])


def test_each_refusal_names_its_field_and_moves_nothing(site: Site) -> None:
    here, there = site.home()
    path = f"{HOSTS}/{here}/domains/r1/migrations"

    def refused(**more: Any) -> tuple[int, list[str]]:
        body = {"destination": there, "mode": "standard", **more}
        status, answer = site.try_to("POST", path, body)
        return status, [error["loc"][0] for error in answer["errors"]]

    assert refused(destination="host9") == (422, ["destination"])
    assert refused(destination=here) == (422, ["destination"])
    assert refused(mode="fast") == (422, ["mode"])
    assert refused(pause_s=2, abort_if_pause_over_s=1) == (422, ["abort_if_pause_over_s"])
    other = next(host for host in site.hosts if host.name == there)
    own = next(host for host in site.hosts if host.name == here)
    site.router(other, "r1", None, {"left": "10.0.1.9/24"})
    assert refused() == (409, ["destination"])
    dry = site.horizonctl("xen", "migrate", here, "r1", there, "--dry-run", "--mode", "standard")
    assert dry.exit_code == 1
    assert "destination: " in dry.output
    site.ask("DELETE", f"{HOSTS}/{there}/domains/r1")
    other.bridge.forbid(own.bridge.identity)
    status, fields = refused()
    assert (status, fields) == (409, ["destination"])
    other.bridge.authorize(own.bridge.identity)
    assert site.where() == [here]


def test_one_that_is_under_way_is_not_begun_twice_and_is_taken_back(site: Site) -> None:
    here, _ = site.home()
    begun = site.begun(pause_s=600.0)
    again, conflict = site.begin()
    assert (again, [error["loc"] for error in conflict["errors"]]) == (409, [["domain"]])
    assert begun["id"] in conflict["detail"]
    aborted = site.horizonctl("xen", "abort", begun["id"])
    assert aborted.exit_code == 0, aborted.output
    assert site.migration(begun["id"])["state"] == "rolled_back"
    assert site.where() == [here]


def test_a_controller_killed_in_the_middle_finds_the_migration_again(site: Site) -> None:
    _, there = site.home()
    begun = site.begun(pause_s=1.5)
    site.controller.stop(9)
    site.controller.start()
    found = site.ended(begun["id"])
    assert found["state"] == "done", found
    assert (found["domain"], found["destination"]) == ("r1", there)
    assert {step["state"] for step in found["steps"]} == {"done"}
    assert site.where() == [there]


def test_a_source_that_is_killed_is_told_of_and_its_migration_ends_when_it_is_back(
    site: Site,
) -> None:
    here, _ = site.home()
    source = next(host for host in site.hosts if host.name == here)
    port = source.bridge.port
    # It is not over before the source is killed, however long the answer takes.
    begun = site.begun(pause_s=600.0)
    source.bridge.kill()
    site.until(lambda: site.migration(begun["id"])["silence"], "its silence is told")
    assert site.migration(begun["id"])["state"] in ("installing", "committed")
    source.bridge.start(port)
    ended = site.ended(begun["id"])
    assert ended["state"] in ("done", "rolled_back"), ended
    assert ended["silence"] is None
    assert len(site.where()) == 1


def test_a_router_whose_planes_are_separated_is_moved_by_rest_and_back_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    with RouterLab(tmp_path) as lab:

        def passes(host: str) -> bool:
            return {name: lab.planes(name) for name in LAB_HOSTS} == {
                name: "separated" if name == host else "none" for name in LAB_HOSTS
            }

        def until(condition: Callable[[], Any], what: str) -> None:
            clock = WorkClock(lambda: (os.getpid(), lab.controller.pid))
            wait_for_work(condition, clock, 30, what)

        def routes(host: str) -> int:
            (plane,) = lab.ask("GET", f"{HOSTS}/{host}/planes")["planes"]
            return int(plane["routes"])

        here, there = LAB_HOSTS
        until(lambda: passes(here), "its planes are separated")
        with NumberedTraffic(lab, RATE) as traffic:
            body = {"destination": there, "mode": "plane-separation"}
            begun = lab.ask("POST", f"{HOSTS}/{here}/domains/{ROUTER}/migrations", body)
            path = f"/v1/migrations/{begun['id']}"
            until(lambda: lab.ask("GET", path)["state"] in ENDED, "it has ended")
            moved = lab.ask("GET", path)
            assert moved["state"] == "done", moved
            assert lab.where() == [there]
            until(lambda: passes(there), "the destination passes its packets")
            # Its agent is reached by the router's own interface, which is in its bridge again.
            known = routes(there)
            lab.in_router(there, "ip", "route", "add", "10.77.0.0/24", "via", f"{LANS[1]}.2")
            until(lambda: routes(there) == known + 1, "its routes are followed there")
            arguments = ("xen", "migrate", there, ROUTER, here)
            back = CliRunner().invoke(main, ["--url", lab.controller.url, *arguments])
            assert back.exit_code == 0, back.output
            until(lambda: passes(here), "the first host passes its packets again")
        assert (traffic.lost, traffic.duplicated) == (0, 0)
        assert lab.where() == [here]
