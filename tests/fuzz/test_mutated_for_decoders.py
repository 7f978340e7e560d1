"""Damaged messages of both roles: what the guard lets through, our decoders read, and in time."""

from __future__ import annotations

from collections import Counter

import pytest

from fuzz.alarm import alarm
from fuzz.controller_corpus import FROM_CONTROLLER
from fuzz.corpus import VALID
from fuzz.mutations import mutations
from fuzz.wire import OF10, OF13, ask, features_request, hello
from horizon_ryu.wire.guard import Framer, MessageGuard, Role, Violation
from horizon_ryu.wire.of10.messages import MESSAGES10
from horizon_ryu.wire.of13.messages import MESSAGES13

MESSAGES = 100_000
SECONDS_EACH = 1.0
TABLES = {OF10: MESSAGES10, OF13: MESSAGES13}
CORPUS = {Role.SWITCH: VALID, Role.CONTROLLER: FROM_CONTROLLER}


def _judge(role: Role, version: int, data: bytes) -> list[bytes]:
    """Return what the guard lets through of a peer of ``role`` that was asked for its answers."""
    conversation = MessageGuard(role=role)
    conversation.accept(hello(version))
    framer = Framer(conversation.negotiated(version))
    kind, xid = int.from_bytes(data[8:10], "big"), int.from_bytes(data[4:8], "big")
    if role is Role.SWITCH:
        conversation.sent(features_request(version) + ask(version, kind, xid))
    passed = []
    for message in framer.feed(data):
        conversation.accept(message)
        passed.append(message)
    return passed


def _read(version: int, message: bytes) -> None:
    """Read a message; what is written of it is read as the same."""
    xid, value = TABLES[version].decode(message)
    assert TABLES[version].decode(TABLES[version].encode(xid, value)) == (xid, value)


@pytest.mark.fuzz
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("version", [OF10, OF13])
def test_what_passes_the_guard_is_read(role: Role, version: int) -> None:
    tally: Counter[str] = Counter()
    for data in mutations(CORPUS[role][version], MESSAGES, seed=version):
        with alarm(SECONDS_EACH):
            try:
                passed = _judge(role, version, data)
            except Violation as violation:
                tally[violation.reason.value] += 1
                continue
            for message in passed:
                _read(version, message)
                tally["read"] += 1
    print(f"{role.value}, version {version}: {dict(tally)}")
    assert tally["read"] > MESSAGES / 20
    assert tally["element_length"] > MESSAGES / 20


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("version", [OF10, OF13])
def test_every_valid_message_passes_and_is_read(role: Role, version: int) -> None:
    for message in CORPUS[role][version]:
        assert _judge(role, version, message) == [message]
        _read(version, message)
