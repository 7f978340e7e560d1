"""Client of the slicer's engine: calls over its control socket, and the events that it tells.

The connection is made again whenever it ends: the engine outlives the controller, and may itself be
started again. A call does not wait for an engine that is away, it is refused at once; but for
``configure``, so that nobody who makes a slice has to know that the engine is only just starting.
"""

from __future__ import annotations

import logging
import queue
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from horizon_ryu.core.errors import Conflict, EngineAway, HorizonError, InvalidInput, NotFound
from horizon_ryu.core.slicing.control_frames import (
    BrokenFrame,
    ControlFramer,
    control_frame,
    read_control_body,
)
from horizon_ryu.supervised_loop import SupervisedLoop
from horizon_ryu.supervision import Supervisor
from xen_bridge.runtime.port import Queue, Runtime

LOG = logging.getLogger("horizon.slices")
EngineListener = Callable[[str, Mapping[str, Any]], None]

CALL_SECONDS = 15.0
"""For a call; the engine itself waits up to 5 s for switches to confirm a configuration."""
PATIENCE: Mapping[str, float] = MappingProxyType({"configure": 5.0})
"""Seconds for which an operation waits for an engine that is away."""
RETRY_SECONDS = 0.2
"""Between two tries to connect."""
_READ_BYTES = 1 << 18
_PEER = struct.Struct("3i")


class EngineClient:
    """One connection to the engine that listens on a socket of the file system, made again."""

    def __init__(
        self,
        runtime: Runtime,
        supervisor: Supervisor,
        path: Path,
        seconds: float = CALL_SECONDS,
    ) -> None:
        """``path`` is the engine's control socket; ``seconds`` is how long a call may take."""
        self._runtime = runtime
        self._supervisor = supervisor
        self._path = path
        self._seconds = seconds
        self._connection: Any = None
        self._sending = runtime.semaphore()
        self._waiting: dict[int, Queue] = {}
        self._last_id = 0
        self._listeners: list[EngineListener] = []
        self._on_connect: list[Callable[[], None]] = []
        self._loop: SupervisedLoop | None = None
        self.reason = "it has not been connected to yet"
        """Why it is away, where it is."""
        self.last_words: str | None = None
        """How the engine has ended that was started last; None if one has been there since."""
        self.peer_pid: int | None = None
        """The engine's process, as the kernel knows it; None while it is away."""

    @property
    def is_connected(self) -> bool:
        """Whether the engine is there."""
        return self._connection is not None

    @property
    def why_away(self) -> str:
        """Why it is away: how it has ended, which says more than that nobody listens."""
        return self.last_words or self.reason

    def start(self) -> None:
        """Connect, and stay connected."""
        self._loop = self._supervisor.spawn(self._turn)

    def close(self) -> None:
        """Let the engine go; it works on."""
        if self._loop is not None:
            self._loop.kill()
        self._drop("the controller has let it go")

    def listen(self, callback: EngineListener) -> None:
        """Have ``callback`` told each event and what it is about; it must not wait."""
        self._listeners.append(callback)

    def on_connect(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called in a task of its own whenever an engine has been connected to.

        What it works by may be older than what the controller has.
        """
        self._on_connect.append(callback)
        if self.is_connected:
            self._runtime.spawn(callback)

    # ---- calls

    def call(self, op: str, /, **fields: Any) -> Any:
        """Return what the engine answers; EngineAway, InvalidInput, NotFound, Conflict."""
        self._last_id += 1
        number, answers = self._last_id, self._runtime.queue(1)
        frame = control_frame({"id": number, "op": op, **fields})
        self._wait_for_engine(PATIENCE.get(op, 0.0))
        self._waiting[number] = answers
        try:
            self._send(frame)
            answer = answers.get(self._seconds)
        except queue.Empty:
            raise EngineAway(f"no answer to {op} within {self._seconds:.0f} s") from None
        finally:
            del self._waiting[number]
        if answer is None:
            raise EngineAway(self.why_away)
        if "error" in answer:
            raise _error_of(answer["error"])
        return answer.get("result")

    def _wait_for_engine(self, seconds: float) -> None:
        until = self._runtime.now() + seconds
        while not self.is_connected and self._loop is not None and self._runtime.now() < until:
            self._runtime.sleep(min(RETRY_SECONDS, seconds))

    def _send(self, frame: bytes) -> None:
        connection = self._connection
        if connection is None:
            raise EngineAway(self.why_away)
        try:
            late = TimeoutError(f"it has not read a request within {self._seconds:.0f} s")
            with self._runtime.timeout(self._seconds, late), self._sending:
                connection.sendall(frame)
        except OSError as error:
            # Half a frame may have gone: nothing can follow it.
            self._shut(connection)
            raise EngineAway(str(error)) from error

    # ---- the connection

    def _turn(self) -> None:
        """Connect, and read until the connection ends: one turn of the loop."""
        try:
            connection = self._runtime.connect(str(self._path), socket.AF_UNIX)
        except OSError as error:
            self.reason = f"{self._path}: {error.strerror or error}"
            self._runtime.sleep(RETRY_SECONDS)
            return
        self.peer_pid = _pid_behind(connection)
        self._connection, self.last_words = connection, None
        LOG.info("the engine of the slicer is there, process %s", self.peer_pid)
        for callback in self._on_connect:
            self._runtime.spawn(callback)
        self._mark_idle(True)
        try:
            self._read(connection)
        except (OSError, BrokenFrame) as error:
            self._drop(str(error))
        else:
            self._drop("it has closed the connection")
        finally:
            self._mark_idle(False)
        self._runtime.sleep(RETRY_SECONDS)

    def _mark_idle(self, is_idle: bool) -> None:
        """Tell the supervisor whether the loop waits for an engine that need not say anything."""
        if self._loop is not None:
            self._loop.record.is_idle = is_idle

    def _read(self, connection: Any) -> None:
        reader, framer = self._runtime.reader(connection), ControlFramer()
        try:
            while data := reader.read(_READ_BYTES):
                for body in framer.feed(data):
                    self._take(read_control_body(body))
        finally:
            reader.close()

    def _take(self, document: Mapping[str, Any]) -> None:
        if "event" in document:
            for listener in self._listeners:
                self._tell(listener, str(document["event"]), document.get("about") or {})
            return
        answers = self._waiting.get(document.get("id", 0))
        if answers is not None:
            answers.offer(document)

    def _tell(self, listener: EngineListener, event: str, about: Mapping[str, Any]) -> None:
        try:
            listener(event, about)
        except Exception as error:
            self._supervisor.failed("events of the slicer's engine", error)

    def _shut(self, connection: Any) -> None:
        """Have the reading task see the end."""
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    def _drop(self, reason: str) -> None:
        connection, self._connection, self.peer_pid = self._connection, None, None
        if connection is None:
            return
        self.reason = reason
        LOG.warning("the engine of the slicer is away: %s", reason)
        with suppress(OSError):
            connection.close()
        for answers in self._waiting.values():
            answers.offer(None)


def _pid_behind(connection: Any) -> int | None:
    """Return the process that listens behind a socket of the file system (unix(7))."""
    try:
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    except OSError:
        return None
    return int(_PEER.unpack(found)[0])


def _error_of(error: Mapping[str, Any]) -> HorizonError:
    """Return the error that the engine's answer tells of."""
    detail, kind = str(error.get("detail", "refused")), error.get("kind")
    if error.get("loc") is not None:
        return InvalidInput(tuple(error["loc"]), detail)
    if kind == "conflict":
        return Conflict(detail)
    return NotFound(detail) if kind == "not_found" else EngineAway(detail)
