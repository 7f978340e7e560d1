"""The two text forms of statistics, as streams: XML (report 3.3.2) and JSON.

Both write the same tree. An object is an iterable of (name, value); a value is a text, a number,
a truth value, None, an object (:class:`Nested`), a list (:class:`Items`) or a list that somebody
else has written already (:class:`Written`). What is None is null in JSON and left out in XML.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias
from xml.sax.saxutils import escape

from horizon_ryu.wire.stats.form import JsonMembers, TextField

Members: TypeAlias = Iterable[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Nested:
    """An object as a value; ``leaf`` says that all its members are plain values."""

    members: Members
    leaf: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list; in XML each item is one ``element``, and there is none around them."""

    element: str
    objects: Iterable[Nested]


@dataclass(frozen=True, slots=True)
class Prepared:
    """An object as a value of which all but the first member is a text already.

    Its text was made by the form's ``inner``.
    """

    name: str
    value: float | None
    rest: str


@dataclass(frozen=True, slots=True)
class Written:
    """Items that are written already, several in each text."""

    texts: Iterable[str]


class StatsForm(Protocol):
    """Writes a whole document as a stream of texts."""

    def document(self, root: str, members: Members) -> Iterator[str]:
        """Yield the document whose root has these members."""


class XmlForm:
    """Text elements without attributes."""

    joint = ""

    def members(self, fields: Iterable[TextField]) -> str:
        """Return elements; see :class:`horizon_ryu.wire.stats.form.Form`."""
        return "".join(f"<{name}>{pattern}</{name}>" for name, pattern, _ in fields)

    def absent(self, name: str) -> str:
        """Return nothing."""
        return ""

    def nested(self, name: str, inner: str) -> str:
        """Return an element around ``inner``."""
        return f"<{name}>{inner}</{name}>"

    def items(self, name: str, element: str, inners: Iterable[str]) -> str:
        """Return an element around one element per item."""
        return f"<{name}>{''.join(self.item(element, inner) for inner in inners)}</{name}>"

    def item(self, element: str, inner: str) -> str:
        """Return one item."""
        return f"<{element}>{inner}</{element}>"

    def document(self, root: str, members: Members) -> Iterator[str]:
        """Yield the document with its XML declaration."""
        yield '<?xml version="1.0" encoding="UTF-8"?>\n'
        yield from self._element(root, Nested(members))
        yield "\n"

    def number(self, name: str, value: float | str | None) -> str:
        """Return an element; a text is what stands for a number."""
        return "" if value is None else f"<{name}>{value}</{name}>"

    def inner(self, members: Members) -> str:
        """Return the members of an object as they stand in it."""
        return "".join(text for name, value in members for text in self._element(name, value))

    def _element(self, name: str, value: Any) -> Iterator[str]:
        if isinstance(value, Items):
            for item in value.objects:
                yield from self._element(value.element, item)
        elif isinstance(value, Written):
            yield from value.texts
        elif isinstance(value, Nested):
            yield f"<{name}>"
            if value.leaf:
                yield "".join(map(_plain, value.members))
            else:
                for inner, given in value.members:
                    yield from self._element(inner, given)
            yield f"</{name}>"
        elif isinstance(value, Prepared):
            yield f"<{name}>{_plain((value.name, value.value))}{value.rest}</{name}>"
        else:
            yield _plain((name, value))


def _plain(member: tuple[str, Any]) -> str:
    name, value = member
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"<{name}>{'true' if value else 'false'}</{name}>"
    return f"<{name}>{escape(value) if isinstance(value, str) else value}</{name}>"


class JsonForm(JsonMembers):
    """RFC 8259 without white space."""

    def document(self, _root: str, members: Members) -> Iterator[str]:
        """Yield the document; JSON does not name its root."""
        yield from self._value(Nested(members))
        yield "\n"

    def number(self, name: str, value: float | str | None) -> str:
        """Return a member; a text is what stands for a number."""
        return f'"{name}":{"null" if value is None else value}'

    def inner(self, members: Members) -> str:
        """Return the members of an object as they stand in it."""
        return "".join(self._object(members))[1:-1]

    def _value(self, value: Any) -> Iterator[str]:
        if isinstance(value, Nested):
            if value.leaf:
                yield json.dumps(dict(value.members), ensure_ascii=False, separators=(",", ":"))
            else:
                yield from self._object(value.members)
        elif isinstance(value, Items):
            yield from self._list(self._value(item) for item in value.objects)
        elif isinstance(value, Prepared):
            rest = f",{value.rest}" if value.rest else ""
            yield f'{{"{value.name}":{json.dumps(value.value)}{rest}}}'
        elif isinstance(value, Written):
            yield from self._list((text,) for text in value.texts)
        else:
            yield json.dumps(value, ensure_ascii=False)

    def _object(self, members: Members) -> Iterator[str]:
        opening = "{"
        for name, value in members:
            yield f'{opening}"{name}":'
            yield from self._value(value)
            opening = ","
        yield "}" if opening == "," else "{}"

    def _list(self, items: Iterable[Iterable[str]]) -> Iterator[str]:
        opening = "["
        for item in items:
            yield opening
            yield from item
            opening = ","
        yield "]" if opening == "," else "[]"
