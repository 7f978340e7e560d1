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

from horizon_ryu.core.errors import Conflict, HorizonError, InvalidInput, NotFound
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.slicing.control_frames import (
    BrokenFrame,
    ControlFramer,
    control_frame,
    read_control_body,
)
from horizon_ryu.slicer.configuration import parse_configuration
from horizon_ryu.slicer.engine import SlicerEngine
from horizon_ryu.slicer.slice_reports import entries_report, stats_report, topology_report
from horizon_ryu.slicer.switch_link import SwitchLink

_LOG = logging.getLogger("horizon.slicer")
CONFIRM_SECONDS = 5.0
"""That switches have to confirm a configuration."""
MOST_UNSENT = 32 << 20
"""Bytes that a client may leave unread; one that does is closed."""
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

    def __init__(self, engine: SlicerEngine, listen: str, stop: Callable[[], None]) -> None:
        """``listen`` is where switches connect, as it is told; ``stop`` ends the engine."""
        self._engine = engine
        self._listen = listen
        self._stop = stop
        self._clients: set[asyncio.StreamWriter] = set()
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

    def tell(self, event: str, about: Mapping[str, Any]) -> None:
        """Tell every client of an event."""
        frame = control_frame({"event": event, "about": dict(about)})
        for client in list(self._clients):
            if client.transport.get_write_buffer_size() > MOST_UNSENT:
                client.transport.abort()
            else:
                client.write(frame)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        framer = ControlFramer()
        try:
            while data := await reader.read(1 << 18):
                for body in framer.feed(data):
                    writer.write(control_frame(await self._answer(read_control_body(body))))
                    await writer.drain()
        except (BrokenFrame, OSError) as error:
            _LOG.warning("a client of the control socket is closed: %s", error)
        finally:
            self._clients.discard(writer)
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
        takes_tls = self._engine.tls.tenants is not None
        # In a thread: while thousands of rules are read, tenants are served.
        configuration = await asyncio.to_thread(parse_configuration, document, takes_tls)
        async with self._configuring:
            works_by = self._engine.configuration().version
            if configuration.version < works_by or (
                configuration.version == works_by and self._document and document != self._document
            ):
                raise Conflict(f"version {works_by} is worked by already")
            self._engine.configure(configuration)
            self._document = dict(document) if isinstance(document, Mapping) else {}
            links = list(self._engine.switches.items())
            states = await asyncio.gather(*(_confirmed(link) for _dpid, link in links))
        switches = {
            dpid_to_text(dpid): state for (dpid, _), state in zip(links, states, strict=True)
        }
        return {"version": configuration.version, "switches": switches}

    async def _status(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        engine = self._engine
        return {
            "version": engine.configuration().version,
            "pid": os.getpid(),
            "started": self._started,
            "listen": self._listen,
            "faults": engine.faults,
            "tls": {
                "tenants": engine.tls.tenants is not None,
                "switches": engine.tls.switches is not None,
            },
            "switches": {
                dpid_to_text(dpid): {"address": link.peer} for dpid, link in engine.switches.items()
            },
            "tenants": [
                {"slice": name, "dpid": dpid_to_text(dpid), "controller": url}
                for dpid, link in engine.switches.items()
                for (name, url), tenant in link.links.items()
                if tenant.tenant is not None
            ],
        }

    async def _report(
        self, request: Mapping[str, Any], report: Callable[[SlicerEngine, str], dict[str, Any]]
    ) -> dict[str, Any]:
        name = request.get("slice")
        if not isinstance(name, str) or name not in self._engine.configuration().slices:
            raise NotFound(f"the engine knows no slice {name!r}")
        return report(self._engine, name)

    async def _stats(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return await self._report(request, stats_report)

    async def _entries(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return await self._report(request, entries_report)

    async def _topology(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return await self._report(request, _topology)

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
    try:
        return await asyncio.wait_for(waiting, CONFIRM_SECONDS)
    except TimeoutError:
        return f"it has not confirmed within {CONFIRM_SECONDS:g} s"


def _error(error: HorizonError) -> dict[str, Any]:
    if isinstance(error, InvalidInput):
        return {"detail": error.msg, "loc": list(error.loc), "kind": "invalid"}
    kind = "conflict" if isinstance(error, Conflict) else "not_found"
    return {"detail": str(error), "kind": kind}


def _topology(engine: SlicerEngine, name: str) -> dict[str, Any]:
    return topology_report(engine, name, asyncio.get_running_loop().time())
