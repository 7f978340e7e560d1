"""When each of many things is due."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from executed_lines import executed_lines
from horizon_ryu.core.deadline_queue import DeadlineQueue


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("set"), st.integers(0, 5), st.integers(0, 20)),
            st.tuples(st.just("discard"), st.integers(0, 5), st.just(0)),
            st.tuples(st.just("take"), st.just(0), st.integers(0, 20)),
        )
    )
)
def test_it_is_as_if_all_were_looked_through(steps: list[tuple[str, int, int]]) -> None:
    deadlines: DeadlineQueue[int] = DeadlineQueue()
    plain: dict[int, float] = {}
    for what, key, at in steps:
        if what == "set":
            deadlines.set(key, at)
            plain[key] = at
        elif what == "discard":
            deadlines.discard(key)
            plain.pop(key, None)
        else:
            due = {key for key, when in plain.items() if when <= at}
            assert set(deadlines.take(at)) == due
            plain = {key: when for key, when in plain.items() if key not in due}
        assert deadlines.next() == min(plain.values(), default=None)
        assert len(deadlines) == len(plain)


def test_what_is_put_off_again_and_again_costs_nothing_more() -> None:
    deadlines: DeadlineQueue[int] = DeadlineQueue()

    def put_off() -> None:
        for now in range(1000):
            deadlines.set(1, now + 10)
            deadlines.discard(1)
            deadlines.set(1, now + 11)

    put_off()
    assert executed_lines(lambda: deadlines.take(2000)) < 50
    assert deadlines.next() is None


def test_a_deadline_costs_the_same_whatever_their_number() -> None:
    def cost(number: int) -> int:
        deadlines: DeadlineQueue[int] = DeadlineQueue()
        for key in range(number):
            deadlines.set(key, 10.0 + key)
        return executed_lines(lambda: (deadlines.set(-1, 5.0), deadlines.take(5.0)))

    assert cost(50_000) == cost(100)
