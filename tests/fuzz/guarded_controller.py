"""A controller with nothing but guarded connections, in a process of its own.

Ryu starts it as it always does: its own OpenFlow application, server loop and options; ours is
what :func:`horizon_ryu.openflow.listener.install` puts in. The settings are JSON: ``limits``
(fields of ConnectionLimits), ``options`` (of Ryu), ``allowed_dpids``, ``certificates``. Whoever
connects to its second port is told its state, JSON to the end of the stream.

To import all this takes two seconds of processor: each is a fork of one process that did
(``tools/fork_server.py``), whose socket FORKED_BY names.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, ClassVar

import eventlet
from ryu import cfg
from ryu.base.app_manager import AppManager, RyuApp
from ryu.controller import ofp_event
from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from ryu.lib import hub

from horizon_ryu.core.dpid_claims import DpidPins
from horizon_ryu.openflow.context import ConnectionContext, ConnectionLimits
from horizon_ryu.openflow.counters import ConnectionCounters
from horizon_ryu.openflow.listener import install
from horizon_ryu.openflow.packet_in_pipeline import PacketInPipeline, PacketInVerdict
from horizon_ryu.wire.messages import Outgoing, PacketIn
from tools.fork_server import ForkedProcess, ForkServer, forking
from tools.free_port import free_port
from tools.waiting import wait_until
from xen_bridge.runtime.green import GreenRuntime

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 60.0
FORKED_BY = "HORIZON_GUARDED_FORK_SERVER"
PATHS = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}


@contextmanager
def forked(folder: Path) -> Iterator[None]:
    """Have what controllers are forked from while the block runs."""
    program = ("-m", "fuzz.guarded_controller")
    with forking(folder, program, tree=ROOT / "tests", environment=PATHS) as path:
        os.environ[FORKED_BY] = path
        try:
            yield
        finally:
            del os.environ[FORKED_BY]


class GuardedController:
    """The process, for the tests; a context manager."""

    def __init__(self, **settings: Any) -> None:
        self.port = free_port()
        options = {"ofp_tcp_listen_port": self.port, "ofp_ssl_listen_port": self.port}
        self._settings = {**settings, "options": {**options, **settings.get("options", {})}}
        self._process: ForkedProcess | None = None
        self._output: IO[bytes] | None = None
        self._state_port = 0
        self._refused_probe: Counter[str] = Counter()

    def __enter__(self) -> GuardedController:
        self._output = tempfile.TemporaryFile()
        words = ["guarded_controller", json.dumps(self._settings)]
        self._process = ForkedProcess(os.environ[FORKED_BY], words, self._output, os.environ)
        self._state_port = self._told_port(self._process, self._output)
        self._wait_listening()
        return self

    def _told_port(self, process: ForkedProcess, output: IO[bytes]) -> int:
        """Wait until it says where it tells its state; AssertionError if it has ended."""

        def told() -> int | None:
            # It writes where we would be after a read: one position is both's.
            said = os.pread(output.fileno(), 1 << 16, 0)
            lines = said.splitlines(keepends=True)
            ports = [line for line in lines if line.endswith(b"\n") and line.strip().isdigit()]
            if not ports and process.poll() is not None:
                raise AssertionError(f"the controller did not start: {said.decode()}")
            return int(ports[0]) if ports else None

        return int(wait_until(told, WAIT_SECONDS, "the controller tells its port"))

    def _wait_listening(self) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_SECONDS).close()
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                break
        state = self.wait_for(lambda state: state["inside"] == 0, "the probe is gone")
        self._refused_probe = Counter(state["refusals"])

    def state(self) -> Any:
        """Return what the controller says of itself: counters, connected dpids, events."""
        with socket.create_connection(
            ("127.0.0.1", self._state_port), timeout=WAIT_SECONDS
        ) as link:
            return json.loads(b"".join(iter(lambda: link.recv(65536), b"")))

    def wait_for(self, condition: Callable[[Any], bool], what: str) -> Any:
        """Return the first state that fulfils ``condition``; AssertionError at the deadline."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition(state := self.state()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {WAIT_SECONDS:g} s: {what}; {state}")
            time.sleep(0.02)
        return state

    def refusals(self) -> dict[str, int]:
        """Return who was turned away, the probe of the start not counted."""
        return dict(Counter(self.state()["refusals"]) - self._refused_probe)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid if self._process is not None else 0

    def alive(self) -> bool:
        """Tell whether the process still runs."""
        return self._process is not None and self._process.poll() is None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process, output = self._process, self._output
        if process is None or output is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        output.close()


