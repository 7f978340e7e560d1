"""Records of a table as text: one a line for programs, one a block where a table does not fit."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from horizon_ryu.cli.terminal_text import printable

_GAP = "  "
_EMPTY = "-"
"""What stands in an empty cell of a line, so that columns can be counted."""


def as_lines(table: Table) -> Text:
    """Return a table with one record a line: aligned, without a frame, nothing wrapped or cut."""
    rows = _rows(table)
    if table.show_header:
        rows.insert(0, _headers(table))
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = [*_title(table), *(_line(row, widths) for row in rows)]
    return Text("\n".join(lines), no_wrap=True, overflow="ignore", end="\n")


def as_blocks(table: Table) -> Text:
    """Return a table with one record a block: its first cell, and below it ``name: value``."""
    headers, rows = _headers(table), _rows(table)
    lines = _title(table)
    if not rows:
        lines.append("none")
    for row in rows:
        lines.append(f"{headers[0]} {row[0]}".strip())
        pairs = zip(headers[1:], row[1:], strict=True)
        lines.extend(_GAP + (f"{name}: {cell}" if name else cell) for name, cell in pairs)
    return Text("\n".join(lines), overflow="fold", end="\n")


def _title(table: Table) -> list[str]:
    return [_text(table.title)] if table.title else []


def _headers(table: Table) -> list[str]:
    return [_text(column.header) for column in table.columns]


def _rows(table: Table) -> list[list[str]]:
    columns = [list(column.cells) for column in table.columns]
    return [[_text(cell) or _EMPTY for cell in row] for row in zip(*columns, strict=True)]


def _text(cell: RenderableType) -> str:
    """Return a cell on one line; the lines of one that has several are separated by commas."""
    if isinstance(cell, Text):
        return ", ".join(map(printable, cell.plain.split("\n")))
    return printable(str(cell))


def _line(row: list[str], widths: list[int]) -> str:
    return _GAP.join(_padded(row, widths)).rstrip()


def _padded(row: list[str], widths: list[int]) -> Iterator[str]:
    for cell, width in zip(row, widths, strict=True):
        yield cell + " " * (width - cell_len(cell))
