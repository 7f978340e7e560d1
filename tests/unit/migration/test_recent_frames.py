"""Frames that a machine may not have heard are kept for a while, and in order."""

from __future__ import annotations

import errno

import pytest

from xen_bridge.migration import parking
from xen_bridge.migration.parking import MOST_RECENT, RECENT_SECONDS, RecentFrames, is_for_many


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


def test_what_nobody_could_be_given_comes_first_again() -> None:
    recent = RecentFrames()
    recent.add([b"one", b"two", b"three"], 0.0)
    recent.put_back(recent.take(2))
    assert recent.take(3) == [b"one", b"two", b"three"]


class FullInterface:
    """Stands for a socket of an interface whose queue has room now and then."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.sent: list[bytes] = []

    def send(self, frame: bytes) -> None:
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.ENOBUFS, "No buffer space available")
        self.sent.append(frame)


def test_a_frame_waits_for_room_in_a_short_queue() -> None:
    """That of a virtual interface of Xen's is 32 frames long."""
    made = FullInterface(3)
    parking._send(made, b"frame")  # type: ignore[arg-type]
    assert made.sent == [b"frame"]


@pytest.mark.parametrize(
    ("frame", "many"),
    [
        (bytes(10) + bytes.fromhex("01005e000005"), True),
        (bytes(10) + b"\xff" * 6, True),
        (bytes(10) + bytes.fromhex("0200000000aa"), False),
        (bytes(10), False),
        (b"\xff" * 3, False),
    ],
)
def test_what_is_for_many_is_told_by_the_frame_behind_its_header(frame: bytes, many: bool) -> None:
    assert is_for_many(frame) is many
