"""A real ``xen-bridge`` in its own process, on loopback: for tests and benches."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from tools.controller_process import limited
from xen_bridge.client import BridgeClient
from xen_bridge.server.routers import FILE as ROUTERS
from xen_bridge.server.routers import RouterList, check_router
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import FILE as KEYS
from xen_bridge.trust.key_list import KeyList

STOP_SECONDS = 60.0
PATIENCE_SECONDS = 120.0
"""For an answer on a machine that is busy with other things: a service gives up before."""
PROGRAM = (sys.executable, "-m", "xen_bridge.program")
"""What is started by default."""


class BridgeProcess:
    """``xen-bridge serve`` (or ``agent``) on a free port; a context manager.

    Its files are in ``directory``; ``controller`` may ask it. ``program`` is what is started
    (None: PROGRAM); ``descriptors`` is how many files and sockets it may have open at most;
    ``more`` are further options.
    """

    def __init__(
        self,
        directory: Path,
        controller: Identity,
        uri: str = "memory:///one",
        agent: bool = False,
        program: tuple[str, ...] | None = None,
        descriptors: int | None = None,
        more: tuple[str, ...] = (),
    ) -> None:
        self._program = program or PROGRAM
        self._limited = limited(descriptors)
        self._more = more
        self.identity = Identity.load_or_create(directory)
        self.url = ""
        self._directory = directory
        self._controller = controller
        self._uri = uri
        self._agent = agent
        self._process: subprocess.Popen[str] | None = None
        self.authorize(controller)

    def authorize(self, identity: Identity) -> None:
        """Let a node ask it."""
        KeyList(self._directory / KEYS).add(identity.node_pk)

    def forbid(self, identity: Identity) -> None:
        """Let a node ask it no longer."""
        KeyList(self._directory / KEYS).remove(identity.node_pk)

    def add_router(self, name: str, agent: BridgeProcess) -> None:
        """Make the agent of a virtual router known to it."""
        known = RouterList(self._directory / ROUTERS)
        known.put(check_router(name, agent.url, agent.identity.node_pk))

    @property
    def log(self) -> str:
        """What it logged."""
        return (self._directory / "log").read_text(encoding="utf-8")

    @property
    def pid(self) -> int:
        """Process id of the running service."""
        if self._process is None:
            raise RuntimeError("xen-bridge is not running")
        return self._process.pid

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def start(self, port: int = 0, more: tuple[str, ...] = ()) -> None:
        """Start it, this once with ``more`` options, and return when it listens."""
        kind = ["agent"] if self._agent else ["serve", "--uri", self._uri]
        command = [*self._limited, *self._program, *kind, "--verbose", *self._more, *more]
        with (self._directory / "log").open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(port), "--directory", str(self._directory)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line.startswith("listening on "):
            raise RuntimeError(f"xen-bridge does not start: {self.log[-500:]}")
        self.url = line.split()[2]

    def stop(self) -> int:
        """Stop it as a service manager does, return its exit status."""
        if self._process is None:
            return 0
        self._process.terminate()
        return self._ended()

    def kill(self) -> None:
        """End it without warning."""
        if self._process is not None:
            self._process.kill()
            self._ended()

    def _ended(self) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            if process.stdout is not None:
                process.stdout.close()
        return status

    def client(
        self, identity: Identity | None = None, seconds: float = PATIENCE_SECONDS
    ) -> BridgeClient:
        """Return a client of it, the controller's unless told otherwise."""
        return BridgeClient(self.url, self.identity.node_pk, identity or self._controller, seconds)

    def __enter__(self) -> BridgeProcess:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """End it, whatever happened."""
        self.kill()


def start_all(bridges: Sequence[BridgeProcess], port: int = 0) -> None:
    """Start several at the same time: until it listens each loads its program for a second.

    On the same ``port``, unless it is 0, in namespaces of their own.
    """
    with ThreadPoolExecutor(len(bridges)) as pool:
        for started in [pool.submit(one.start, port) for one in bridges]:
            started.result()
