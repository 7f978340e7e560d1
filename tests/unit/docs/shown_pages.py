"""Pages that we wrote, and what they say between double backquotes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tools.docs.blocks import Block, blocks, command_lines, commands

PROJECT = Path(__file__).resolve().parents[3]
_MADE = ("_build", "_generated")
_LITERAL = re.compile(r"``([^`]+)``")
PAGES = (
    PROJECT / "README.rst",
    *sorted(
        page
        for page in (PROJECT / "docs").rglob("*.rst")
        if not set(_MADE) & set(page.relative_to(PROJECT).parts)
    ),
)
_SHELL = ("", "console", "sh", "shell", "bash")
_DRAWN = "│"
"""In blocks that are pictures."""


def all_blocks() -> Iterator[Block]:
    """Yield the code blocks of all pages."""
    for page in PAGES:
        yield from blocks(page)


def shell_lines() -> Iterator[tuple[Block, str]]:
    """Yield each line of shell that is shown, and its block."""
    for block in all_blocks():
        if block.language in _SHELL and (block.language or _DRAWN not in block.text):
            for line in command_lines(block):
                yield block, line


def typed() -> Iterator[tuple[str, list[str]]]:
    """Yield where a command is shown to be typed, and its words."""
    for block, line in shell_lines():
        for words in commands(line):
            yield block.where, words


def prose(page: Path) -> str:
    """Return a page as one line, without its code blocks."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for block in blocks(page):
        lines[block.number - 1 : block.number - 1 + len(block.lines)] = [""] * len(block.lines)
    return " ".join(" ".join(lines).split())


def literals() -> Iterator[tuple[str, str]]:
    """Yield the name of a page and each literal of its prose."""
    for page in PAGES:
        for found in _LITERAL.finditer(prose(page)):
            yield str(page.relative_to(PROJECT)), found[1]
