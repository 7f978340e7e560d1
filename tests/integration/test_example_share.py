"""The example that keeps a router's share of the processor, on a router that is a namespace."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from horizon_client import Client, xen
from integration.router_hosts import RouterHosts
from tools.controller_process import wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]
PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "keep_share.py"


def test_a_share_is_put_right_whoever_changes_it(tmp_path: Path) -> None:
    with RouterHosts(tmp_path, 1, f"e{uuid.uuid4().hex[:5]}_") as site:
        (host,) = site.hosts
        host.bridge_for("left")
        site.router(host, "r1", "blue", {"left": "10.0.1.1/24"})
        horizon = Client(site.controller.url)
        if "scheduler" not in str(horizon.ask(xen.hosts()).hosts[0].capabilities):
            pytest.skip("this kernel gives namespaces no share of the processor: no cgroup v2")

        def is_kept() -> bool:
            kept = horizon.ask(xen.domain(host.name, "r1")).scheduler
            return bool((kept.weight, kept.cap) == (512, 40))

        command = (sys.executable, str(PROGRAM), host.name, "r1", "40", "--seconds", "600")
        where = {**os.environ, "HORIZON_URL": site.controller.url}
        with subprocess.Popen(command, env=where, stdout=subprocess.PIPE) as keeper:
            try:
                wait_until(is_kept, 30.0, "the share is the target")
                horizon.ask(xen.change(host.name, "r1", cap=90))
                wait_until(is_kept, 30.0, "the share is the target again")
            finally:
                keeper.terminate()