class _Book:
    """The registry of the process: who is connected, and what happened in which order."""

    def __init__(self) -> None:
        self.present: dict[int, Any] = {}
        self.events: list[str] = []
        self.messages = 0
        self.packet_ins = 0

    def connected(self, connection: Any) -> None:
        self.present[connection.id] = connection
        self.events.append(f"connected {connection.id}")

    def disconnected(self, connection: Any) -> None:
        self.present.pop(connection.id, None)
        self.events.append(f"disconnected {connection.id}")

    def packet_in(self, packet_in: PacketIn, _now: float) -> PacketInVerdict:
        """Answer each packet-in with a barrier request, which a test switch may count."""
        self.packet_ins += 1
        connection = self.present[packet_in.dpid]
        connection.write(struct.pack("!BBHI", 4, 20, 8, self.packet_ins))
        return PacketInVerdict(True)


def _context(
    settings: dict[str, Any], book: _Book, counters: ConnectionCounters
) -> ConnectionContext:
    lane = PacketInPipeline(_nobody_sends, counters)
    lane.register(10, book.packet_in)
    allowed = settings.get("allowed_dpids")
    pinned = settings.get("certificates", {})
    return ConnectionContext(
        packet_in_pipeline=lane,
        registry=book,
        runtime=GreenRuntime(),
        counters=counters,
        limits=ConnectionLimits(**settings.get("limits", {})),
        allowed_dpids=None if allowed is None else frozenset(allowed),
        certificates=DpidPins({int(dpid): frozenset(own) for dpid, own in pinned.items()}),
    )


def _nobody_sends(messages: Iterable[Outgoing]) -> None:
    raise AssertionError(f"nobody sends here: {messages}")


class Witness(RyuApp):  # type: ignore[misc]
    """Sees what Ryu's applications see."""

    book: ClassVar[_Book]

    @set_ev_cls(  # type: ignore[untyped-decorator]
        ofp_event.EventOFPStateChange, [MAIN_DISPATCHER, DEAD_DISPATCHER]
    )
    def on_state(self, event: Any) -> None:
        """Note who joined and who died, as far as known."""
        self.book.events.append(f"{event.state} {event.datapath.id}")

    @set_ev_cls(ofp_event.EventOFPEchoRequest)  # type: ignore[untyped-decorator]
    def on_echo_request(self, event: Any) -> None:
        """Count a message, which Ryu's parser has read."""
        self.book.messages += 1

    @set_ev_cls(ofp_event.EventOFPBarrierReply)  # type: ignore[untyped-decorator]
    def on_barrier_reply(self, event: Any) -> None:
        """Count a message, which Ryu's parser has read."""
        self.book.messages += 1


def _serve(settings: dict[str, Any]) -> None:
    hub.patch(thread=False)
    book = _Book()
    counters = ConnectionCounters()
    context = _context(settings, book, counters)
    cfg.CONF(args=[], project="ryu", default_config_files=[])
    door = install(context)
    for name, value in settings["options"].items():
        cfg.CONF.set_override(name, value)
    Witness.book = book
    manager = AppManager.get_instance()
    manager.load_apps(["ryu.controller.ofp_handler"])
    manager.applications_cls["Witness"] = Witness
    manager.instantiate_apps(**manager.create_contexts())

    def tell(link: Any, _address: Any) -> None:
        state = {
            "violations": counters.violations,
            "refusals": counters.refusals,
            "unparsed": counters.unparsed_messages,
            "handler_failures": counters.handler_failures,
            "connected": sorted(book.present),
            "inside": door.total,
            "events": book.events,
            "messages": book.messages,
            "packet_ins": book.packet_ins,
        }
        link.sendall(json.dumps(state).encode())
        link.close()

    teller = eventlet.listen(("127.0.0.1", 0))
    print(teller.getsockname()[1], flush=True)
    eventlet.serve(teller, tell)


def main() -> None:
    """Fork what is asked for at the socket whose descriptor is named."""
    command = ForkServer(socket.socket(fileno=int(sys.argv[1]))).next_program()
    if command is None:
        return
    # An event loop that two processes share tells the one of what happens to the other.
    eventlet.hubs.use_hub()
    _serve(json.loads(command[1]))


if __name__ == "__main__":
    main()
