"""Files of a connection, as eventlet reads and writes them: they let others have their turn.

While a client says nothing, or does not take what it is sent, its place may be given away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from xen_bridge.runtime.port import Runtime
from xen_bridge.serving.room import Place

READS_PER_TURN = 64
"""Lines and pieces of a request read before others have their turn."""
READERS_PER_TURN = 4
"""Connections that read so many in one turn of the hub."""
MAX_LINE = 64 * 1024
"""Bytes of a line that nothing else limits, such as the size of a chunk."""


class YieldingFile:
    """What a client sends, read so that the hub turns, however much there is.

    While it sends nothing its place may be given to somebody else.
    """

    def __init__(
        self, file: Any, runtime: Runtime, place: Place, gate: AbstractContextManager[Any]
    ) -> None:
        """``gate`` lets so many connections at a time wait for the next turn."""
        self._file = file
        self._runtime = runtime
        self._place = place
        self._gate = gate
        self._reads = 0

    def _let_others(self) -> None:
        self._reads += 1
        if self._reads % READS_PER_TURN == 0:
            # Whoever sends in crumbs waits for its turn, and gives way to newcomers meanwhile.
            with self._place.waiting(), self._gate:
                self._runtime.checkpoint()

    def read(self, size: int = -1) -> bytes:
        self._let_others()
        with self._place.waiting():
            data: bytes = self._file.read(size)
        return data

    def readline(self, size: int = -1) -> bytes:
        self._let_others()
        with self._place.waiting():
            line: bytes = self._file.readline(MAX_LINE if size is None or size < 0 else size)
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class PacedFile:
    """What is sent to a client: it must read at some rate, and while it does not, it gives way."""

    def __init__(
        self, file: Any, runtime: Runtime, place: Place, seconds: float, least_rate: int
    ) -> None:
        """An answer may take ``seconds``, and one more for each ``least_rate`` bytes of it."""
        self._file = file
        self._runtime = runtime
        self._place = place
        self._seconds = seconds
        self._least_rate = least_rate
        self.begin()

    def begin(self) -> None:
        """Reckon anew: another answer begins."""
        self._left = self._seconds

    def write(self, data: bytes) -> int:
        with self._paced(len(data)):
            written: int = self._file.write(data)
        return written

    def writelines(self, lines: Iterable[bytes]) -> None:
        lines = list(lines)
        with self._paced(sum(map(len, lines))):
            self._file.writelines(lines)

    def flush(self) -> None:
        with self._paced(0):
            self._file.flush()

    @contextmanager
    def _paced(self, size: int) -> Iterator[None]:
        """Spend no more time than is left for the answer so far; TimeoutError."""
        self._left += size / self._least_rate
        started = self._runtime.now()
        late = TimeoutError("the client reads too slowly")
        try:
            with self._place.waiting(), self._runtime.timeout(max(self._left, 0.001), late):
                yield
        finally:
            self._left -= self._runtime.now() - started

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
