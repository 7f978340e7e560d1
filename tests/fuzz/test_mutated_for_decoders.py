"""Damaged messages of a controller: what a switch's guard lets through, our decoders read."""

from __future__ import annotations

from collections import Counter

import pytest

from examples import examples
from fuzz.alarm import each_within
from fuzz.controller_corpus import FROM_CONTROLLER
from fuzz.corpus import VALID
from fuzz.judged import expect_read, judge
from fuzz.mutations import mutations
from fuzz.wire import OF10, OF13
from horizon_ryu.wire.guard import Role, Violation

MESSAGES = examples(20_000, 100_000)
SECONDS_EACH = 1.0
CORPUS = {Role.SWITCH: VALID, Role.CONTROLLER: FROM_CONTROLLER}


@pytest.mark.fuzz
@pytest.mark.parametrize("version", [OF10, OF13])
def test_what_passes_the_guard_is_read(version: int) -> None:
    """Those of a switch are read in test_mutated_messages.py."""
    tally: Counter[str] = Counter()
    damaged = mutations(FROM_CONTROLLER[version], MESSAGES, seed=version)
    for data in each_within(SECONDS_EACH, damaged):
        try:
            _, passed = judge(version, data, Role.CONTROLLER)
        except Violation as violation:
            tally[violation.reason.value] += 1
            continue
        for message in passed:
            expect_read(version, message)
            tally["read"] += 1
    print(f"version {version}: {dict(tally)}")
    assert tally["read"] > MESSAGES / 20
    assert tally["element_length"] > MESSAGES / 20


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("version", [OF10, OF13])
def test_every_valid_message_passes_and_is_read(role: Role, version: int) -> None:
    for message in CORPUS[role][version]:
        assert judge(version, message, role)[1] == [message]
        expect_read(version, message)
