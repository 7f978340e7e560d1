"""What is expected of the rates that two senders have; measured again on a busy machine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from quiet_machine import OtherLoad, until_right
from tools.bandwidth_lab import LINK_KBPS, IntervalRow

TOLERANCE = 0.1
EMULATED_ROUNDS = 3
"""In each of which :func:`until_right` has its tries."""

Measured = Callable[[], list[IntervalRow]]
Expected = Callable[[list[IntervalRow]], None]


def measure(
    run: Measured, expect: Expected, others: Callable[[], OtherLoad] = lambda: OtherLoad(())
) -> None:
    """Expect something of the rates; on a busy machine they are measured again.

    A sender that is not let run sends less than it may, and a meter passes no more than it gets.
    """
    expect(_measured(run, expect, others))


def measure_emulated(run: Measured, expect: Expected, others: Callable[[], OtherLoad]) -> None:
    """Expect something of the rates on an emulated machine, as :func:`measure` does.

    That one may be too slow for the link for a while, though nothing else runs here: what is too
    little is measured again all the same, what is too much is not.
    """
    for _ in range(EMULATED_ROUNDS):
        rows = _measured(run, expect, others)
        if not all(row.a + row.b < (1 + TOLERANCE) * sum_of(row) for row in rows):
            break
        if _is_right(expect, rows):
            break
    expect(rows)


def _measured(
    run: Measured, expect: Expected, others: Callable[[], OtherLoad]
) -> list[IntervalRow]:
    return until_right(run, partial(_is_right, expect), others)


def _is_right(expect: Expected, rows: list[IntervalRow]) -> bool:
    with suppress(AssertionError):
        expect(rows)
        return True
    return False


def expect_shared(rows: list[IntervalRow]) -> None:
    """Each has its limit, and both together have the link where one has none."""
    for row in rows:
        assert row.a + row.b == pytest.approx(sum_of(row), rel=TOLERANCE), rows
        for rate, limit in ((row.a, row.limits.a), (row.b, row.limits.b)):
            if limit is not None:
                assert rate == pytest.approx(limit, rel=TOLERANCE), rows


def sum_of(row: IntervalRow) -> int:
    """Return what both together are to have."""
    a, b = row.limits
    return LINK_KBPS if a is None or b is None else a + b
