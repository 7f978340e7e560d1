"""Client of another node: one message there, one back (design, section 6).

Blocking, for one caller at a time; where sockets are patched to be green, so is it.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from xen_bridge.errors import BridgeError, Deadline, PeerAway, PeerUnreached, TooLarge
from xen_bridge.protocol import messages
from xen_bridge.protocol.applications import Application
from xen_bridge.protocol.endpoint import MAX_ANSWER, PATH, check_url
from xen_bridge.protocol.messages import Message
from xen_bridge.trust.identity import Identity, check_node_pk, node_pk_of
from xen_bridge.trust.tls import client_context
from xen_bridge.turning_socket import TurningSocket

SECONDS = 30.0
CONNECT_SECONDS = 5.0
IDLE_SECONDS = 20.0
"""After which a connection is not used again; the other side keeps it for longer."""
SILENCE_SECONDS = 10
"""After which a machine whose kernel acknowledges nothing is away, however long the deadline."""
_CHUNK = 64 * 1024


class BridgeClient:
    """A connection to one node, kept open between calls and opened anew when it was lost."""

    def __init__(
        self,
        url: str,
        node_pk: str,
        identity: Identity,
        seconds: float = SECONDS,
        checkpoint: Callable[[], None] = lambda: None,
    ) -> None:
        """``checkpoint`` lets others have their turn, where who asks is one task of many."""
        parts = urlsplit(check_url(url))
        self._host, self._port = str(parts.hostname), int(parts.port or 0)
        self._node_pk = check_node_pk(node_pk)
        self._identity = identity
        self._seconds = seconds
        self._checkpoint = checkpoint
        self._deadline = 0.0
        """Of the exchange under way."""
        self._context = client_context(identity, self._node_pk)
        self._connection: http.client.HTTPSConnection | None = None
        self._used_at = 0.0
        self._has_answered = False
        """Over the connection that is open now: then it knows our key."""

    def ask(
        self,
        body: Any,
        router: str | None = None,
        seconds: float | None = None,
        application: Application | None = None,
    ) -> Any:
        """Send the request ``body``, return the body of the answer.

        ``router`` names a virtual router of the node. Raises what the node answered as an error
        of :mod:`xen_bridge.errors`; BridgeError for an answer to something else; PeerAway if it
        cannot be reached or has another key, PeerUnreached if so it was asked nothing; Deadline
        after ``seconds``.
        """
        request = messages.request(self._identity.node_pk, body, router, application)
        deadline = time.monotonic() + (self._seconds if seconds is None else seconds)
        answer = messages.read(self._exchange(messages.write(request), deadline), MAX_ANSWER)
        self._check_sender(answer)
        return messages.answer_to(body, answer)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _check_sender(self, answer: Message) -> None:
        if answer.node_pk != self._node_pk:
            self.close()
            raise PeerAway(f"{self._where}: the answer names another key than it came with")

    # ---- one exchange

    def _exchange(self, data: bytes, deadline: float) -> bytes:
        away: type[PeerAway] = PeerUnreached
        self._deadline = deadline
        try:
            connection = self._connected()
            away = PeerAway
            headers = {"Content-Type": messages.CONTENT_TYPE, "Connection": "keep-alive"}
            connection.request("POST", PATH, data, headers)
            answer = self._read(connection)
        except BaseException as error:
            # Half an exchange: what is left of it must not answer the next one.
            self.close()
            if isinstance(error, BridgeError):
                raise
            if isinstance(error, TimeoutError) and error.errno != errno.ETIMEDOUT:
                raise Deadline(f"{self._where} did not answer in time") from error
            if isinstance(error, (OSError, http.client.HTTPException)):
                raise away(f"{self._where}: {self._reason(error)}") from error
            raise
        self._used_at = time.monotonic()
        self._has_answered = True
        return answer

    def _connected(self) -> http.client.HTTPSConnection:
        if self._connection is not None and not self._is_usable(self._connection):
            self.close()
        if self._connection is None:
            self._has_answered = False
            self._connection = self._connect(min(_left(self._deadline), CONNECT_SECONDS))
        self._connection.sock.settimeout(_left(self._deadline))
        return self._connection

    def _connect(self, seconds: float) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(
            self._host, self._port, timeout=seconds, context=self._context
        )
        try:
            connection.connect()
        except TimeoutError as error:
            connection.close()
            raise PeerUnreached(f"{self._where}: no connection in {seconds:g} s") from error
        # The chain shows who signed the certificate; its own key must be that one as well.
        shown: ssl.SSLSocket = connection.sock
        _notice_silence(shown)
        if node_pk_of(shown.getpeercert(binary_form=True) or b"") != self._node_pk:
            connection.close()
            raise PeerUnreached(f"{self._where}: has another key")
        connection.sock = TurningSocket(shown, partial(self._before_read, shown))
        return connection

    def _before_read(self, connection: socket.socket) -> None:
        """Give a read what is left of the time of all; TimeoutError if that is nothing."""
        self._checkpoint()
        connection.settimeout(_left(self._deadline))

    def _is_usable(self, connection: http.client.HTTPSConnection) -> bool:
        if connection.sock is None or time.monotonic() - self._used_at > IDLE_SECONDS:
            return False
        # Nobody speaks unasked: whatever can be read is the end of the connection.
        # (A green socket knows "do not block" only by this name: to it a timeout of 0 is one.)
        connection.sock.setblocking(False)
        try:
            connection.sock.recv(1)
        except (ssl.SSLWantReadError, BlockingIOError):
            return True
        except OSError:
            return False
        finally:
            connection.sock.setblocking(True)
        return False

    def _read(self, connection: http.client.HTTPSConnection) -> bytes:
        response = connection.getresponse()
        pieces: list[bytes] = []
        size = 0
        while True:
            # What is in the buffer is read without a look at the time before it.
            _left(self._deadline)
            piece = response.read1(_CHUNK)
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
            if size > MAX_ANSWER:
                raise TooLarge(f"{self._where}: an answer of more than {MAX_ANSWER} bytes")
        # Read to its end it leaves the connection for the next request.
        response.close()
        return self._checked(response, b"".join(pieces))

    def _checked(self, response: http.client.HTTPResponse, data: bytes) -> bytes:
        kind = (response.getheader("Content-Type") or "").partition(";")[0].strip()
        if kind != messages.CONTENT_TYPE:
            raise PeerAway(f"{self._where}: answers {response.status} and {kind[:60] or 'nothing'}")
        return data

    @property
    def _where(self) -> str:
        return f"{self._host}:{self._port}"

    def _reason(self, error: Exception) -> str:
        if self._has_answered and isinstance(error, OSError):
            return "the connection was lost: its service ended, or its machine"
        return _reason(error)


def _notice_silence(connection: socket.socket) -> None:
    """Have the kernel end a connection whose other end is gone without a word (tcp(7)).

    A machine that was switched off sends no reset; an answer that takes long is no silence.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SILENCE_SECONDS // 2)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, SILENCE_SECONDS // 2)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * SILENCE_SECONDS)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


