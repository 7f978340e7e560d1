"""Lingering close: what a refused peer still sends is read before the connection is closed.

To close before it arrives is to reset the connection (RFC 1122, 4.2.2.13), which may overtake
and destroy the answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from xen_bridge.runtime.port import Runtime

LINGER_SECONDS, MAX_LINGER_READS = 1.0, 32
"""For a peer that was refused to end, and what it may still send."""
CHUNK = 64 * 1024


def drain(runtime: Runtime, read: Callable[[int], bytes]) -> None:
    """Read until the end, but neither for long nor much; errors are the peer's end."""
    with contextlib.suppress(OSError, ValueError), runtime.timeout(LINGER_SECONDS):
        for _ in range(MAX_LINGER_READS):
            if not read(CHUNK):
                return
