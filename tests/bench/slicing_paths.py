"""The ways from a switch to a controller: direct, through a relay that only copies, sliced."""

from __future__ import annotations

import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from bench.slicing_tenant import ECHO_REPLY, ECHO_REQUEST, FLOW_MOD, HEAD, HELLO, PACKET_IN
from tools.controller_process import wait_until
from tools.free_port import free_port
from tools.logged_process import LoggedProcess
from tools.slicer_process import SlicerProcess

HERE = Path(__file__).parent
PORTS = 4
_FEATURES_REQUEST, _FEATURES_REPLY, _BARRIER_REQUEST = 5, 6, 18
_SECONDS = 30.0


class WordyProcess(LoggedProcess):
    """A program of the bench, which says when it is ready."""

    def is_ready(self) -> bool:
        """Tell whether it may be connected to."""
        return "ready" in self.log()


class Waits(NamedTuple):
    """Round trips: microseconds, in order, and how many there were in a second."""

    us: list[float]
    per_s: float

    def at(self, share: float) -> float:
        """Return the wait that a share of all does not exceed."""
        return self.us[min(int(len(self.us) * share), len(self.us) - 1)]


def source(number: int) -> bytes:
    """Return the address of the hosts that a rule is about."""
    return b"\x02\x01" + number.to_bytes(4, "big")


def rules(count: int) -> list[dict[str, Any]]:
    """Return the rules of two slices, each with every other of ``count`` hosts and a port."""
    return [
        {"ports": [number % 2 + 1], "match": {"dl_src": source(number).hex(":")}}
        for number in range(count)
    ]


