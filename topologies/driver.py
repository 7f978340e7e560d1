"""Run a network from our own interpreter: a client of the process in ``network.py``.

Example::

    with MininetProcess(ring(4), controllers=["tcp:127.0.0.1:6653"]) as network:
        assert not network.ping_all().lost
        network.link_down(edge)
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple

from topologies.errors import NetworkError
from topologies.graphs import Edge, Graph

SYSTEM_PYTHON = "/usr/bin/python3"
START_SECONDS = 120.0
STOP_SECONDS = 60.0
STEP_SECONDS = 60.0
# Added to what a call itself may take inside the network.
SLACK_SECONDS = 15.0
LATEST_ANSWER = 20.0
"""Seconds after which an answer does not come any more, however busy the machine."""
_POLL_SECONDS = 0.05
_CHUNK = 1 << 16


class Ran(NamedTuple):
    """How a program in a host ended."""

    status: int
    output: str


class Pinged(NamedTuple):
    """How many pings there were, and the pairs (from, to) that failed."""

    sent: int
    lost: tuple[tuple[str, str], ...]


@functools.cache
def _has_mininet(python: str) -> bool:
    """Tell whether an interpreter has Mininet: it takes as long as to start with it."""
    found = subprocess.run([python, "-c", "import mininet"], capture_output=True, check=False)
    return found.returncode == 0


class MininetProcess:
    """One network; a context manager. Every call has a deadline and raises NetworkError.

    ``versions``: what every switch speaks, or by dpid, as Open vSwitch names them
    (``OpenFlow10``, ``OpenFlow13``). ``prefix`` is put before every name on the machine, so that
    networks can run beside each other. ``say`` is told how the start goes on. Threads may share
    one: their calls wait for each other.
    """

    def __init__(
        self,
        graph: Graph,
        controllers: Sequence[str] = (),
        versions: Sequence[str] | Mapping[int, Sequence[str]] = ("OpenFlow13",),
        *,
        prefix: str = "",
        say: Callable[[str], None] = lambda text: None,
        python: str = SYSTEM_PYTHON,
    ) -> None:
        self.graph = graph
        self.datapath = ""
        self.bridges: tuple[str, ...] = ()
        self._controllers = list(controllers)
        self._versions = _by_dpid(graph, versions)
        self._prefix = prefix
        self._say = say
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self._received = b""
        self._numbers = itertools.count(1)
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> MininetProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process that holds the network; NetworkError when there is none."""
        return self._running().pid

    def start(self) -> None:
        """Start the process and the network; the process is gone again when that fails."""
        if self._process is not None:
            raise NetworkError("the network is running already")
        self._received = b""
        self._process = self._launch()
        try:
            started = self._call(
                START_SECONDS,
                "start",
                graph=self.graph.to_dict(),
                controllers=self._controllers,
                versions=self._versions,
                prefix=self._prefix,
            )
        except BaseException:
            self.close()
            raise
        self.datapath = str(started["datapath"])
        self.bridges = tuple(started["bridges"])

    def _launch(self) -> subprocess.Popen[bytes]:
        if not _has_mininet(self._python):
            raise NetworkError(f"{self._python} has no Mininet: run 'make setup' as root")
        # Variables for our interpreter would lead the system's astray.
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.Popen(
            [self._python, "-m", "topologies.network"],
            cwd=Path(__file__).resolve().parent.parent,
            env=kept,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # An interrupt from the keyboard is for us; the network ends when we say so.
            start_new_session=True,
        )

    def close(self) -> None:
        """Take the network down and wait until nothing of it is left; safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                # What is left in the buffer can no longer be written to a network that has ended.
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            process.send_signal(signal.SIGKILL)
            process.wait()
            raise NetworkError(f"the network did not go within {STOP_SECONDS:g} s") from error

    def ping_all(self, hosts: Sequence[str] | None = None, wait: float = 1.0) -> Pinged:
        """Ping once from each of ``hosts`` (all, unless named) to each other one.

        ``wait``: seconds that one answer may take. What is late is lost: who asks whether a network
        loses anything waits for longer than a busy machine may need (:data:`LATEST_ANSWER`).
        """
        names = [host.name for host in self.graph.hosts] if hosts is None else list(hosts)
        seconds = (len(names) + 10) * (wait + 0.5)
        lost = self._call(seconds, "pingall", hosts=names, wait=wait)
        pairs = tuple((source, target) for source, target in lost)
        return Pinged(len(names) * (len(names) - 1), pairs)

    def run(self, host: str, command: Sequence[str], seconds: float = 30.0) -> Ran:
        """Run a program on ``host`` to its end."""
        return Ran(*self._call(seconds, "exec", host=host, command=list(command), seconds=seconds))

    def spawn(self, host: str, command: Sequence[str]) -> int:
        """Start a program on ``host`` and return the number of the job."""
        return int(self._call(STEP_SECONDS, "spawn", host=host, command=list(command)))

    def output(self, job: int) -> str:
        """Return what a job said so far."""
        return str(self._call(STEP_SECONDS, "output", job=job))

    def wait_for_output(self, job: int, text: str, seconds: float = 30.0) -> str:
        """Return what a job said once ``text`` is in it."""
        deadline = time.monotonic() + seconds
        while text not in (output := self.output(job)):
            if time.monotonic() > deadline:
                raise NetworkError(f"no {text!r} within {seconds:g} s in {output.strip()[-500:]!r}")
            time.sleep(_POLL_SECONDS)
        return output

    def wait(self, job: int, seconds: float = 30.0) -> Ran:
        """Wait until a job ends; it is killed at the deadline."""
        return self._finish(job, seconds, 0)

    def interrupt(self, job: int, seconds: float = 10.0) -> Ran:
        """End a job as the keyboard's interrupt does; it is killed at the deadline."""
        return self._finish(job, seconds, signal.SIGINT)

    def _finish(self, job: int, seconds: float, signum: int) -> Ran:
        return Ran(*self._call(seconds, "finish", job=job, seconds=seconds, signal=signum))

    def link_down(self, edge: Edge) -> None:
        """Unplug a cable: both its ports lose their carrier."""
        self.set_port(edge.dpid, edge.port, False)

    def link_up(self, edge: Edge) -> None:
        """Plug a cable in again."""
        self.set_port(edge.dpid, edge.port, True)

    def set_port(self, dpid: int, port: int, up: bool) -> None:
        """Plug or unplug the cable at a port, to a switch or to a host."""
        self._call(STEP_SECONDS, "link", dpid=dpid, port=port, up=up)

    def stop_switch(self, dpid: int) -> None:
        """Switch a switch off: its bridge and flow entries are gone, its ports without carrier."""
        self._call(STEP_SECONDS, "switch", dpid=dpid, up=False)

    def start_switch(self, dpid: int) -> None:
        """Switch it on again, empty."""
        self._call(STEP_SECONDS, "switch", dpid=dpid, up=True)

    def ofctl(self, dpid: int, command: str, *arguments: str) -> str:
        """Return the output of ``ovs-ofctl command`` on a switch, in the version it speaks."""
        return str(
            self._call(STEP_SECONDS, "ofctl", dpid=dpid, command=command, arguments=list(arguments))
        )

    def flows(self, dpid: int) -> list[str]:
        """Return the flow entries of a switch as ``ovs-ofctl`` prints them."""
        return entries_of(self.ofctl(dpid, "dump-flows"))

    def limit_entries(self, dpid: int, limit: int | None) -> None:
        """Have a switch refuse flow entries beyond ``limit`` in its first table; None: no limit."""
        self._call(STEP_SECONDS, "limit", dpid=dpid, limit=limit)

    def groups(self, dpid: int) -> list[str]:
        """Return the groups of a switch (OpenFlow 1.3) as ``ovs-ofctl`` prints them."""
        return entries_of(self.ofctl(dpid, "dump-groups"))

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise NetworkError("the network is not running")
        return self._process

    def _call(self, patience: float, operation: str, /, **arguments: Any) -> Any:
        """Send one request and return its result; NetworkError for an error or at the deadline."""
        with self._one_at_a_time:
            process = self._running()
            if process.stdin is None or process.stdout is None:
                raise NetworkError("the network cannot be reached")
            deadline = time.monotonic() + patience + SLACK_SECONDS
            number = next(self._numbers)
            request = {"id": number, "op": operation, **arguments}
            try:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            except OSError as error:
                raise NetworkError("the process of the network has ended") from error
            answer = self._answer_to(number, process.stdout, deadline)
        if "error" in answer:
            raise NetworkError(answer["error"])
        return answer["result"]

    def _answer_to(self, number: int, pipe: IO[bytes], deadline: float) -> dict[str, Any]:
        while True:
            line = self._line(pipe, deadline)
            try:
                message: dict[str, Any] = json.loads(line)
            except ValueError as error:
                raise NetworkError(f"the network answers nonsense: {line[:200]!r}") from error
            if "progress" in message:
                self._say(message["progress"])
            elif message.get("id") == number:
                return message
            # Else the late answer to a call that has been given up.

    def _line(self, pipe: IO[bytes], deadline: float) -> bytes:
        while b"\n" not in self._received:
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise NetworkError("the network does not answer")
            chunk = os.read(pipe.fileno(), _CHUNK)
            if not chunk:
                raise NetworkError("the process of the network has ended")
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        return line


def _by_dpid(
    graph: Graph, versions: Sequence[str] | Mapping[int, Sequence[str]]
) -> dict[int, list[str]]:
    if isinstance(versions, Mapping):
        return {dpid: list(names) for dpid, names in versions.items()}
    return {switch.dpid: list(versions) for switch in graph.switches}


def entries_of(text: str) -> list[str]:
    """Return the lines of what ``ovs-ofctl`` prints, each an entry, without its head."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("NXST", "OFPST"))]
