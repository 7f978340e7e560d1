"""Text form (XML, JSON), as those see it who write flow entries straight from bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class TextField(NamedTuple):
    """A member of an object: its name, its text or %-pattern, and whether that is a text."""

    name: str
    pattern: str
    quoted: bool = False


class Form(Protocol):
    """Puts members together. What it is given is safe: numbers, hex digits, names of ours."""

    joint: str
    """What stands between two members, and between two items."""

    def members(self, fields: Iterable[TextField]) -> str:
        """Return the members of an object; patterns stay patterns."""

    def absent(self, name: str) -> str:
        """Return a member that is not known."""

    def nested(self, name: str, inner: str) -> str:
        """Return a member that is an object."""

    def items(self, name: str, element: str, inners: Iterable[str]) -> str:
        """Return a member that is a list of objects."""

    def item(self, element: str, inner: str) -> str:
        """Return one object of a list."""


class JsonMembers:
    """Members as RFC 8259 has them, without white space."""

    joint = ","

    def members(self, fields: Iterable[TextField]) -> str:
        """Return members; see :class:`Form`."""
        return ",".join(
            f'"{name}":"{pattern}"' if quoted else f'"{name}":{pattern}'
            for name, pattern, quoted in fields
        )

    def absent(self, name: str) -> str:
        """Return null."""
        return f'"{name}":null'

    def nested(self, name: str, inner: str) -> str:
        """Return an object as a member."""
        return f'"{name}":{{{inner}}}'

    def items(self, name: str, element: str, inners: Iterable[str]) -> str:
        """Return a list as a member."""
        return f'"{name}":[{",".join(self.item(element, inner) for inner in inners)}]'

    def item(self, _element: str, inner: str) -> str:
        """Return an object."""
        return f"{{{inner}}}"
