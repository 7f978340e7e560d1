"""Journeys of data through the code: which modules a call passes, one after the other."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from itertools import groupby
from types import FrameType
from typing import Any

OURS = ("horizon_ryu.", "xen_bridge.")
_NOT_FUNCTIONS = ("<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>", "<lambda>")


def called(work: Callable[[], Any]) -> list[tuple[str, str]]:
    """Return module and name of each function of ours that ``work`` calls, in order."""
    calls: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        if event != "call" or code.co_name in _NOT_FUNCTIONS or code.co_filename == "<string>":
            return
        module = _module(frame)
        if module.startswith(OURS) and not _is_a_switchs(frame):
            calls.append((module, code.co_qualname))

    before = sys.getprofile()
    # What the collector of garbage calls in between is no part of the way.
    gc.disable()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    return calls


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _is_a_switchs(frame: FrameType) -> bool:
    """Tell whether a virtual switch called it: that is the other end of the wire."""
    above: FrameType | None = frame
    while above is not None and not _module(above).startswith("virtual_switch."):
        above = above.f_back
    return above is not None


def moves(calls: list[tuple[str, str]]) -> int:
    """Return how often a call is in another module than the call before it."""
    return len(list(groupby(calls, key=lambda call: call[0]))) - 1
