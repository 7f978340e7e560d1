"""A step of the demonstration: what is going on, then how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def chapter(console: Console, title: str) -> Iterator[None]:
    """Show ``title`` while the block runs, and that it was true when it has ended."""
    started = time.monotonic()
    with console.status(f"{title} ..."):
        yield
    console.print(f"[green]ok[/green] {title} [dim]({time.monotonic() - started:.1f} s)[/dim]")
