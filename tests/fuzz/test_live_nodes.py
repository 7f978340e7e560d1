"""Nodes of the Xen side that answer without an end, to a real controller: nobody else waits."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostile_node import ENDLESS, HostileNode
from tools.bridge_process import BridgeProcess
from tools.controller_process import ControllerProcess, wait_until
from xen_bridge.trust.identity import Identity

pytestmark = [pytest.mark.integration, pytest.mark.no_switches]
WITHIN = 60.0
LOOKS = 3
"""Of the controller at the hostile node, while others are served."""


@pytest.mark.parametrize("how", ENDLESS)
@pytest.mark.usefixtures("forked_controllers")
def test_a_node_that_answers_without_an_end_is_away_and_others_are_served(
    tmp_path: Path, how: str
) -> None:
    asking = Identity.create(tmp_path / "xen-identity")
    config = (
        f"[xen]\nidentity = {tmp_path / 'xen-identity'}\npoll_interval = 0.2\npoll_deadline = 1\n"
    )
    controller = ControllerProcess(tmp_path, ("horizon_ryu.xen",), config)
    honest = BridgeProcess(tmp_path / "honest", asking, "memory:///honest")
    with HostileNode(tmp_path / "node", asking.node_pk, how) as node, honest, controller:
        for name, url, key in (
            ("hostile", node.url, node.identity.node_pk),
            ("honest", honest.url, honest.identity.node_pk),
        ):
            host = {"name": name, "url": url, "node_pk": key}
            controller.request("POST", "/v1/xen/hosts", host)

        def state(name: str) -> str:
            found: str = controller.get(f"/v1/xen/hosts/{name}")["state"]
            return found

        wait_until(lambda: node.asked >= LOOKS and state("hostile") == "away", WITHIN, "it is away")
        wait_until(lambda: state("honest") == "connected", WITHIN, "the other is there")
        assert "watchdog" not in controller.log()
        assert controller.stop() == 0
    assert "Traceback" not in controller.log()
