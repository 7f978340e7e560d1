"""Control socket of the engine: configured, asked, and heard over a socket of the file system.

Frames are those of :mod:`horizon_ryu.core.slicing.control_frames`; whoever may open the socket may
do everything, so it is in a folder of its owner's.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from horizon_ryu.core.collection_pause import made_to_stay
from horizon_ryu.core.errors import Conflict, HorizonError, InvalidInput, NotFound
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.slicing.control_frames import (
    BrokenFrame,
    ControlFramer,
    control_frame,
    read_control_body,
)
from horizon_ryu.core.slicing.flowspace import Flowspace
from horizon_ryu.core.slicing.slice_document import switches_concerned
from horizon_ryu.slicer.configuration import SlicerConfiguration, parse_configuration
from horizon_ryu.slicer.engine import SlicerEngine
from horizon_ryu.slicer.kept_document import KeptDocument, UnusableDocument
from horizon_ryu.slicer.slice_reports import entries_report, stats_report, topology_report
from horizon_ryu.slicer.switch_link import SwitchLink

_LOG = logging.getLogger("horizon.slicer")
CONFIRM_SECONDS = 5.0
"""That switches have to confirm a configuration, when they have been told all of it."""
TELL_SECONDS = 12.0
"""After which it is answered, whatever switches are still being told."""
MOST_UNSENT = 32 << 20
"""Bytes that a client may leave unread; then it loses events until it has read half of them."""
_LOOK_AGAIN = 0.5
LOOK_SECONDS = 2.0
"""Between two looks whether the socket is still there."""
APPLIED = "applied"


def lock(folder: Path) -> IO[str] | None:
    """Take the lock of an engine's folder; None if another engine has it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = open(folder / "lock", "w")  # noqa: SIM115 - it is held as long as the process is there
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


