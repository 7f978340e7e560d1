"""A real controller, of Ryu's manager, whose hub hangs: it ends, and switches are let go."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from horizon_ryu.openflow.watchdog import EXIT_STATUS
from tools.controller_process import ControllerProcess, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.no_switches]
WITHIN = 60.0
CONFIG = "[guard]\nwatchdog = 2\n"
APPLICATION = """
import os
from ryu.base import app_manager
from ryu.lib import hub

class Hanging(app_manager.RyuApp):
    def start(self):
        super().start()
        hub.spawn(self.wait)

    def wait(self):
        while not os.path.exists({sign!r}):
            hub.sleep(0.1)
        while True:
            {how}
"""


@pytest.mark.parametrize("how", ["pass", "os.system('sleep 600')"])
def test_a_hub_that_hangs_ends_the_process_and_lets_switches_go(tmp_path: Path, how: str) -> None:
    sign = tmp_path / "hang"
    text = APPLICATION.format(sign=str(sign), how=how)
    (tmp_path / "hanging_hub.py").write_text(text, encoding="utf-8")
    controller = ControllerProcess(
        tmp_path,
        ("horizon_ryu.bundle", "hanging_hub"),
        CONFIG,
        {"PYTHONPATH": os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))},
        really_started=True,
    )
    with controller:
        switch = socket.create_connection(("127.0.0.1", controller.openflow_port), WITHIN)
        with closing(switch):
            sign.touch()
            assert controller.wait_for_end(WITHIN) == EXIT_STATUS
            wait_until(lambda: not switch.recv(4096), WITHIN, "the switch is let go")
    assert "no life for" in controller.log()
    assert "hanging_hub.py" in controller.log()
