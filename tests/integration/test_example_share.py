"""The example that keeps a router's share of the processor, on hosts with a service."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from horizon_client import Client, xen
from integration.router_hosts import RouterHosts
from tools.bridge_process import BridgeProcess
from tools.controller_process import ControllerProcess, wait_until
from xen_bridge.trust.identity import Identity

pytestmark = [pytest.mark.integration, pytest.mark.no_switches]
PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "keep_share.py"
NEEDED = {"weight", "cap"}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root")


@contextmanager
def namespaces(folder: Path) -> Iterator[str]:
    """Have the router r1 on the host host1, a namespace; yield the controller's URL."""
    with RouterHosts(folder, 1, f"e{uuid.uuid4().hex[:5]}_") as site:
        (host,) = site.hosts
        host.bridge_for("left")
        site.router(host, "r1", "blue", {"left": "10.0.1.1/24"})
        yield site.controller.url


@contextmanager
def memory(folder: Path) -> Iterator[str]:
    """Have the same where routers are only remembered, by a real service over TLS."""
    identity = Identity.create(folder / "xen-identity")
    controller = ControllerProcess(folder, ("horizon_ryu.xen",), "[xen]\npoll_interval = 0.2\n")
    with BridgeProcess(folder / "host1", identity, "memory:///host1") as bridge, controller:
        horizon = Client(controller.url)
        horizon.ask(xen.register("host1", bridge.url, bridge.identity.node_pk))
        horizon.ask(xen.create("host1", {"name": "r1", "weight": 256}))
        yield controller.url


@pytest.mark.parametrize("site", [pytest.param(namespaces, marks=needs_root), memory])
def test_a_share_is_put_right_whoever_changes_it(tmp_path: Path, site: object) -> None:
    assert callable(site)
    with site(tmp_path) as url:
        horizon = Client(url)
        if not set(horizon.ask(xen.hosts()).hosts[0].capabilities) >= NEEDED:
            pytest.skip("a kernel without cgroup v2 gives namespaces no share of the processor")

        def is_kept() -> bool:
            kept = horizon.ask(xen.domain("host1", "r1")).scheduler
            return bool((kept.weight, kept.cap) == (512, 40))

        command = (sys.executable, str(PROGRAM), "host1", "r1", "40", "--seconds", "600")
        where = {**os.environ, "HORIZON_URL": url}
        with subprocess.Popen(command, env=where, stdout=subprocess.DEVNULL) as keeper:
            try:
                wait_until(is_kept, 60.0, "the share is the target")
                horizon.ask(xen.change("host1", "r1", cap=90))
                wait_until(is_kept, 60.0, "the share is the target again")
            finally:
                keeper.terminate()
