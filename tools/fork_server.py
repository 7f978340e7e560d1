"""Fork server: it has imported what a controller needs, and each controller is a fork of it.

Of the four processor seconds until a controller is ready, three go into imports, the same each
time, and tests start hundreds. What is forked begins where ``ryu-manager`` begins once it is
imported: with its own arguments, variables, folder and output, and an event loop of its own.
That the imports work one by one, and in which order, only a real start tells; some tests have one
(``tests/integration/test_controller_process.py``).

Whoever wants one to be used puts the path of its socket into ``HORIZON_FORK_SERVER``.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from select import POLLIN, poll
from socket import recv_fds
from typing import IO

from horizon_ryu.core.collection_pause import made_to_stay
from tools.task_stacks import tell_when_asked

ROOT = Path(__file__).resolve().parents[1]
VARIABLE = "HORIZON_FORK_SERVER"
PROGRAM = ("-m", "tools.fork_server")
MANAGER = "ryu.cmd.manager"
"""Alone at first, as in a real start: it replaces sockets by those of eventlet."""
PRELOADED = (
    "horizon_ryu.bundle",
    "horizon_ryu.discovery",
    "horizon_ryu.spanning_tree",
    "horizon_ryu.forwarding",
    "horizon_ryu.flow_manager",
    "horizon_ryu.flow_migration",
    "horizon_ryu.stats",
    "horizon_ryu.xen",
    "horizon_ryu.slicing",
    # What the store imports when it is opened.
    "alembic.command",
    "sqlalchemy.dialects.sqlite",
)
_STDIN = 0
_REQUEST = 1 << 18
"""Bytes of a request at most: arguments and variables."""
_LOST = 255


class ForkedProcess:
    """A program that the server started; like subprocess.Popen, as far as we need it."""

    def __init__(
        self,
        path: str,
        command: Sequence[str],
        out: IO[bytes],
        env: Mapping[str, str],
        cwd: Path | None = None,
        descriptors: int | None = None,
    ) -> None:
        """Start it; of ``descriptors`` it has as many as the server may have, if none are named."""
        request = {
            "command": list(command),
            "env": dict(env),
            "folder": str(cwd or Path.cwd()),
            "descriptors": descriptors,
        }
        self._told, theirs = os.pipe()
        self._unread = b""
        self.returncode: int | None = None
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
                server.connect(path)
                socket.send_fds(server, [json.dumps(request).encode()], [out.fileno(), theirs])
        finally:
            os.close(theirs)
        self.pid = self._read_number(None)

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        if self.returncode is None and self._is_told(0.0):
            self.returncode = self._read_number(_LOST)
            os.close(self._told)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status when there is one; subprocess.TimeoutExpired."""
        if self.returncode is None and not self._is_told(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        status = self.poll()
        return _LOST if status is None else status

    def send_signal(self, signum: int) -> None:
        """Send it a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _is_told(self, seconds: float | None) -> bool:
        waiting = poll()
        waiting.register(self._told, POLLIN)
        return b"\n" in self._unread or bool(
            waiting.poll(None if seconds is None else seconds * 1000)
        )

    def _read_number(self, otherwise: int | None) -> int:
        while b"\n" not in self._unread:
            data = os.read(self._told, 64)
            if not data and otherwise is None:
                raise ChildProcessError("the fork server has ended")
            self._unread += data or f"{otherwise}\n".encode()
        number, _, self._unread = self._unread.partition(b"\n")
        return int(number)


class ForkServer:
    """Forks what it is asked for at a socket, and tells when that has ended."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._running: dict[int, tuple[int, int]] = {}
        """By a descriptor of the process: its number, and where its end is told."""

    def next_program(self) -> list[str] | None:
        """Serve; return, in each child, its command; None, in the server, when stdin has ended."""
        while True:
            waiting = poll()
            for descriptor in (_STDIN, self._requests.fileno(), *self._running):
                waiting.register(descriptor, POLLIN)
            for descriptor, _ in waiting.poll():
                if descriptor == _STDIN:
                    return None
                if descriptor in self._running:
                    self._tell_end(descriptor)
                elif (command := self._fork()) is not None:
                    return command

    def _fork(self) -> list[str] | None:
        data, (out, told), _, _ = recv_fds(self._requests, _REQUEST, 2)
        request = json.loads(data)
        pid = os.fork()
        if pid == 0:
            self._close(told)
            _become(request["env"], request["folder"], out)
            _limit(request["descriptors"])
            return list(request["command"])
        os.close(out)
        os.write(told, b"%d\n" % pid)
        self._running[os.pidfd_open(pid)] = pid, told
        return None

    def _tell_end(self, descriptor: int) -> None:
        pid, told = self._running.pop(descriptor)
        _, status = os.waitpid(pid, 0)
        os.close(descriptor)
        try:
            os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
        except BrokenPipeError:
            pass  # Whoever asked for it has gone.
        finally:
            os.close(told)

    def _close(self, told: int) -> None:
        """Have, in a child, nothing of the server's or of other children's."""
        self._requests.close()
        os.close(told)
        for descriptor, (_, other) in self._running.items():
            os.close(descriptor)
            os.close(other)


def _become(variables: Mapping[str, str], folder: str, out: int) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), _STDIN)
    for number in (1, 2):
        os.dup2(out, number)
    os.close(out)


