"""Limits on parsers: what hangs is ended, also if it swallows what should end it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from fuzz.alarm import Hung, alarm, each_within, lines_at_most


def hang_deafly(times: int) -> None:
    """Swallow what should end it, some times, as Ryu's parsers do."""
    for _ in range(times):
        with suppress(Exception):
            hang()


def hang(deafness: int = 0) -> None:
    """Never return; swallow first what should end it, some times."""
    hang_deafly(deafness)
    while True:
        pass


def work(turns: int) -> int:
    return sum(number * number for number in range(turns))


@pytest.mark.parametrize("deafness", [0, 3])
def test_an_alarm_ends_what_hangs(deafness: int) -> None:
    with pytest.raises(Hung), alarm(0.02):
        hang(deafness)


@pytest.mark.parametrize("deafness", [0, 3])
def test_of_many_items_the_one_that_hangs_is_ended(deafness: int) -> None:
    seen = []

    def use() -> None:
        for item in each_within(0.02, range(10)):
            seen.append(item)
            if item == 5:
                hang(deafness)

    with pytest.raises(Hung):
        use()
    assert seen == [0, 1, 2, 3, 4, 5]


def test_who_swallows_it_and_goes_on_is_not_given_another_item() -> None:
    seen = []

    def use() -> None:
        for item in each_within(0.02, range(10)):
            seen.append(item)
            hang_deafly(1)

    with pytest.raises(Hung):
        use()
    assert seen == [0]


def test_many_items_may_take_longer_together() -> None:
    def items() -> Iterator[int]:
        yield from range(400)

    assert [item for item in each_within(0.1, items()) if work(20_000)] == list(range(400))


@pytest.mark.parametrize("deafness", [0, 1, 3])
def test_what_comes_to_too_many_lines_hangs(deafness: int) -> None:
    with pytest.raises(Hung), lines_at_most(1_000, 0.05):
        hang(deafness)


def test_what_swallows_that_it_came_to_too_many_lines_is_told_at_the_end() -> None:
    with pytest.raises(Hung), lines_at_most(1_000, 0.5):
        hang_deafly(1)


def test_what_comes_to_few_lines_does_not() -> None:
    with lines_at_most(1_000, 5.0):
        assert work(100) == 328_350
