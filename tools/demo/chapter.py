"""A step of the demonstration: what is going on, then how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from horizon_ryu.cli.terminal import Terminal, styled


@contextmanager
def chapter(console: Terminal, title: str) -> Iterator[None]:
    """Show ``title`` while the block runs, and that it was true when it has ended."""
    started = time.monotonic()
    with console.status(f"{title} ..."):
        yield
    took = styled(f"({time.monotonic() - started:.1f} s)", "dim")
    console.print(styled("ok", "green"), title, took)
