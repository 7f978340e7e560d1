"""Frames that a machine may not have heard are kept for a while, and in order."""

from __future__ import annotations

from xen_bridge.migration.parking import MOST_RECENT, RECENT_SECONDS, RecentFrames


def test_what_came_long_before_is_forgotten_and_the_rest_is_in_order() -> None:
    recent = RecentFrames()
    recent.add([b"old"], 10.0)
    recent.add([b"one", b"two"], 10.1 + RECENT_SECONDS)
    recent.add([], 10.2 + RECENT_SECONDS)
    recent.add([b"three"], 10.3 + RECENT_SECONDS)
    assert recent.take(2) == [b"one", b"two"]
    assert recent.take(2) == [b"three"]
    assert recent.take(2) == []


def test_no_more_is_kept_than_there_is_room_for() -> None:
    recent = RecentFrames()
    recent.add((b"%d" % number for number in range(MOST_RECENT + 1)), 0.0)
    assert recent.take(1) == [b"1"]
