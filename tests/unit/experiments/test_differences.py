"""Sentences on what was measured: each says what the curves have, whatever the report says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from experiments import differences
from experiments.scheduling import values_of_both
from experiments.sentences import Curves
from experiments.summary import CurvePoint, estimate


def curve(*points: tuple[float, float | Sequence[float]]) -> tuple[CurvePoint, ...]:
    """Return a curve of (x, y), or of (x, values)."""
    return tuple(
        CurvePoint(x, estimate(list(y) if isinstance(y, Sequence) else [y])) for x, y in points
    )


NETNS: Curves = {
    "netns, plane separation": curve((500, 0), (1000, 0)),
    "netns, standard": curve((500, 250), (1000, 260)),
}


def test_a_downtime_is_told_by_what_was_measured() -> None:
    said = differences.downtime({"OpenFlow": curve((500, 0))} | NETNS)
    assert "Nothing was lost with “OpenFlow” and “netns, plane separation”" in said
    assert "netns, standard: roughly constant, as in the report" in said
    assert "On netns it is 255 ms lower with plane separation" in said
    assert "Xen" not in said
    steep = differences.downtime({"netns, standard": curve((500, 100), (1000, 300))})
    assert "not constant" in steep
    assert "Nothing was lost" not in steep
    assert "lower with" not in steep


def test_losses_that_the_report_has_not_are_told() -> None:
    said = differences.losses({"OpenFlow": curve((500, [0, 0, 3]), (1000, 0))})
    assert "OpenFlow loses packets here, and none in the report" in said
    assert "As in the report nothing" not in said
    rising = differences.losses({"Xen, standard": curve((10, 30), (20, 61))})
    assert "2.03 times the losses at 2 times the rate, in proportion, as in the report" in rising
    assert "both ways" not in rising
    odd = differences.losses({"netns, standard": curve((10, 30), (20, 20))})
    assert "no rise with the rate" in odd
    assert "both ways" in odd


def test_total_times_are_compared_on_one_platform() -> None:
    said = differences.total({"OpenFlow": curve((500, 7.5)), "Xen, standard": curve((10, 3e4))})
    assert "1.5 times the report's 5 ms" in said
    assert "plane separation" not in said
    both = {"Xen, standard": curve((10, 3e4)), "Xen, plane separation": curve((50, 4e4))}
    assert "On Xen plane separation takes 10 s more" in differences.total(both)


def test_bandwidths_are_held_against_limits() -> None:
    curves = {
        "sender A": curve((0, 9000), (1, 6000), (2, 6060), (3, 3000)),
        "limit of A": curve((1, 6000), (2, 6000), (3, 6000)),
        "sender B": curve((0, 9000), (1, 3000)),
        "limit of B": curve((1, 3000)),
    }
    said = differences.bandwidth(curves)
    assert "9,000 kb/s where it has no limit and 100 % of its limit" in said
    assert "1 of 3 such seconds are more than 10 % off" in said
    assert "100 % of its limit where it has one; 0 of 1 such seconds" in said


@pytest.mark.parametrize(
    ("low", "high", "word"), [((400, 420), (900, 950), "rises as"), ((1, 9), (2, 8), "chance")]
)
def test_a_cap_is_told_to_work_only_if_chance_does_not_do_it(low, high, word: str) -> None:
    said = differences.cap({"r2": curve((10, high), (100, low))})
    assert word in said


def test_a_cap_above_half_of_the_cpu_is_told_to_bound_nothing() -> None:
    flat = {"r1 (varied)": curve((10, 30), (50, 290), (70, 310), (100, 300))}
    assert "From a cap of 50 % on it hardly changes" in differences.cap(flat)
    rising = {"r1 (varied)": curve((10, 30), (50, 150), (100, 300))}
    assert "hardly" not in differences.cap(rising)


def test_an_emulated_host_is_told_to_be_one() -> None:
    for told in (differences.downtime, differences.total):
        assert "emulated" in told({"Xen, standard": curve((10, 3e4))})
        assert "emulated" not in told(NETNS)


def test_shares_tell_what_the_other_router_took() -> None:
    curves = {
        "r1 (varied)": curve((10, 11), (100, 51)),
        "r2": curve((10, 53), (100, 49)),
        "both": curve((10, 64), (100, 100)),
        "Domain 0": curve((10, 99), (100, 80)),
    }
    said = differences.cap_shares(curves)
    assert "at most 1 % of a CPU above its cap" in said
    assert "Of the 40 % that the cap takes from r1, r2 takes 4 %, 10 % of it" in said
    assert "64 to 100 % of the CPU that they share" in said
    assert "Domain 0, on a CPU of its own, has nothing to spare" in said


def test_the_part_of_a_router_is_of_what_both_do() -> None:
    found = values_of_both({"r1": 100, "r2": 300}, {"r1": 0, "r2": 0, "Domain-0": 90})
    assert found["r1_part_pps"] == 25
    assert (found["routers_cpu"], found["dom0_cpu"]) == (0, 90)
    assert "r1_part_cpu" not in found


def test_times_are_told_as_what_they_grow_by() -> None:
    assert "2 round trips" in differences.distance({"one flow": curve((0, 8), (50, 208))})
    assert "takes 0.5 ms" in differences.flows({"all flows": curve((1, 6), (101, 56))})
    assert "3 times as long takes 1.5 times" in differences.switches(
        {"one flow": curve((3, 10), (9, 15))}
    )


def test_the_order_that_loses_nothing_is_named() -> None:
    one = {"reverse order": curve((500, 0)), "forward order": curve((500, 9))}
    assert "Only “reverse order” loses nothing" in differences.orders(one)
    assert "Only" not in differences.orders({name: curve((500, 1)) for name in one})
