"""Lines between the chunks of a body, judged while eventlet reads them (RFC 9112, section 7.1).

Eventlet takes for a size whatever Python takes for a number ("0x1", "-1", "1_0"), and for the end
of a chunk whatever line follows. What comes after a body that is read wrongly is then taken for
another request.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Any

from xen_bridge.serving.request_head import is_field

MAX_TRAILERS = 16 * 1024
"""Bytes of the lines after the last chunk."""
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")
_END = b"\r\n"
"""Both bytes: that a line feed may stand alone is said of heads only (RFC 9112, section 2.2)."""


class ChunkFault(OSError):
    """A body in chunks is malformed: nobody can tell where it ends."""


class _Expected(Enum):
    SIZE = auto()
    DATA = auto()
    END = auto()
    TRAILER = auto()
    NOTHING = auto()


class ChunkLines:
    """A file from which eventlet reads a body in chunks; ChunkFault once it is malformed."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.is_broken = False
        """Whether it was malformed: then nobody knows what comes after it."""
        self._expected = _Expected.SIZE
        self._left = 0
        self._trailers = 0

    def read(self, size: int = -1) -> bytes:
        """Return data of the chunk that has begun."""
        self._let(_Expected.DATA)
        data: bytes = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        if self._left == 0:
            self._expected = _Expected.END
        return data

    def readline(self, size: int = -1) -> bytes:
        """Return the line with the next size, after a chunk, or after the last one."""
        line: bytes = self._file.readline(size)
        if self._expected is _Expected.SIZE:
            self._begin_chunk(line)
        elif self._expected is _Expected.TRAILER:
            self._end_if(line)
        else:
            self._let(_Expected.END)
            if line != _END:
                self._fail()
            self._expected = _Expected.SIZE
        return line

    def _begin_chunk(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        if found is None:
            self._fail()
            return
        self._left = int(found[1], 16)
        self._expected = _Expected.DATA if self._left else _Expected.TRAILER

    def _end_if(self, line: bytes) -> None:
        self._trailers += len(line)
        if line == _END:
            self._expected = _Expected.NOTHING
        elif self._trailers > MAX_TRAILERS or not line.endswith(_END) or not is_field(line):
            self._fail()

    def _let(self, expected: _Expected) -> None:
        if self._expected is not expected:
            self._fail()

    def _fail(self) -> None:
        self.is_broken = True
        self._expected = _Expected.NOTHING
        raise ChunkFault("the body is not in chunks as RFC 9112, section 7.1, has them")
