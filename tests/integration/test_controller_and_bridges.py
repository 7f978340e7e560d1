"""A controller and xen-bridges in processes of their own, over TLS: absence, return, restarts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backstop import BACKSTOP
from tools.bridge_process import BridgeProcess
from tools.controller_process import ControllerProcess
from tools.work_clock import WorkClock, wait_for_work
from xen_bridge.protocol import messages
from xen_bridge.trust.identity import Identity

pytestmark = [pytest.mark.integration, pytest.mark.no_switches, pytest.mark.timeout(300)]
HOSTS = "/v1/xen/hosts"


class Site:
    """A controller with Xen alone, and two hosts that let it in."""

    def __init__(self, folder: Path) -> None:
        self.identity = Identity.create(folder / "xen-identity")
        self.controller = ControllerProcess(
            folder, ("horizon_ryu.xen",), "[xen]\npoll_interval = 0.2\npoll_deadline = 30\n"
        )
        self.bridges = {
            name: BridgeProcess(folder / name, self.identity, f"memory:///{name}")
            for name in ("one", "two")
        }

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return the status and the JSON answer; errors too."""
        try:
            data = self.controller.request(method, path, body)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        return 200, json.loads(data) if data else None

    def register(self, name: str, node_pk: str = "") -> Any:
        """Register a bridge, return what is known of it."""
        bridge = self.bridges[name]
        key = node_pk or bridge.identity.node_pk
        return self.ask("POST", HOSTS, {"name": name, "url": bridge.url, "node_pk": key})[1]

    def wait_for(self, name: str, state: str) -> None:
        """Return when a host is in a state, however little time this machine has for it."""
        wait_for_work(
            lambda: self.ask("GET", f"{HOSTS}/{name}")[1]["state"] == state,
            WorkClock(lambda: (self.controller.pid,)),
            20,
            f"{name} {state}",
        )


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    with made.bridges["one"], made.bridges["two"], made.controller:
        yield made
    assert "Traceback" not in made.controller.log()


def test_two_hosts_are_managed_and_remembered(site: Site) -> None:
    assert site.ask("GET", "/v1/xen/identity")[1] == {"node_pk": site.identity.node_pk}
    for name in site.bridges:
        assert site.register(name)["state"] == "connected"
    path = f"{HOSTS}/one/domains"
    made = site.ask("POST", path, {"name": "r1", "weight": 512, "max_vcpus": 2})[1]
    assert (made["state"], made["scheduler"]["weight"]) == ("running", 512)
    assert site.ask("PATCH", f"{path}/r1", {"cap": 401})[0] == 422
    assert site.ask("PATCH", f"{path}/r1", {"cap": 50, "vcpus": 2})[1]["scheduler"]["cap"] == 50
    body = {"gatherers": {"xentop": {}, "memory": {"iterations": 2, "interval": 0.1}}}
    xml = site.controller.request("POST", f"{HOSTS}/one/measures", body, "application/xml")
    assert len(messages.read(xml).body.memory.iterations) == 2
    nodes = [one["id"] for one in site.ask("GET", "/v1/nodes")[1]["nodes"]]
    assert nodes == ["xen:one", "xen:one:r1", "xen:two"]
    assert site.ask("GET", "/v1/nodes/xen:one/measures")[1]["memory_percent"] > 0
    assert site.controller.stop() == 0
    site.controller.start()
    for name in site.bridges:
        site.wait_for(name, "connected")
    assert site.ask("DELETE", f"{path}/r1")[0] == 200
    assert site.ask("GET", f"{path}/r1")[0] == 404
    assert b"horizon_xen_hosts_connected 2.0" in site.controller.request("GET", "/metrics")


def test_a_host_that_goes_away_and_comes_back(site: Site) -> None:
    for name in site.bridges:
        site.register(name)
    port = site.bridges["one"].port
    site.bridges["one"].kill()
    site.wait_for("one", "away")
    status, answer = site.ask("GET", f"{HOSTS}/one/domains")
    assert (status, answer["host"]) == (424, "one")
    assert "away for" in answer["detail"]
    assert site.ask("GET", f"{HOSTS}/two/domains")[0] == 200
    site.bridges["one"].start(port)
    site.wait_for("one", "connected")
    assert site.ask("GET", f"{HOSTS}/one/domains")[0] == 200


def test_keys_that_do_not_fit_say_so(site: Site, tmp_path: Path) -> None:
    stranger = Identity.create(tmp_path / "stranger")
    assert "another key" in site.register("one", stranger.node_pk)["reason"]
    site.bridges["two"].forbid(site.identity)
    assert "xen-bridge authorize" in site.register("two")["reason"]
    site.bridges["two"].authorize(site.identity)
    site.wait_for("two", "connected")
    assert site.ask("GET", f"{HOSTS}/one")[1]["state"] == "away"


def test_a_key_that_cannot_be_kept_ends_it_with_its_option(tmp_path: Path) -> None:
    config = "[xen]\nidentity = /proc/none\n"
    controller = ControllerProcess(tmp_path, ("horizon_ryu.xen",), config)
    with pytest.raises(AssertionError, match="ended at once"):
        controller.start()
    assert controller.wait_for_end() == 2
    assert "xen.identity: /proc/none" in controller.log()
    assert "Traceback" not in controller.log()


def test_timers_are_set_while_it_runs_and_kept(site: Site) -> None:
    path = "/v1/xen/timers"
    assert site.ask("GET", path)[1] == {"poll_interval": 0.2, "poll_deadline": 30.0}
    status, told = site.ask("PATCH", path, {"poll_interval": 0.5})
    assert (status, told) == (200, {"poll_interval": 0.5, "poll_deadline": 30.0})
    assert site.ask("PATCH", path, {"poll_interval": 0})[0] == 422
    site.controller.stop()
    site.controller.start()
    assert site.ask("GET", path)[1]["poll_interval"] == 0.5


def test_a_machine_that_vanishes_is_noticed_before_the_deadline(tmp_path: Path) -> None:
    """In a namespace of its own, where a cable can be pulled."""
    program = Path(__file__).with_name("switched_off_peer.py")
    command = ("unshare", "--net", sys.executable, str(program), str(tmp_path))
    where = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=BACKSTOP, env=where)
    assert done.stdout.startswith("PeerAway"), done
    assert "the connection was lost" in done.stdout
