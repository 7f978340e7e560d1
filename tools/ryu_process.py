"""An application that is not ours, run by Ryu's own manager: a tenant that knows nothing of us."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType

from tools.controller_process import MANAGER, START_SECONDS, wait_until
from tools.free_port import free_ports


class RyuProcess:
    """``ryu-manager APP`` on a free loopback port; a context manager."""

    def __init__(self, folder: Path, name: str, app: str) -> None:
        (self.port,) = free_ports(1)
        self._command = [str(MANAGER), f"--ofp-tcp-listen-port={self.port}", app]
        self._log_path = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until switches may connect."""
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_until(self._listens, START_SECONDS, f"{self._command[-1]} listens")

    def _listens(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            process.wait(START_SECONDS)

    def __enter__(self) -> RyuProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
