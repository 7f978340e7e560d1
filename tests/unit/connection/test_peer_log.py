from __future__ import annotations

import logging

import pytest

from horizon_ryu.openflow.peer_log import MAX_PEERS, PeerLog

LOG = logging.getLogger("test.peer_log")


def test_one_line_per_peer_and_interval(caplog: pytest.LogCaptureFixture) -> None:
    log = PeerLog(LOG, interval=60.0)
    for now in (0.0, 1.0, 59.0):
        log.report("10.0.0.1", now, "nonsense")
    log.report("10.0.0.2", 2.0, "nonsense")
    log.report("10.0.0.1", 61.0, "more nonsense")
    assert [record.getMessage() for record in caplog.records] == [
        "10.0.0.1: nonsense",
        "10.0.0.2: nonsense",
        "10.0.0.1: more nonsense (2 more like it since)",
    ]


def test_memory_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    log = PeerLog(LOG)
    for number in range(MAX_PEERS + 1):
        log.report(str(number), 0.0, "nonsense")
    log.report("0", 1.0, "forgotten, so it is logged again")
    assert len(caplog.records) == MAX_PEERS + 2
