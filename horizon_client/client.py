"""The client that waits for each answer: carries requests to one controller over HTTP."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from horizon_client import controller
from horizon_client.api_request import ApiRequest, Snapshot
from horizon_client.connection import DEFAULT_URL, ControllerConnection, connection_of
from horizon_client.errors import CannotBeSent, NoAnswer
from horizon_client.event_stream import PATIENCE, EventPosition, HorizonEvent
from horizon_client.exchange_bounds import AnswerBody, ExchangeDeadlines

if TYPE_CHECKING:
    import httpx
    from websockets.sync.client import ClientConnection

_T = TypeVar("_T")


class Client:
    """Speaks to one controller; any number of threads may use it.

    As a context manager it keeps connections open between requests; without, each request has one
    of its own and nothing needs to be closed. Other arguments than a URL and a token are those of
    :class:`ControllerConnection`.
    """

    def __init__(
        self,
        connection: ControllerConnection | str = DEFAULT_URL,
        token: str | None = None,
        **more: Any,
    ) -> None:
        """WrongConnection for what is no URL of HTTP, or can be no token."""
        self.connection = connection_of(connection, token, **more)
        self._kept: httpx.Client | None = None
        self._deadlines = ExchangeDeadlines()

    def __enter__(self) -> Self:
        """Keep connections from now on; NoAnswer if the proxy for them is of no use."""
        import httpx

        try:
            self._kept = httpx.Client(**self.connection.carrier_options)
        except (ImportError, ValueError, OSError) as error:
            # Of a proxy, of a kind that is not there, or authorities that the environment names.
            raise self.connection.unreachable(error) from error
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close them."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def ask(self, request: ApiRequest[_T]) -> _T:
        """Return the answer to ``request``; any ClientError says why there is none."""
        return self.tell(request).value

    def tell(self, request: ApiRequest[_T]) -> Snapshot[_T]:
        """Return the answer and the cursor of the last event that it includes; errors as above."""
        import httpx

        method, url = self.connection.address_of(request)
        options = self.connection.options_of(request)
        options["extensions"] = {"trace": self._deadlines.watch}
        try:
            with (
                self._deadlines.within(options["timeout"]),
                self._carrier() as carrier,
                carrier.stream(method, url, **options) as answer,
            ):
                data = self._whole(answer)
        except (httpx.HTTPError, httpx.InvalidURL, ImportError, OSError) as error:
            # A proxy may need a package, and the environment name authorities, that are not there.
            raise self.connection.unreachable(error) from error
        except ValueError as error:
            raise CannotBeSent(f"this cannot be sent: {error}") from error
        return self.connection.understood(request, answer.status_code, answer.headers, data)

    @contextmanager
    def _carrier(self) -> Iterator[httpx.Client]:
        """Have what carries a request: the connections that are kept, or one for it alone."""
        import httpx

        if self._kept is not None:
            yield self._kept
            return
        with httpx.Client(**self.connection.carrier_options) as made:
            yield made

    def _whole(self, answer: httpx.Response) -> bytes:
        """Return the body; NotAController."""
        body = AnswerBody(self.connection.place, answer.headers)
        for piece in answer.iter_bytes():
            body.take(piece)
        return body.whole()

    def events(
        self,
        since: str | int | None = None,
        kinds: Collection[str] = (),
        patience: float = PATIENCE,
    ) -> Iterator[HorizonEvent]:
        """Yield events for ever, each once; a lost connection is made again and resumed.

        ``since`` is a cursor (:meth:`tell`) or a number, None: from now on; ``kinds`` chooses. An
        event that ``is_gap`` says that some are lost. NoAnswer once the controller is away for more
        than ``patience`` seconds, or at once if it was never there; RequestRefused.
        """
        position = EventPosition(self.connection.place, since, kinds, patience)
        while True:
            try:
                if position.needs_cursor:
                    position.begin_at(self.tell(controller.root()).cursor)
                with self._connected(position) as socket:
                    position.connected()
                    for text in socket:
                        event = position.take(text)
                        if event is not None:
                            yield event
                error = NoAnswer(f"the controller at {self.connection.place} ended the stream")
            except NoAnswer as lost:
                error = lost
            time.sleep(position.pause(time.monotonic(), error))

    @contextmanager
    def _connected(self, position: EventPosition) -> Iterator[ClientConnection]:
        """Have the WebSocket of events open; NoAnswer when it is lost, RequestRefused."""
        from websockets.exceptions import ConnectionClosed, WebSocketException
        from websockets.sync.client import connect

        url = self.connection.events_url(position.query)
        try:
            with connect(
                url, create_connection=self._direct(), **self.connection.stream_options
            ) as socket:
                yield socket
        except (OSError, ConnectionClosed, WebSocketException, ImportError) as error:
            raise self.connection.unreachable(error) from error

    def _direct(self) -> type[ClientConnection]:
        """Return what opens a stream, and is carried on to where no redirection points."""
        from websockets.exceptions import InvalidStatus
        from websockets.sync.client import ClientConnection

        refused = self.connection.refused_stream

        class DirectConnection(ClientConnection):
            def handshake(self, *words: Any, **more: Any) -> None:
                try:
                    super().handshake(*words, **more)
                except InvalidStatus as error:
                    raise refused(error.response) from error

        return DirectConnection
