"""A relay that only copies, in the loop that the slicer runs in: ``copying_relay.py FROM TO``."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

try:
    from uvloop import run
except ImportError:
    from asyncio import run


class Copier(asyncio.Protocol):
    """Writes what comes on one connection to another."""

    def __init__(self, target: int = 0) -> None:
        self._target = target
        self.transport: Any = None
        self.other: Any = None
        self._early = b""

    def connection_made(self, transport: Any) -> None:
        """Find the other side."""
        self.transport = transport
        if self._target:
            self._task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        transport, copier = await loop.create_connection(Copier, "127.0.0.1", self._target)
        copier.other, self.other = self.transport, transport
        transport.write(self._early)

    def data_received(self, data: bytes) -> None:
        """Copy."""
        if self.other is None:
            self._early += data
        else:
            self.other.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other side too."""
        if self.other is not None:
            self.other.close()


async def serve(port: int, target: int) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Copier(target), "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    run(serve(int(sys.argv[1]), int(sys.argv[2])))