class ControlServer:
    """Answers whoever connects, and tells all of them what happens."""

    def __init__(
        self,
        engine: SlicerEngine,
        listen: str,
        stop: Callable[[], None],
        kept: KeptDocument | None = None,
    ) -> None:
        """``listen`` is where switches connect, as it is told; ``stop`` ends the engine.

        ``kept`` is where slices outlive the engine.
        """
        self._engine = engine
        self._listen = listen
        self._stop = stop
        self._kept = kept
        self._clients: dict[asyncio.StreamWriter, int] = {}
        self._asking: set[asyncio.Task[str]] = set()
        self._document: Mapping[str, Any] = {}
        self._started = time.time()
        self._configuring = asyncio.Lock()

    async def listen(self, path: Path) -> asyncio.AbstractServer:
        """Begin to listen; OSError. What an engine that is gone has left there is removed."""
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            return await asyncio.start_unix_server(self._serve, path)
        finally:
            os.umask(before)

    async def keep(self, path: Path, listening: asyncio.AbstractServer) -> None:
        """Listen anew, for ever, where somebody has removed the socket or its folder.

        Clients that were slow are told what they have lost.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for client in [client for client, lost in self._clients.items() if lost]:
                self._has_room(client)
            if path.is_socket():
                continue
            _LOG.warning("somebody has removed %s: it is made again", path)
            listening.close()
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                listening = await self.listen(path)
            except OSError as error:
                _LOG.error("nobody can ask the engine: %s", error)

    def tell(self, event: str, about: Mapping[str, Any]) -> None:
        """Tell every client of an event; one that does not read is told later how many it lost."""
        frame = control_frame({"event": event, "about": dict(about)})
        for client in list(self._clients):
            if self._has_room(client):
                client.write(frame)
            else:
                self._clients[client] += 1

    def _has_room(self, client: asyncio.StreamWriter) -> bool:
        """Tell whether a client has read enough to be told more; tell it what it has lost."""
        lost = self._clients[client]
        room = MOST_UNSENT // 2 if lost else MOST_UNSENT
        if client.transport.get_write_buffer_size() > room:
            return False
        if lost:
            self._clients[client] = 0
            client.write(control_frame({"event": "events_lost", "about": {"count": lost}}))
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients[writer] = 0
        framer = ControlFramer()
        try:
            while data := await reader.read(1 << 18):
                for body in framer.feed(data):
                    writer.write(control_frame(await self._answer(read_control_body(body))))
                    await writer.drain()
        except (BrokenFrame, OSError) as error:
            _LOG.warning("a client of the control socket is closed: %s", error)
        finally:
            self._clients.pop(writer, None)
            writer.close()

    async def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        number, op = request.get("id"), request.get("op")
        operation = _OPERATIONS.get(op) if isinstance(op, str) else None
        try:
            if operation is None:
                raise InvalidInput(("op",), f"there are {', '.join(_OPERATIONS)}")
            return {"id": number, "result": await operation(self, request)}
        except HorizonError as error:
            return {"id": number, "error": _error(error)}
        except Exception as error:
            # Whatever it is, who asked must not wait for an answer that never comes.
            self._engine.fault(error, op=op)
            detail = f"an error of the engine's own, told in its log: {error!r}"
            return {"id": number, "error": {"detail": detail, "kind": "fault"}}

    # ---- operations

    async def _configure(self, request: Mapping[str, Any]) -> dict[str, Any]:
        document = request.get("document")
        async with self._configuring:
            # In a thread: tenants must not wait while thousands of rules are read.
            configuration, flowspaces, concerned = await asyncio.to_thread(self._made, document)
            works_by = self._engine.configuration().version
            if configuration.version < works_by or (
                configuration.version == works_by and self._document and document != self._document
            ):
                raise Conflict(f"version {works_by} is worked by already")
            self._engine.configure(configuration, flowspaces)
            await self._engine.is_settled.wait()
            self._document = dict(document) if isinstance(document, Mapping) else {}
            switches, _ = await asyncio.gather(
                self._confirm(configuration.version, concerned), self._keep_document()
            )
        return {"version": configuration.version, "switches": switches}

    async def _keep_document(self) -> None:
        if self._kept is not None:
            await asyncio.to_thread(self._kept.write, self._document)

    def _made(
        self, document: Any
    ) -> tuple[SlicerConfiguration, Mapping[int, Flowspace], frozenset[int] | None]:
        """Return what a document says, and the switches that it concerns; InvalidInput."""
        before, serves_tls = self._engine.configuration(), self._engine.tls.tenants is not None
        with made_to_stay():
            found = parse_configuration(document, serves_tls).sharing(before)
            concerned = switches_concerned(before.slices, found.slices)
            return found, self._engine.flowspaces_of(found), concerned

    async def _confirm(self, version: int, concerned: frozenset[int] | None) -> dict[str, str]:
        """Return how it went on the switches that a configuration concerns, when they are done.

        Of one that it does not concern and that does not answer, an event tells.
        """
        asked = {
            dpid: asyncio.create_task(self._confirmed(version, dpid, link))
            for dpid, link in self._engine.switches.items()
        }
        self._asking.update(asked.values())
        for task in asked.values():
            task.add_done_callback(self._asking.discard)
        waited = {
            dpid: task for dpid, task in asked.items() if concerned is None or dpid in concerned
        }
        states = await asyncio.gather(*waited.values())
        return {dpid_to_text(dpid): state for dpid, state in zip(waited, states, strict=True)}

    async def _confirmed(self, version: int, dpid: int, link: SwitchLink) -> str:
        state = await _confirmed(link)
        if state != APPLIED:
            self._engine.tell("switch_unconfirmed", dpid=dpid, version=version, reason=state)
        return state

    async def resume(self) -> None:
        """Go on with the slices that the engine before has worked by last, until others come."""
        if self._kept is None:
            return
        try:
            document = self._kept.read()
            if document is None:
                return
            configuration, flowspaces, _ = self._made(document)
        except (UnusableDocument, HorizonError) as error:
            _LOG.error("%s is not worked by: %s", self._kept.path, error)
            return
        self._engine.configure(configuration, flowspaces)
        self._document = document
        _LOG.info("worked by: version %d, which was kept", configuration.version)

    def _problems(self) -> list[str]:
        found = self._engine.problems()
        if self._kept is not None and self._kept.fault is not None:
            found.append(f"the slicer's engine cannot keep its slices: {self._kept.fault}")
        return found

    async def _status(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        engine = self._engine
        return {
            "version": engine.configuration().version,
            "pid": os.getpid(),
            "started": self._started,
            "listen": self._listen,
            "faults": engine.faults,
            "problems": self._problems(),
            "tls": {
                "tenants": engine.tls.tenants is not None,
                "switches": engine.tls.switches is not None,
            },
            "switches": {
                dpid_to_text(dpid): {"address": link.peer, "unowned": _unowned(link)}
                for dpid, link in engine.switches.items()
            },
            "tenants": [
                {"slice": name, "dpid": dpid_to_text(dpid), "controller": url}
                for dpid, link in engine.switches.items()
                for (name, url), tenant in link.links.items()
                if tenant.tenant is not None
            ],
        }

    def _slice_in(self, request: Mapping[str, Any]) -> str:
        name = request.get("slice")
        if not isinstance(name, str) or name not in self._engine.configuration().slices:
            raise NotFound(f"the engine knows no slice {name!r}")
        return name

    async def _stats(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return stats_report(self._engine, self._slice_in(request))

    async def _entries(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return await entries_report(self._engine, self._slice_in(request))

    async def _topology(self, request: Mapping[str, Any]) -> dict[str, Any]:
        now = asyncio.get_running_loop().time()
        return topology_report(self._engine, self._slice_in(request), now)

    async def _end(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        asyncio.get_running_loop().call_soon(self._stop)
        return {}


_OPERATIONS: Mapping[str, Any] = {
    "configure": ControlServer._configure,
    "status": ControlServer._status,
    "stats": ControlServer._stats,
    "entries": ControlServer._entries,
    "topology": ControlServer._topology,
    "stop": ControlServer._end,
}


def _unowned(link: SwitchLink) -> int:
    """Return how many frames of nobody a switch has dropped, as far as is known."""
    if link.datapath is None:
        return 0
    found = link.datapath.unowned(asyncio.get_running_loop().time())
    link.flush()
    return found


async def _confirmed(link: SwitchLink) -> str:
    """Wait until a switch has done all that it was told; return how that went."""
    datapath = link.datapath
    if datapath is None:
        return "it has left"
    waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def done() -> None:
        if not waiting.done():
            waiting.set_result(APPLIED)

    datapath.confirm(done)
    link.flush()
    loop = asyncio.get_running_loop()
    ends = loop.time() + TELL_SECONDS
    await asyncio.wait((waiting,), timeout=CONFIRM_SECONDS)
    while not waiting.done() and datapath.is_at_work and loop.time() < ends:
        await asyncio.wait((waiting,), timeout=_LOOK_AGAIN)
    if waiting.done():
        return waiting.result()
    if datapath.is_at_work:
        return f"it is still being told after {TELL_SECONDS:g} s"
    return f"it has not confirmed within {CONFIRM_SECONDS:g} s"


def _error(error: HorizonError) -> dict[str, Any]:
    if isinstance(error, InvalidInput):
        return {"detail": error.msg, "loc": list(error.loc), "kind": "invalid"}
    kind = "conflict" if isinstance(error, Conflict) else "not_found"
    return {"detail": str(error), "kind": kind}
