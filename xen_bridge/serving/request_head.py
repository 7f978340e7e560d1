"""Head of an HTTP request, judged before anything is made of it (RFC 9112).

Whoever reads a request otherwise than a proxy before us can be sent a second one that the proxy
did not see. So what the specification calls malformed is refused, and never guessed at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

MAX_FIELDS = 100
"""Lines of fields; http.client takes no more."""
MAX_LENGTH_DIGITS = 18
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(_TOKEN + rb" [^\x00-\x20\x7f]+ HTTP/(\d)\.(\d)\r?\n")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*\r?\n")
_LENGTH = re.compile(rb"[0-9]{1,%d}" % MAX_LENGTH_DIGITS)
_ONCE = (b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization")
_END = (b"\r\n", b"\n")


@dataclass(frozen=True)
class HeadFault:
    """Why a request is refused: with what status, and in words."""

    status: HTTPStatus
    detail: str


def fault_of(line: bytes, lines: Sequence[bytes]) -> HeadFault | None:
    """Return what is wrong with a request line and the lines after it; None: nothing.

    Each line has its line break; the last one is empty.
    """
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        return _bad("the request line is not METHOD TARGET HTTP/1.1 (RFC 9112, section 3)")
    if found[1] != b"1":
        return HeadFault(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is spoken here")
    if len(lines) - 1 > MAX_FIELDS:
        too_many = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        return HeadFault(too_many, f"at most {MAX_FIELDS} header fields are taken")
    if not lines or lines[-1] not in _END:
        return _bad("the header section has no end")
    fields = [_FIELD.fullmatch(each) for each in lines[:-1]]
    if None in fields:
        number = fields.index(None) + 1
        return _bad(f"header field {number} is not NAME: VALUE on one line (RFC 9112, section 5)")
    pairs = [(each[1].lower(), each[2]) for each in fields if each is not None]
    return _fault_of_fields(pairs, is_old=found[2] == b"0")


def is_field(line: bytes) -> bool:
    """Tell whether a line is NAME: VALUE, with its line break."""
    return _FIELD.fullmatch(line) is not None


def _fault_of_fields(pairs: Sequence[tuple[bytes, bytes]], is_old: bool) -> HeadFault | None:
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1 and name in _ONCE:
            return _bad(f"{name.decode()}: given more than once")
    fields = dict(pairs)
    if b"host" not in fields and not is_old:
        return _bad("host: missing (RFC 9112, section 3.2)")
    length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
    if length is not None and not _LENGTH.fullmatch(length):
        return _bad(f"content-length: not a number of up to {MAX_LENGTH_DIGITS} digits")
    if coding is None:
        return None
    if length is not None or is_old:
        with_what = "HTTP/1.0" if is_old else "content-length"
        return _bad(f"transfer-encoding: not together with {with_what} (RFC 9112, section 6.1)")
    if coding.lower() != b"chunked":
        return HeadFault(HTTPStatus.NOT_IMPLEMENTED, "transfer-encoding: only chunked is known")
    return None


def _bad(detail: str) -> HeadFault:
    return HeadFault(HTTPStatus.BAD_REQUEST, detail)
