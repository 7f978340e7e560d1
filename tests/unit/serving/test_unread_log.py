"""What is logged where nobody reads is lost, and told as lost; nobody waits."""

from __future__ import annotations

import logging
import os
import pty
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

import pytest

from xen_bridge.serving.unread_log import keep_nobody

LINES = 20_000
Read = Callable[[], bytes]
Opened = tuple[TextIO, Read]


def pipe(opened: ExitStack) -> Opened:
    reading, writing = os.pipe()
    opened.callback(os.close, reading)
    os.set_blocking(reading, False)
    return opened.enter_context(open(writing, "w")), lambda: os.read(reading, 1 << 20)


def journal(opened: ExitStack) -> Opened:
    near, far = socket.socketpair()
    opened.enter_context(near)
    near.setblocking(False)
    return opened.enter_context(open(far.detach(), "w")), lambda: near.recv(1 << 20)


def terminal(opened: ExitStack) -> Opened:
    near, far = pty.openpty()
    opened.callback(os.close, near)
    os.set_blocking(near, False)
    return opened.enter_context(open(far, "w")), lambda: os.read(near, 1 << 20)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def logging_to(stream: TextIO) -> logging.Logger:
    logger = logging.Logger("unread")
    logger.addHandler(logging.StreamHandler(stream))
    keep_nobody(logger)
    return logger


def read_all(read: Read) -> bytes:
    found = b""
    try:
        while data := read():
            found += data
    except BlockingIOError:
        pass
    return found


@pytest.mark.parametrize("make", [pipe, journal, terminal])
def test_nobody_waits_for_a_reader_that_has_stopped(
    opened: ExitStack, make: Callable[[ExitStack], Opened]
) -> None:
    stream, read = make(opened)
    logger = logging_to(stream)
    for number in range(LINES):
        logger.warning("line %d", number)
    first = read_all(read)
    assert first.startswith(b"line 0")
    logger.warning("it is read again")
    told = read_all(read)
    assert b"lines of the log were lost: nobody read it)" in told
    assert b"it is read again" in told
    logger.warning("and nothing more is lost")
    assert b"lost)" not in read_all(read)
    assert os.get_blocking(stream.fileno()), "it is shared with others, who may wait"


def test_a_line_that_is_longer_than_there_is_room_is_cut_and_told(opened: ExitStack) -> None:
    stream, read = pipe(opened)
    logger = logging_to(stream)
    logger.warning("x" * 1_000_000)
    assert len(read_all(read)) < 1_000_000
    logger.warning("the next")
    assert b"(1 lines of the log were lost" in read_all(read)


def test_a_file_is_written_as_ever(tmp_path: Path) -> None:
    with open(tmp_path / "log", "w") as stream:
        logger = logging_to(stream)
        logger.warning("a line")
        (handler,) = logger.handlers
        assert isinstance(handler, logging.StreamHandler)
        assert handler.stream is stream
    assert (tmp_path / "log").read_text() == "a line\n"
