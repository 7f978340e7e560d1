"""Medians, their intervals, curves and expectations."""

from __future__ import annotations

import pytest

from experiments.checks import all_are_zero, at_least, falls, rises, some_are_not_zero
from experiments.compare import compared
from experiments.experiment import Row, Sample, Space, values_of
from experiments.summary import curve, estimate


def rows(*values: tuple[float, float], name: str = "e", repetition: int = 0) -> list[Row]:
    """Return a row for each (x, y)."""
    return [Row(name, {"x": x}, repetition, (Sample({"y": y}),)) for x, y in values]


@pytest.mark.parametrize(
    ("values", "median", "low", "high"),
    [
        ([5.0], 5, 5, 5),
        ([3, 1, 2], 2, 1, 3),
        ([1, 2, 3, 4], 2.5, 1, 4),
        # Of 10 values the 2nd and the 9th: 97.9 %; the 3rd and the 8th would be 89.1 %.
        (list(range(1, 11)), 5.5, 2, 9),
        # Of 20 the 6th and the 15th: 95.9 %.
        (list(range(1, 21)), 10.5, 6, 15),
    ],
)
def test_a_median_has_the_interval_of_its_order_statistics(values, median, low, high) -> None:
    found = estimate(values)
    assert (found.median, found.low, found.high, found.size) == (median, low, high, len(values))


def test_the_confidence_of_few_values_is_told() -> None:
    assert estimate([1, 2, 3, 4, 5]).confidence == pytest.approx(0.9375)
    assert estimate(range(1, 11)).confidence == pytest.approx(0.9785, abs=1e-4)
    with pytest.raises(ValueError, match="nothing"):
        estimate([])


def test_repetitions_are_one_point_of_a_curve() -> None:
    found = curve(rows((2, 5), (1, 3), (2, 7), (2, 6)), "x", "y")
    assert [(point.x, point.y.median) for point in found] == [(1, 3), (2, 6)]
    assert curve(rows((1, 3)), "x", "z") == ()


def test_parameters_of_samples_count_as_those_of_points() -> None:
    row = Row(
        "e", {"kind": "a"}, 0, (Sample({"y": 1}, {"second": 0}), Sample({"y": 2}, {"second": 1}))
    )
    assert [point.y.median for point in curve([row], "second", "y", kind="a")] == [1, 2]
    assert values_of([row], "y", second=1) == [2]
    assert curve([row], "second", "y", kind="b") == ()


def test_expectations_tell_what_is_wrong() -> None:
    rising = rows((1, 10), (2, 30))
    assert rises("x", "y", 2.0)(rising) is None
    assert rises("x", "y", 4.0)(rising) == "30 at 2 is not above 4 times 10 at 1"
    assert falls("x", "y")(rising) == "30 at 2 is not below 1/1 of 10 at 1"
    assert falls("x", "y", 2.0)(rows((1, 30), (2, 10))) is None
    assert rises("x", "y")(rows((1, 1))) == "there are not two points"
    assert all_are_zero("y")(rows((1, 0), (2, 4))) == "1 of 2 are not: 4"
    assert all_are_zero("y", x=1)(rows((1, 0), (2, 4))) is None
    assert all_are_zero("y")([]) == "nothing was measured"
    assert some_are_not_zero("y")(rows((1, 0))) == "all are 0"
    assert some_are_not_zero("y")(rows((1, 0), (2, 1))) is None
    assert at_least("x", "y", 4)(rows((1, 4), (2, 7))) == "7 at 2"
    assert at_least("x", "y", 4)(rows((0, 0), (2, 8))) is None


def test_a_space_has_every_combination_but_those_left_out() -> None:
    space = Space({"a": (1, 2), "b": ("x", "y")}, 3, lambda point: point == {"a": 2, "b": "y"})
    points = [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}]
    assert list(space.points()) == points
    assert len(space) == 9


def test_runs_are_compared_point_by_point() -> None:
    def migration(rate: int, time: float) -> Row:
        values = {"total_ms": time, "lost": 0.0, "downtime_ms": 0.0}
        return Row("migration-openflow", {"packet": 64, "rate": rate}, 0, (Sample(values),))

    found = {
        (one.figure.name, one.x): one
        for one in compared(
            [migration(500, 4), migration(1000, 5)], [migration(500, 8), migration(2000, 5)]
        )
    }
    assert set(found) == {("fig4.2a", 500), ("fig4.3a", 500), ("fig4.4a", 500)}
    assert (found["fig4.4a", 500].ratio, found["fig4.4a", 500].apart) == (2, True)
    assert (found["fig4.3a", 500].ratio, found["fig4.3a", 500].apart) == (None, False)
