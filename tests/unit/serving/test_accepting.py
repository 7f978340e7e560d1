from __future__ import annotations

import errno
import logging
import ssl
from typing import Any

import eventlet
import pytest

from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.serving import accepting
from xen_bridge.serving.accepting import LASTING_SECONDS, LOG_SECONDS, AcceptFailures, accepted


class Listening:
    """A listening socket that gives, or raises, what it is told, and then is closed."""

    def __init__(self, *outcomes: Any) -> None:
        self._outcomes = list(outcomes)

    def accept(self) -> Any:
        outcome = self._outcomes.pop(0) if self._outcomes else OSError(errno.EBADF, "closed")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def fileno(self) -> int:
        return 3 if self._outcomes else -1


ERRORS = [
    *(
        OSError(number, errno.errorcode[number])
        for number in (
            errno.EMFILE,
            errno.ENFILE,
            errno.ECONNABORTED,
            errno.ENOBUFS,
            errno.ENOMEM,
            errno.EPROTO,
            errno.EPIPE,
            errno.ECONNRESET,
            errno.EPERM,
        )
    ),
    ssl.SSLError("wrong version number"),
    MemoryError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_no_error_ends_the_loop(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "RETRY_SECONDS", 0.001)
    told: list[Exception] = []
    one, other, last = ("one", "a"), ("other", "b"), ("last", "c")
    got = list(accepted(GreenRuntime(), Listening(one, error, error, other, last), told.append))
    assert got == [one, other, last]
    assert told == [error, error]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_room_is_made_after_errors_that_the_end_of_another_connection_mends(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "RETRY_SECONDS", 0.001)
    rooms: list[bool] = []
    list(
        accepted(
            GreenRuntime(),
            Listening(error, ("one", "a")),
            lambda _: None,
            lambda: rooms.append(True),
        )
    )
    number = error.errno if isinstance(error, OSError) else None
    exhausted = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
    assert len(rooms) == (number in exhausted)


def test_connections_in_a_row_let_others_have_their_turn() -> None:
    turns: list[int] = []
    listening = Listening(*(((number, "a")) for number in range(4 * accepting.PER_TURN)), None)
    for number, _ in (pair for pair in accepted(GreenRuntime(), listening, _never) if pair):
        if number % accepting.PER_TURN == 0:
            eventlet.spawn(turns.append, number)
    assert len(turns) == 4


def _never(error: Exception) -> None:
    raise AssertionError from error


def test_failures_are_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    failures = AcceptFailures(logging.getLogger(__name__), lambda: now[0])
    for _ in range(50):
        failures.note("rest", OSError(errno.EMFILE, "Too many open files"))
    failures.note("rest", MemoryError())
    assert failures.counts == {"rest EMFILE": 50, "rest MemoryError": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "rest accepts no connections: [Errno 24] Too many open files; retrying"
    ]
    assert failures.lasting() == ["rest"]
    now[0] += LASTING_SECONDS
    assert failures.lasting() == []
    now[0] += LOG_SECONDS
    failures.note("rest", OSError(errno.ENFILE, "Too many open files in system"))
    assert len(caplog.records) == 2