def _limit(descriptors: int | None) -> None:
    if descriptors is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))


@contextmanager
def forking(
    folder: Path,
    program: Sequence[str],
    python: Path = Path(sys.executable),
    tree: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Have a server while the block runs, and yield the path of its socket.

    ``program`` are the words for ``python`` that make one, in the folder ``tree``; the descriptor
    of its socket is added. ``environment`` is added to the variables that it inherits.
    """
    path = str(folder / "fork-server")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as requests:
        requests.bind(path)
        descriptor = requests.fileno()
        process = subprocess.Popen(
            [str(python), *program, str(descriptor)],
            stdin=subprocess.PIPE,
            cwd=tree,
            env={**os.environ, "PYTHONFAULTHANDLER": "1", **(environment or {})},
            pass_fds=[descriptor],
        )
    try:
        yield path
    finally:
        process.communicate()


@contextmanager
def serving(
    folder: Path,
    program: Sequence[str] = PROGRAM,
    python: Path = Path(sys.executable),
    tree: Path = ROOT,
) -> Iterator[None]:
    """Have a server while the block runs, for whoever starts controllers meanwhile.

    It finds this module in ``tree``, and the applications too, if they are there.
    """
    with forking(folder, program, python, tree) as path:
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = path
        try:
            yield
        finally:
            del os.environ[VARIABLE]
            if before is not None:
                os.environ[VARIABLE] = before


def main() -> None:
    """Serve at the socket whose descriptor is named, until stdin ends."""
    # Where only the wheels are installed nothing is there of what other programs begin with.
    given = argparse.ArgumentParser(prog="python -m tools.fork_server", description=__doc__)
    given.add_argument("socket", type=int, help="its descriptor; whoever asks begins this program")
    server = ForkServer(socket.socket(fileno=given.parse_args().socket))
    # What is forked has the usual handlers, not those of a program that is loaded.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Ryu has everything logged until it is started.
    logging.disable(logging.INFO)
    with made_to_stay():
        import_module(MANAGER)
        _patch_threads()
        for name in PRELOADED:
            import_module(name)
    logging.disable(logging.NOTSET)
    command = server.next_program()
    if command is None:
        return
    sys.argv[:] = command
    tell_when_asked()
    # One event loop for two processes would tell the one of what happens to the other.
    import_module("eventlet.hubs").use_hub()
    sys.exit(import_module(MANAGER).main())


def _patch_threads() -> None:
    """Have eventlet replace locks before applications are loaded, as in a real start.

    It looks for them in all that was imported, which took each child half a second afterwards.
    """
    last_resort, logging.lastResort = logging.lastResort, logging.NullHandler()
    import_module("ryu.lib.hub").patch(thread=True)
    logging.lastResort = last_resort


if __name__ == "__main__":
    main()
