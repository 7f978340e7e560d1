"""Multipart messages of OpenFlow 1.3 between tenants and the slicer: answers that fit, questions
that end (1.3.5 section 7.3.5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import framed
from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET
from horizon_ryu.wire.layout import Layout, write_whole
from horizon_ryu.wire.ofp13 import OFPMP, OFPMPF, OFPT
from horizon_ryu.wire.versions import OPENFLOW_13

MORE = int(OFPMPF.REPLY_MORE)
_REPLY = int(OFPT.MULTIPART_REPLY)
_HEAD = 16
MOST_ITEM = 0xFFFF - _HEAD
"""Bytes of one thing that an answer may tell of: a message has 16 bits for its length."""
_OF_MANY_PARTS = frozenset({int(OFPMP.TABLE_FEATURES), int(OFPMP.EXPERIMENTER)})
MOST_OPEN = 16
"""Questions in parts that one tenant may have begun and not ended."""


def say_parts(
    tenant: TenantConnection, xid: int, kind: int, layout: Layout[Any], items: Iterable[Any]
) -> None:
    """Answer a tenant with a list, in as many messages as it needs; none is an empty answer.

    ``layout`` is that of the list. WireError if an item has more than MOST_ITEM bytes.
    """
    bodies = list(_bodies(write_whole(layout, (item,)) for item in items))
    for at, body in enumerate(bodies):
        flags = MORE if at < len(bodies) - 1 else 0
        head = kind.to_bytes(2, "big") + flags.to_bytes(2, "big") + bytes(4)
        tenant.say(framed(OPENFLOW_13, _REPLY, xid, head + body))


def _bodies(items: Iterable[bytes]) -> Iterator[bytes]:
    part: list[bytes] = []
    size = 0
    for item in items:
        if part and size + len(item) > MOST_ITEM:
            yield b"".join(part)
            part, size = [], 0
        part.append(item)
        size += len(item)
    yield b"".join(part)


class QuestionParts:
    """Questions of one tenant that come in parts: each is answered once, with its last part.

    Only their number is kept, never their bodies: what may have many parts is either refused or
    passed on as it comes.
    """

    def __init__(self) -> None:
        self._with_body: dict[int, bool] = {}

    def take(self, xid: int, kind: int, flags: int, has_body: bool) -> bool | None:
        """Take a part; return None if more are to come, else whether any had a body.

        TenantRefusal for parts of what has but one, and for too many questions at once.
        """
        more = flags & MORE
        if more and kind not in _OF_MANY_PARTS:
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BAD_MULTIPART, "one part only")
        if not more:
            return self._with_body.pop(xid, False) or has_body
        if xid not in self._with_body and len(self._with_body) >= MOST_OPEN:
            raise TenantRefusal(
                OFPET.BAD_REQUEST, OFPBRC.MULTIPART_BUFFER_OVERFLOW, "questions without an end"
            )
        self._with_body[xid] = self._with_body.get(xid, False) or has_body
        return None
