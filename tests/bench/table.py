"""A table of figures: each of ours, its counterpart, and their ratio."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Figure(NamedTuple):
    """One measurement; None where it could not be taken.

    ``more_is_better`` decides which way the ratio reads: it is always "times better than".
    """

    name: str
    unit: str
    ours: float | None
    theirs: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times better ours is."""
        if not self.ours or not self.theirs:
            return None
        return self.ours / self.theirs if self.more_is_better else self.theirs / self.ours


_WIDTH = 64


def show(title: str, rival: str, figures: Iterable[Figure]) -> None:
    """Print each figure as it is measured."""
    print(f"\n{title}\n{'':{_WIDTH}} {'Horizon':>12} {rival:>18} {'ratio':>8}", flush=True)
    for figure in figures:
        name = f"  {figure.name} [{figure.unit}]"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.{1 if figure.ratio > 2 else 2}f} x"
        line = f"{name:{_WIDTH}} {text(figure.ours):>12} {text(figure.theirs):>18} {ratio:>8}"
        print(line.rstrip(), flush=True)


def text(value: float | None) -> str:
    """Return about three significant digits, with separators for thousands."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"
