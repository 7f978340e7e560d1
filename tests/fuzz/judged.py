"""What the guard lets through of a peer, and that our decoders read it."""

from __future__ import annotations

from fuzz.wire import OF10, OF13, ask, features_request, hello
from horizon_ryu.wire.guard import Framer, MessageGuard, Role
from horizon_ryu.wire.of10.messages import MESSAGES10
from horizon_ryu.wire.of13.messages import MESSAGES13

TABLES = {OF10: MESSAGES10, OF13: MESSAGES13}


def judge(version: int, data: bytes, role: Role = Role.SWITCH) -> tuple[MessageGuard, list[bytes]]:
    """Return a guard and what it lets through of a peer when every answer is an expected one.

    Violation for what it refuses.
    """
    guard = MessageGuard(role=role)
    guard.accept(hello(version))
    framer = Framer(guard.negotiated(version))
    if role is Role.SWITCH:
        kind, xid = int.from_bytes(data[8:10], "big"), int.from_bytes(data[4:8], "big")
        guard.sent(features_request(version) + ask(version, kind, xid))
    passed = []
    for message in framer.feed(data):
        guard.accept(message)
        passed.append(message)
    return guard, passed


def expect_read(version: int, message: bytes) -> None:
    """Have our decoders read a message; what is written of it is read as the same."""
    xid, value = TABLES[version].decode(message)
    assert TABLES[version].decode(TABLES[version].encode(xid, value)) == (xid, value)
