"""An application that is not ours, run by Ryu's own manager: a tenant that knows nothing of us."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import IO

from tools.controller_process import MANAGER
from tools.fork_server import VARIABLE, ForkedProcess
from tools.free_port import free_port
from tools.logged_process import LoggedProcess


class RyuProcess(LoggedProcess):
    """``ryu-manager APP`` on a free loopback port; a context manager.

    It is forked off where there is a fork server, as a controller is (``tools/fork_server.py``).
    """

    def __init__(self, folder: Path, name: str, app: str) -> None:
        self.port = free_port()
        command = [str(MANAGER), f"--ofp-tcp-listen-port={self.port}", app]
        super().__init__(command, folder / f"{name}.log")

    def _started(
        self, command: list[str], log: IO[bytes]
    ) -> subprocess.Popen[bytes] | ForkedProcess:
        server = os.environ.get(VARIABLE)
        if server is None:
            return super()._started(command, log)
        return ForkedProcess(server, command, log, os.environ)

    def is_ready(self) -> bool:
        """Tell whether switches may connect."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0):
                return True
        except OSError:
            return False
