"""FPM source: listens for FRR's zebra (-M dplane_fpm_nl), a second way to learn a router's FIB.

It is read like :class:`~xen_bridge.planes.follower.FibFollower`. Zebra connects to this machine's
own address; whoever connects later is heard, and who was heard before is not any more: a zebra
that was killed may leave a connection that never ends.
"""

from __future__ import annotations

import logging
import selectors
import socket
import time
from collections.abc import Callable

from xen_bridge.errors import BridgeError, Overloaded, Unparsable
from xen_bridge.planes.fib_model import FibModel
from xen_bridge.planes.fpm_feed import SETTLE, FpmFeed

LOG = logging.getLogger(__name__)
PORT = 2620
"""FPM_DEFAULT_PORT of FRR."""
CHUNK = 1 << 18
MAX_CHUNKS = 16
"""Taken in one read, so that a long stream is told onward in pieces."""


class FpmSource:
    """Keeps ``model`` equal to what zebra tells, in the namespace of the thread that reads."""

    def __init__(
        self,
        model: FibModel,
        port: int = PORT,
        clock: Callable[[], float] = time.monotonic,
        settle: float = SETTLE,
    ) -> None:
        """Listen on ``port`` of the loopback; 0 for any. ``settle`` as of FpmFeed."""
        self.model = model
        self.refused = 0
        """Streams that were closed because they were none."""
        self._feed = FpmFeed(model, settle=settle)
        self._clock = clock
        self._port = port
        self._listener: socket.socket | None = None
        self._stream: socket.socket | None = None
        self._selector = selectors.DefaultSelector()

    @property
    def is_whole(self) -> bool:
        """Whether zebra has told all of its FIB once."""
        return self._feed.is_whole

    @property
    def is_connected(self) -> bool:
        """Whether a stream is there."""
        return self._stream is not None

    @property
    def port(self) -> int:
        """Where it listens; 0 before the first read."""
        return 0 if self._listener is None else int(self._listener.getsockname()[1])

    def read(self, seconds: float) -> None:
        """Take in what there is to take, after ``seconds`` perhaps nothing. Raises BridgeError."""
        if self._listener is None:
            self._listener = self._opened()
            self._selector.register(self._listener, selectors.EVENT_READ)
        due = self._feed.next_due()
        wait = seconds if due is None else min(seconds, due - self._clock())
        for key, _events in self._selector.select(max(wait, 0.0)):
            if key.fileobj is self._listener:
                self._accept(self._listener)
            elif self._stream is not None and key.fileobj is self._stream:
                self._take(self._stream)
        self._feed.due(self._clock())

    def close(self) -> None:
        """End it; another read begins anew."""
        self._end_stream()
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None
        self._selector.close()
        self._selector = selectors.DefaultSelector()

    def _opened(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("127.0.0.1", self._port))
            made.listen(4)
            made.setblocking(False)
        except OSError as error:
            made.close()
            raise BridgeError(f"nobody can listen for FPM: {error.strerror}") from error
        return made

    def _accept(self, listener: socket.socket) -> None:
        try:
            stream, _ = listener.accept()
        except OSError:
            # Whoever it was has gone.
            return
        self._end_stream()
        stream.setblocking(False)
        self._stream = stream
        self._selector.register(stream, selectors.EVENT_READ)
        self._feed.begin(self._clock())

    def _take(self, stream: socket.socket) -> None:
        try:
            for _ in range(MAX_CHUNKS):
                data = stream.recv(CHUNK)
                if not data:
                    self._end_stream()
                    return
                self._feed.feed(data, self._clock())
        except BlockingIOError:
            return
        except OSError:
            self._end_stream()
        except (Unparsable, Overloaded) as error:
            self.refused += 1
            LOG.warning("a stream of FPM is closed: %s", error)
            self._end_stream()

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._selector.unregister(self._stream)
            self._stream.close()
            self._stream = None
            self._feed.lose(self._clock())
