"""Starts a controller in its own process and reads what it costs and what it reports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from tools.free_port import free_ports

TESTS = Path(__file__).resolve().parent.parent
MARK = "@bench "
"""What begins a line of standard output that a watching application wrote."""


def report(**values: Any) -> None:
    """Write one reading, with the moment it was taken; called inside the controller."""
    print(MARK + json.dumps({"at": time.monotonic(), **values}), flush=True)


class Controller:
    """A ``ryu-manager`` with ``applications`` on free loopback ports; a context manager."""

    def __init__(self, *applications: str, settings: str = "", **environment: str) -> None:
        self._applications = applications
        self._settings = settings
        self._environment = environment
        self._directory = tempfile.TemporaryDirectory(prefix="horizon-bench-")
        self.readings: list[dict[str, Any]] = []

    def __enter__(self) -> Controller:
        port, self.rest_port = free_ports(2)
        self.address = ("127.0.0.1", port)
        log = Path(self._directory.name) / "log"
        config = Path(self._directory.name) / "horizon.conf"
        config.write_text(
            f"[store]\nurl = sqlite:///{self._directory.name}/horizon.sqlite\n{self._settings}"
        )
        command = [str(Path(sys.executable).with_name("ryu-manager")), "--log-file", str(log)]
        command += ["--config-file", str(config)]
        command += ["--ofp-listen-host", "127.0.0.1", "--wsapi-host", "127.0.0.1"]
        command += ["--ofp-tcp-listen-port", str(self.address[1])]
        command += ["--wsapi-port", str(self.rest_port), *self._applications]
        paths = [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            command,
            cwd=self._directory.name,
            env={**os.environ, **self._environment, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE,
            stderr=(Path(self._directory.name) / "stderr").open("wb"),
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(2)
        self._directory.cleanup()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON answer of the REST API; urllib's HTTPError on 4xx and 5xx."""
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.rest_port}{path}"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read() or b"null")

    @property
    def pid(self) -> int:
        """Process id of the running controller."""
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Return the CPU time that the process has used."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def trouble(self) -> str:
        """Return the last lines that the controller wrote on standard error and in its log."""
        texts = [(Path(self._directory.name) / name) for name in ("stderr", "log")]
        return "\n".join(path.read_text()[-1500:] for path in texts if path.exists())

    def newest(self, key: str, default: Any = None) -> Any:
        """Return the last value reported under ``key``."""
        for reading in reversed(self.readings):
            if key in reading:
                return reading[key]
        return default

    def when(self, key: str, value: Any) -> float | None:
        """Return the moment at which ``key`` was first reported with ``value``."""
        return next((r["at"] for r in self.readings if r.get(key) == value), None)

    def _read(self) -> None:
        if self._process.stdout is None:
            return
        for line in self._process.stdout:
            if line.startswith(MARK):
                self.readings.append(json.loads(line[len(MARK) :]))
