"""The report's bandwidth control (4.2) on a real switch: meters of slices, changed on the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.bandwidth_lab import REPORT_SCHEDULE, BandwidthLab, IntervalRow

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(300)]

TOLERANCE = 0.1


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
    expect_held(lab.run(("udp", "udp"), REPORT_SCHEDULE, seconds=2.0))


def test_a_tcp_sender_beside_a_udp_sender_has_what_its_slice_may_send(lab: BandwidthLab) -> None:
    expect_held(lab.run(("tcp", "udp"), REPORT_SCHEDULE, seconds=2.0))
