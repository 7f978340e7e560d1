"""A program in the background whose output goes to a file, for tests and benches."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tools.controller_process import START_SECONDS, wait_until
from tools.fork_server import ForkedProcess


class LoggedProcess:
    """Runs a command until it is stopped; a context manager. It may be started again."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._command = command
        self._log_path = log
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None

    def is_ready(self) -> bool:
        """Tell whether it does what it was started for."""
        return True

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        with self._log_path.open("ab") as log:
            self._process = self._started(self._command, log)
        wait_until(self.is_ready, START_SECONDS, f"{self._command} is ready\n{self.log()}")

    def _started(
        self, command: list[str], log: IO[bytes]
    ) -> subprocess.Popen[bytes] | ForkedProcess:
        return subprocess.Popen(command, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        """The number of the process; RuntimeError if there is none."""
        if self._process is None:
            raise RuntimeError(f"{self._command} does not run")
        return self._process.pid

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def log(self) -> str:
        """Everything that it printed so far."""
        return self._log_path.read_text(encoding="utf-8") if self._log_path.exists() else ""

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(START_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
