"""The sending side of a connection: nobody who has something to say ever waits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from horizon_ryu.openflow.output_buffer import OutputBuffer
from xen_bridge.runtime.port import Runtime

LOG = logging.getLogger(__name__)


class Sender:
    """Queues bytes for one socket and sends them once per turn.

    A turn is that of the hub, or longer: from :meth:`hold` to :meth:`flush`. ``close`` is called
    when the last words were sent or the socket is broken, ``stuck`` when the peer does not read:
    more than ``most`` bytes wait, or none left within the socket's timeout.
    """

    def __init__(
        self,
        runtime: Runtime,
        socket: Any,
        most: int,
        close: Callable[[], None],
        stuck: Callable[[], None],
    ) -> None:
        self._socket = socket
        # What eventlet wraps; a TLS socket has none, and cannot send without waiting.
        self._plain = getattr(socket, "fd", None)
        self._runtime = runtime
        self._close = close
        self._stuck = stuck
        self._buffer = OutputBuffer(most)
        self._wake = runtime.event()
        self._sending = False
        self._last_words = False
        self._ended = False
        self._held = False
        self._is_due = False

    def hold(self) -> None:
        """Let what is queued wait for :meth:`flush`, which the caller promises to call."""
        self._held = True

    def append(self, data: bytes) -> bool:
        """Queue ``data``; False if nothing can be sent any more."""
        if self._ended or self._last_words:
            return False
        if not self._buffer.append(data):
            self._stuck()
            return False
        if not self._held:
            self._send_soon()
        return True

    def _send_soon(self) -> None:
        if self._plain is None or self._sending or self._last_words:
            self._wake.set()
        elif not self._is_due:
            self._is_due = True
            self._runtime.soon(self._flush_due)

    def _flush_due(self) -> None:
        """Send what a turn has left, called by the hub: what fails or waits is left to a task."""
        self._is_due = False
        if not (self._held or self._ended):
            self._flush()

    def send(self, data: bytes) -> bool:
        """Let ``data`` leave now if nothing is before it, else queue it; False as :meth:`append`.

        For single messages: waking the task that sends costs five times as much as sending.
        """
        plain, waits = self._plain, self._held or self._sending or self._buffer.size
        if plain is None or waits or self._ended or self._last_words:
            return self.append(data)
        try:
            left = data[plain.send(data) :]
        except OSError:
            # It is full, or broken, which the sending task finds out: callers hear of neither.
            left = data
        return self.append(left) if left else True

    def close_when_sent(self) -> None:
        """Send what is queued, then call ``close``; nothing more is taken."""
        self._last_words = True
        self._wake.set()

    def end(self) -> None:
        """Drop what is queued and take nothing more."""
        self._ended = True
        self._buffer.clear()
        self._wake.set()

    def flush(self) -> None:
        """Send what is queued, as much as fits without waiting; the rest is left to :meth:`run`."""
        self._held = False
        self._flush()

    def _flush(self) -> None:
        if not self._buffer.size:
            return
        if self._sending or self._last_words or self._plain is None:
            self._wake.set()
            return
        data = self._buffer.take()
        try:
            taken = self._plain.send(data)
        except OSError:
            # It is full, or broken, which the sending task finds out.
            taken = 0
        self._buffer.put_back(data[taken:])
        if self._buffer.size:
            self._wake.set()

    def run(self) -> None:
        """Send whatever is queued, waiting for the peer where necessary; until the end."""
        try:
            while not self._ended:
                self._wake.wait()
                self._wake.clear()
                self._drain()
                if self._last_words:
                    self._close()
        except TimeoutError:
            self._stuck()
        except (OSError, EOFError, ValueError, RuntimeError) as error:
            self._broken(error)

    def _drain(self) -> None:
        self._sending = True
        try:
            while data := self._buffer.take():
                self._socket.sendall(data)
        finally:
            self._sending = False

    def _broken(self, error: Exception) -> None:
        LOG.debug("sending failed: %s", error)
        self._close()
