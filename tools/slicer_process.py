"""A real slicer in its own process, as a user runs it, for tests and benches."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from tools.controller_process import START_SECONDS, wait_until
from tools.free_port import free_ports

PROGRAM = Path(sys.executable).with_name("horizon-slicer")


class SlicerProcess:
    """``horizon-slicer --slices FILE`` on a free loopback port; a context manager."""

    def __init__(self, folder: Path, slices: list[dict[str, Any]]) -> None:
        (self.port,) = free_ports(1)
        self._slices = folder / "slices.json"
        self._log_path = folder / "slicer.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._write(slices)

    def _write(self, slices: list[dict[str, Any]]) -> None:
        self._slices.write_text(json.dumps({"slices": slices}), encoding="utf-8")

    def start(self) -> None:
        """Start the process and wait until switches may connect."""
        command = [str(PROGRAM), "--listen", f"127.0.0.1:{self.port}", "--slices"]
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, str(self._slices), "--verbose"], stdout=log, stderr=log
            )
        wait_until(lambda: "ready" in self.log(), START_SECONDS, f"slicer up\n{self.log()}")

    def configure(self, slices: list[dict[str, Any]]) -> None:
        """Have it work by other slices."""
        self._write(slices)
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def log(self) -> str:
        """Everything that it printed so far."""
        return self._log_path.read_text(encoding="utf-8") if self._log_path.exists() else ""

    def stop(self, signum: int = signal.SIGTERM) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signum)
            process.wait(START_SECONDS)

    def __enter__(self) -> SlicerProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