class BareSwitch:
    """A switch on a plain socket: it greets, tells its features, and counts flow-mods."""

    def __init__(self, port: int, dpid: int = 1) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._dpid = dpid
        self._rest = b""
        self._last = 0
        self.connection.sendall(HEAD.pack(1, HELLO, 8, 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def _features(self, xid: int) -> bytes:
        ports = b"".join(
            number.to_bytes(2, "big") + bytes(5) + bytes((number,)) + bytes(40)
            for number in range(1, PORTS + 1)
        )
        body = self._dpid.to_bytes(8, "big") + bytes(4) + b"\1" + bytes(3) + bytes(8)
        return HEAD.pack(1, _FEATURES_REPLY, 8 + len(body + ports), xid) + body + ports

    def read(self) -> int:
        """Read what there is, answer what must be; return how many flow-mods it was."""
        data = self.connection.recv(1 << 18)
        if not data:
            raise ConnectionError("the controller has hung up")
        data = self._rest + data
        at = found = 0
        while len(data) - at >= HEAD.size:
            _, kind, size, xid = HEAD.unpack_from(data, at)
            if len(data) - at < size:
                break
            if kind == FLOW_MOD:
                found += 1
            elif kind == _FEATURES_REQUEST:
                self.connection.sendall(self._features(xid))
            elif kind == ECHO_REQUEST:
                self.connection.sendall(HEAD.pack(1, ECHO_REPLY, 8, xid))
            elif kind == _BARRIER_REQUEST:
                self.connection.sendall(HEAD.pack(1, _BARRIER_REQUEST + 1, 8, xid))
            at += size
        self._rest = data[at:]
        return found

    def packet_in(self, host: int) -> bytes:
        """Return a packet-in of a frame that a rule's host has sent to a new station."""
        self._last += 1
        frame = b"\x02\x02" + self._last.to_bytes(4, "big") + source(host) + b"\x08\x00" + bytes(46)
        body = b"\xff\xff\xff\xff" + len(frame).to_bytes(2, "big") + b"\x00\x01\x00\x00" + frame
        return HEAD.pack(1, PACKET_IN, 8 + len(body), 0) + body

    def round_trips(self, hosts: int, window: int, count: int) -> Waits:
        """Have ``window`` packet-ins on their way until ``count`` were answered."""
        waits: list[float] = []
        sent: deque[float] = deque()
        clock, asked = time.perf_counter, 0
        began = clock()
        while len(waits) < count:
            batch = []
            while len(sent) < window and asked < count:
                batch.append(self.packet_in(2 * (asked * 7 % max(hosts // 2, 1))))
                sent.append(clock())
                asked += 1
            if batch:
                self.connection.sendall(b"".join(batch))
            if not select.select([self.connection], [], [], _SECONDS)[0]:
                raise TimeoutError(f"{len(sent)} packet-ins were not answered")
            found, now = self.read(), clock()
            for _ in range(min(found, len(sent))):
                waits.append((now - sent.popleft()) * 1e6)
        return Waits(sorted(waits), count / (clock() - began))


def settle(switches: list[BareSwitch], seconds: float) -> None:
    """Answer for all of them until nothing has come for a while."""
    sockets = {switch.connection: switch for switch in switches}
    while there := select.select(list(sockets), [], [], seconds)[0]:
        for one in there:
            sockets[one].read()


def serve(switches: list[BareSwitch], holds: Callable[[], bool]) -> None:
    """Answer for all switches until something holds."""
    sockets = {switch.connection: switch for switch in switches}

    def served() -> bool:
        for one in select.select(list(sockets), [], [], 0.02)[0]:
            sockets[one].read()
        return holds()

    wait_until(served, _SECONDS, "all tenants are connected")


def python(*words: object) -> list[str]:
    """Return the command that runs a program of this directory."""
    name, *rest = words
    return [sys.executable, str(HERE / str(name)), *map(str, rest)]


def compiled_relay(folder: Path) -> Path | None:
    """Return the relay in C; None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    made = folder / "copying_relay"
    subprocess.run([compiler, "-O2", "-o", made, HERE / "copying_relay.c"], check=True)
    return made


class Bench:
    """The controller, the relays and the slicer, in processes of their own."""

    def __init__(self, stack: ExitStack, folder: Path, flood: int = 0) -> None:
        self._stack = stack
        self._folder = folder
        self.tenants = free_port(), free_port()
        words: list[object] = [self.tenants[0]] if flood else [*self.tenants]
        self._enter("tenant", python("slicing_tenant.py", *words))
        if flood:
            self._enter("flooder", python("slicing_tenant.py", self.tenants[1], f"flood:{flood}"))

    def _enter(self, name: str, command: list[str]) -> None:
        self._stack.enter_context(WordyProcess(command, self._folder / f"{name}.log"))

    def relay(self) -> int:
        """Start the relay in Python; return its port."""
        port = free_port()
        self._enter("relay", python("copying_relay.py", port, self.tenants[0]))
        return port

    def relay_in_c(self) -> int | None:
        """Start the relay in C; return its port, None where there is no compiler."""
        made, port = compiled_relay(self._folder), free_port()
        if made is not None:
            self._enter("relay_in_c", [str(made), str(port), str(self.tenants[0])])
        return None if made is None else port

    def slices(self, count: int, slices: int = 2) -> list[dict[str, Any]]:
        """Return slices that share ``count`` rules."""
        whole = rules(count)
        return [
            {
                "name": f"slice{number}",
                "controllers": [{"url": f"tcp:127.0.0.1:{self.tenants[number % 2]}"}],
                "flowspace": whole[number::slices],
            }
            for number in range(slices)
        ]

    def slicer(self, count: int, slices: int = 2) -> SlicerProcess:
        """Start a slicer with ``count`` rules."""
        folder = self._folder / f"slicer-{count}-{slices}"
        folder.mkdir()
        return self._stack.enter_context(SlicerProcess(folder, self.slices(count, slices)))


@contextmanager
def bench(flood: int = 0) -> Iterator[Bench]:
    """Have a controller, and whatever is started; all ends with it."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield Bench(stack, Path(folder), flood)
