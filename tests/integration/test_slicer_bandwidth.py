"""The report's bandwidth control (4.2) on a real switch: slices that are changed on the way.

First by meters, then on a link that both senders share: by marks that its classes know, and by
meters again.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.measured_rates import TOLERANCE, expect_shared, measure
from tools.bandwidth_lab import REPORT_SCHEDULE, SHARED_SCHEDULE, BandwidthLab, IntervalRow

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BandwidthLab]:
    with BandwidthLab(tmp_path_factory.mktemp("bandwidth")) as one:
        yield one


def expect_held(rows: list[IntervalRow]) -> None:
    """Each sender has its limit, and more than the highest of them where there is none."""
    for row in rows:
        for rate, limit in ((row.a, row.limits.a), (row.b, row.limits.b)):
            if limit is None:
                assert rate > 6_600, rows
            else:
                assert rate == pytest.approx(limit, rel=TOLERANCE), rows


def test_two_udp_senders_have_what_their_slices_may_send(lab: BandwidthLab) -> None:
    measure(lambda: lab.run(("udp", "udp"), REPORT_SCHEDULE, seconds=2.0), expect_held)


def test_a_tcp_sender_beside_a_udp_sender_has_what_its_slice_may_send(lab: BandwidthLab) -> None:
    measure(lambda: lab.run(("tcp", "udp"), REPORT_SCHEDULE, seconds=2.0), expect_held)


@pytest.fixture(scope="module")
def shared(lab: BandwidthLab) -> BandwidthLab:
    """Return the same network with one link for both; tests of it come last."""
    lab.share_link()
    return lab


def test_by_marks_two_udp_senders_have_their_classes_of_a_link_that_they_share(
    shared: BandwidthLab,
) -> None:
    measure(
        lambda: shared.run(("udp", "udp"), SHARED_SCHEDULE, seconds=1.5, mode="ip_tos"),
        expect_shared,
    )


def test_by_marks_a_tcp_sender_has_its_class_although_a_udp_sender_fills_the_link(
    shared: BandwidthLab,
) -> None:
    schedule = SHARED_SCHEDULE[1:3]
    measure(
        lambda: shared.run(("tcp", "udp"), schedule, skip=3.0, seconds=2.0, mode="ip_tos"),
        expect_shared,
    )


def test_by_marks_two_tcp_senders_have_their_classes(shared: BandwidthLab) -> None:
    schedule = SHARED_SCHEDULE[1:3]
    measure(
        lambda: shared.run(("tcp", "tcp"), schedule, skip=3.0, seconds=2.0, mode="ip_tos"),
        expect_shared,
    )


def test_meters_hold_two_senders_on_a_link_that_they_share(shared: BandwidthLab) -> None:
    measure(lambda: shared.run(("udp", "udp"), REPORT_SCHEDULE[1:3], seconds=2.0), expect_shared)
