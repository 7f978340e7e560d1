"""A relay of TCP connections that hands on everything after a delay: a controller far away.

It runs in a thread of its own, as an asyncio loop; the delay is each way, and may be changed while
connections stand.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

_CHUNK = 1 << 16
_WAITING = 1024
"""Chunks under way at most; then the sender waits."""
_START_SECONDS = 10.0


class DelayingRelay:
    """Listens on loopback for whom ``target`` is meant; a context manager."""

    def __init__(self, target: int) -> None:
        """``target``: a port on loopback."""
        self.target = target
        self.delay = 0.0
        """Seconds each way."""
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="delaying relay", daemon=True)

    def __enter__(self) -> DelayingRelay:
        """Begin to listen; TimeoutError if that does not come about."""
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise TimeoutError("the relay does not listen")
        return self

    def __exit__(self, *_about: object) -> None:
        """End it with every connection."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._accepted, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        # Each ends by its cancellation.
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            with contextlib.closing(far_writer):
                ways = [self._carry(reader, far_writer), self._carry(far_reader, writer)]
                tasks = [asyncio.ensure_future(way) for way in ways]
                try:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in tasks:
                        task.cancel()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand on one way until its end; what is under way is not sent together."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_WAITING)
        reading = asyncio.ensure_future(self._read(reader, queue))
        try:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(due - self._loop.time())
                if not data:
                    return
                writer.write(data)
                await writer.drain()
        except OSError:
            return
        finally:
            reading.cancel()

    async def _read(
        self, reader: asyncio.StreamReader, queue: asyncio.Queue[tuple[float, bytes]]
    ) -> None:
        data = b"begun"
        while data:
            try:
                data = await reader.read(_CHUNK)
            except OSError:
                data = b""
            await queue.put((self._loop.time() + self.delay, data))


@contextlib.contextmanager
def delayed(relay: DelayingRelay, seconds: float) -> Iterator[None]:
    """Have the relay delay by ``seconds`` each way while the block runs."""
    before, relay.delay = relay.delay, seconds
    try:
        yield
    finally:
        relay.delay = before
