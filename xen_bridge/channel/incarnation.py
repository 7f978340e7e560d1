"""Incarnation: a number that grows with each start of a program, kept in a file.

Its low bits are chance: when the file was lost and the clock set back, a number that is taken by
guess is not one that an earlier start had.
"""

from __future__ import annotations

import logging
import secrets
import time
from pathlib import Path

from xen_bridge.atomic_write import replace_file
from xen_bridge.protocol.documents.channel import MAX_INCARNATION

LOG = logging.getLogger(__name__)
FILE = "incarnation"
CHANCE_BITS = 20


def next_incarnation(path: Path) -> int:
    """Return a number above all that ``path`` ever kept, and keep it.

    It follows the clock, in milliseconds, unless that was set back: so it grows, most likely,
    even when the file was lost, or cannot be kept, which is told: a router's disk may be one that
    is only read.
    """
    clock = int(time.time() * 1000) << CHANCE_BITS
    made = above(max(_kept(path), clock))
    try:
        replace_file(path, f"{made}\n")
    except OSError as error:
        LOG.warning("%s cannot be kept, the clock is followed: %s", path, error.strerror)
    return made


def above(incarnation: int) -> int:
    """Return a greater incarnation that no start of this program had, but for rare chance."""
    counted = (incarnation >> CHANCE_BITS) + 1
    return counted << CHANCE_BITS | secrets.randbits(CHANCE_BITS)


def _kept(path: Path) -> int:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return 0
    kept = int(text) if text.isdecimal() and len(text) < 20 else 0
    return kept if kept < MAX_INCARNATION else 0
