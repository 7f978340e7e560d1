"""A real controller in its own process, as a user runs it, for tests, benches and the demo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tools.fork_server import VARIABLE, ForkedProcess
from tools.free_port import free_ports
from tools.task_stacks import ASK
from tools.waiting import wait_until, without_processor

__all__ = ["ControllerProcess", "limited", "wait_until"]

START_SECONDS = 90.0
STOP_SECONDS = 60.0
TELL_SECONDS = 5.0
"""For the stacks of one that does not end."""
REQUEST_SECONDS = 120.0
MANAGER = Path(sys.executable).with_name("ryu-manager")


class ControllerProcess:
    """``ryu-manager APPS --config-file …`` on free loopback ports; a context manager.

    ``environment`` is added to the variables that it inherits; ``manager`` is the program that is
    started, by default that of the interpreter which runs this; ``descriptors`` is how many files
    and sockets it may have open at most; ``store`` is the file of its store, by default one in
    ``folder``. Unless another program is named it is forked off, where there is a fork server
    (``tools/fork_server.py``), or it is ``really_started``: a variable that is read when Ryu or our
    applications are imported comes too late for one that is forked.
    """

    def __init__(
        self,
        folder: Path,
        apps: tuple[str, ...] = ("horizon_ryu.bundle",),
        config: str = "",
        environment: Mapping[str, str] | None = None,
        manager: Path = MANAGER,
        descriptors: int | None = None,
        store: Path | None = None,
        really_started: bool = False,
    ) -> None:
        forked = manager == MANAGER and not really_started
        self._fork_server = os.environ.get(VARIABLE) if forked else None
        self._manager = manager
        self._descriptors = descriptors
        self.openflow_port, self.rest_port = free_ports(2)
        self._apps = apps
        self._variables = {**os.environ, "PYTHONFAULTHANDLER": "1", **(environment or {})}
        self._log_path = folder / "controller.log"
        self._config_path = folder / "horizon.conf"
        where = f"[store]\nurl = sqlite:///{store or folder / 'horizon.sqlite'}\n"
        self._config_path.write_text(f"{config}\n{where}", encoding="utf-8")
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None

    @property
    def url(self) -> str:
        """Root of the REST API."""
        return f"http://127.0.0.1:{self.rest_port}"

    @property
    def pid(self) -> int:
        """Process id of the running controller."""
        if self._process is None:
            raise RuntimeError("the controller is not running")
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait until its REST API answers."""
        command = [
            str(self._manager),
            *self._apps,
            f"--ofp-tcp-listen-port={self.openflow_port}",
            f"--wsapi-port={self.rest_port}",
            f"--config-file={self._config_path}",
        ]
        with self._log_path.open("ab") as log:
            self._process = self._started(command, log)
        try:
            wait_until(self._answers, START_SECONDS, "REST API up", self.held_up)
        except AssertionError as error:
            error.add_note(self._how_it_is())
            raise

    def _started(
        self, command: list[str], log: IO[bytes]
    ) -> subprocess.Popen[bytes] | ForkedProcess:
        if self._fork_server is not None:
            return ForkedProcess(
                self._fork_server, command, log, self._variables, descriptors=self._descriptors
            )
        command = [*limited(self._descriptors), *command]
        return subprocess.Popen(command, stdout=log, stderr=log, env=self._variables)

    def held_up(self) -> float:
        """Return for how many seconds it was ready to run and had no processor."""
        return 0.0 if self._process is None else without_processor(self._process.pid)

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"the controller ended at once:\n{self.log()[-3000:]}")
        try:
            return bool(self.get("/v1/health"))
        except urllib.error.HTTPError as error:
            # One that asks for a token answers as well.
            return error.code == 401
        except (OSError, urllib.error.URLError):
            return False

    def _how_it_is(self) -> str:
        status = None if self._process is None else self._process.poll()
        state = "is running" if status is None else f"ended with status {status}"
        return f"The controller {state}; its log ends:\n{self.log()[-6000:]}"

    def wait_for_end(self, seconds: float = STOP_SECONDS) -> int:
        """Return the exit status of a process that ends without being told; it is killed if not."""
        process, self._process = self._process, None
        if process is None:
            raise RuntimeError("the controller is not running")
        return self._status(process, seconds)

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """End the process with ``signum``, return its status; AssertionError if it had ended."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is not None:
            raise AssertionError(
                f"the controller had ended, status {process.returncode}:\n{self.log()[-6000:]}"
            )
        process.send_signal(signum)
        return self._status(process, STOP_SECONDS)

    def _status(self, process: subprocess.Popen[bytes] | ForkedProcess, seconds: float) -> int:
        """Return the exit status; AssertionError, and the process is killed, if it does not end."""
        with suppress(subprocess.TimeoutExpired):
            return process.wait(seconds)
        if isinstance(process, ForkedProcess):
            process.send_signal(ASK)
            with suppress(subprocess.TimeoutExpired):
                process.wait(TELL_SECONDS)
        process.kill()
        process.wait()
        raise AssertionError(
            f"did not end within {seconds:g} s; its log ends:\n{self.log()[-20000:]}"
        )

    def log(self) -> str:
        """Everything the controller printed so far."""
        if not self._log_path.exists():
            return ""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def request(self, method: str, path: str, body: Any = None, accept: str = "") -> bytes:
        """Return the body of the answer; urllib's HTTPError on 4xx and 5xx, without a socket."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        if accept:
            headers["Accept"] = accept
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise _without_socket(error) from None
        except ConnectionError as error:
            # A controller that crashed is told from one that only hung up.
            error.add_note(self._how_it_is())
            raise

    def get(self, path: str) -> Any:
        """Return the JSON answer to GET ``path``."""
        return json.loads(self.request("GET", path))

    def __enter__(self) -> ControllerProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.stop()


def _without_socket(error: urllib.error.HTTPError) -> urllib.error.HTTPError:
    """Return the same error with its body in memory: whoever catches it seldom closes it."""
    with error:
        body = BytesIO(error.read())
    return urllib.error.HTTPError(error.url, error.code, error.msg, error.headers, body)


def limited(descriptors: int | None) -> tuple[str, ...]:
    """Return what goes before a command that may have ``descriptors`` open at most; None: any."""
    if descriptors is None:
        return ()
    return ("/bin/sh", "-c", f'ulimit -n {descriptors} && exec "$0" "$@"')