NOT_YET_VALID, HAS_EXPIRED = 9, 10
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID, of a certificate older than this release that is seen in
1970, and X509_V_ERR_CERT_HAS_EXPIRED, of one that this release did not make."""


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == NOT_YET_VALID:
            return "has a certificate that is not valid yet: this machine's clock is behind"
        if error.verify_code == HAS_EXPIRED:
            return (
                "has a certificate that has expired: this machine's clock is ahead, or remove "
                "node.crt there and run xen-bridge keygen, which keeps the key"
            )
        return "has another key than it is registered with"
    if isinstance(error, ssl.SSLError) and "ALERT_BAD_CERTIFICATE" in str(error.reason or ""):
        return "does not believe our certificate: is its clock behind?"
    if isinstance(error, ssl.SSLError) and "ALERT_CERTIFICATE_EXPIRED" in str(error.reason or ""):
        return "takes our certificate for expired: is its clock ahead?"
    if isinstance(error, ssl.SSLError) and "ALERT" in str(error.reason or ""):
        return "does not know our key (authorize it there: xen-bridge authorize)"
    if isinstance(error, (ssl.SSLEOFError, ConnectionError)) and not _is_refused(error):
        # In TLS 1.3 a server judges our certificate after we have begun to speak.
        return "closed the connection (does it know our key? xen-bridge authorize)"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _is_refused(error: Exception) -> bool:
    return isinstance(error, ConnectionRefusedError)
