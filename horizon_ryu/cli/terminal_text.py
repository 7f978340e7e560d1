"""Text that no terminal obeys: one line, with escapes for what is not printable."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return ``text`` on one line, with escapes for what no terminal should be sent."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
