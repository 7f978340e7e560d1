"""A real controller whose log nobody reads goes on, and says later what was lost."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from pathlib import Path
from typing import IO

import pytest

from tools.controller_process import ControllerProcess

pytestmark = [pytest.mark.integration, pytest.mark.no_switches]
HANGUPS = 150
"""Each of which is told of by a line: more than there is room for."""


class UnreadController(ControllerProcess):
    """Its standard error is a small pipe: ``reading`` is the other end."""

    reading = -1

    def _started(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        self.reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        try:
            return subprocess.Popen(command, stdout=log, stderr=writing, env=self._variables)
        finally:
            os.close(writing)


def hang_up(controller: ControllerProcess) -> None:
    """Have it say something again and again."""
    for _ in range(HANGUPS):
        os.kill(controller.pid, signal.SIGHUP)
        assert controller.get("/v1/health")["status"]


def test_a_log_that_nobody_reads_holds_nobody_up(tmp_path: Path) -> None:
    controller = UnreadController(tmp_path, really_started=True)
    with controller:
        try:
            hang_up(controller)
            os.set_blocking(controller.reading, False)
            assert b"SIGHUP" in os.read(controller.reading, 65_536)
            hang_up(controller)
            assert b"lines of the log were lost" in os.read(controller.reading, 65_536)
            assert controller.stop() == 0
        finally:
            os.close(controller.reading)
