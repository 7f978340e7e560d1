"""The terminal as programs of Horizon write on it: a text is data, and is shown as itself.

A ``str`` in whatever is printed has no markup and no emoji in it, and is one line: characters that
are not printable (control characters, escape sequences, marks that turn the direction of writing)
are shown as Python writes them, as ``\\x1b``. Style comes from :func:`styled` only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

from rich.console import (
    Console,
    ConsoleOptions,
    HighlighterType,
    JustifyMethod,
    OverflowMethod,
    RenderableType,
)
from rich.segment import Segment
from rich.status import Status
from rich.style import Style, StyleType
from rich.table import Table
from rich.text import Text, TextType

from horizon_ryu.cli.records import as_blocks, as_lines
from horizon_ryu.cli.terminal_text import printable

__all__ = ["Terminal", "printable", "stacked", "styled"]

NARROW = 80
"""Columns of a terminal; on a narrower one a table that does not fit becomes blocks."""
_MOST_FOLDED = 1.5
"""How much wider than a terminal a table may be whose cells are folded: else blocks read better."""
_ENDLESS = 1_000_000
"""Columns of what is no terminal: nothing is wrapped there."""


def styled(text: str, style: StyleType = "") -> Text:
    """Return ``text`` as data in that style."""
    return Text(printable(text), style)


def stacked(texts: Iterable[str]) -> Text:
    """Return texts, one a line, for one cell of a table."""
    return Text("\n").join(map(styled, texts))


class Terminal(Console):
    """A console to which every text is data."""

    def __init__(
        self,
        *,
        width: int | None = None,
        file: IO[str] | None = None,
        force_terminal: bool | None = None,
    ) -> None:
        super().__init__(
            width=width, file=file, force_terminal=force_terminal, markup=False, emoji=False
        )
        self._is_for_programs = width is None and force_terminal is None and not _is_tty(self.file)
        if self._is_for_programs:
            self.width = _ENDLESS

    def render_str(
        self,
        text: str,
        *,
        style: str | Style = "",
        justify: JustifyMethod | None = None,
        overflow: OverflowMethod | None = None,
        emoji: bool | None = None,
        markup: bool | None = None,
        highlight: bool | None = None,
        highlighter: HighlighterType | None = None,
    ) -> Text:
        """Return ``text`` as it is; whoever asks for markup or emoji does not get them."""
        del emoji, markup
        return super().render_str(
            printable(text),
            style=style,
            justify=justify,
            overflow=overflow,
            emoji=False,
            markup=False,
            highlight=highlight,
            highlighter=highlighter,
        )

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render as a console does; nothing but rich's own control codes gets through.

        A table has one record a line for programs, and one a block where it is too wide.
        """
        if isinstance(renderable, Table):
            renderable = self._as_it_fits(renderable)
        for segment in super().render(renderable, options):
            yield segment if segment.control else _harmless(segment)

    def rule(self, title: TextType = "", **how: Any) -> None:
        """Print a title with a line on both sides; for programs the title alone."""
        if self._is_for_programs:
            self.print(title)
        else:
            super().rule(title, **how)

    def _as_it_fits(self, table: Table) -> RenderableType:
        if self._is_for_programs:
            return as_lines(table)
        for column in table.columns:
            # What is cut off with an ellipsis cannot be copied.
            column.overflow = "fold"
        needed = self.measure(table, options=self.options.update(width=_ENDLESS)).maximum
        most = self.width if self.width < NARROW else _MOST_FOLDED * self.width
        return as_blocks(table) if table.show_header and needed > most else table

    def status(
        self,
        status: RenderableType,
        *,
        spinner: str = "dots",
        spinner_style: StyleType = "status.spinner",
        speed: float = 1.0,
        refresh_per_second: float = 12.5,
    ) -> Status:
        """Show that something goes on; rich itself would take a text for markup."""
        return super().status(
            styled(status) if isinstance(status, str) else status,
            spinner=spinner,
            spinner_style=spinner_style,
            speed=speed,
            refresh_per_second=refresh_per_second,
        )


def _is_tty(file: IO[str]) -> bool:
    return hasattr(file, "isatty") and file.isatty()


def _harmless(segment: Segment) -> Segment:
    """Return a segment with its line breaks, and escapes for all else that is not printable."""
    if segment.text.isprintable() or segment.text == "\n":
        return segment
    return Segment("\n".join(map(printable, segment.text.split("\n"))), segment.style)
