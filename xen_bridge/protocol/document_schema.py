"""Document schema, from dataclasses: one declaration gives XML, JSON, the XSD and the checks.

A form is a frozen dataclass. Its fields become child elements in their order, named in CamelCase
unless :func:`document_field` names them; a tuple is a repeated element, a None is left out. No
attributes, as in the report's listings.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from lxml import etree

from xen_bridge.errors import InvalidRequest

Form = TypeVar("Form")
_WORD_END = re.compile(r"_([a-z0-9])")
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document_field(
    default: Any = MISSING,
    *,
    tag: str | None = None,
    least: float | None = None,
    most: float | None = None,
    pattern: str | None = None,
    empty: bool = False,
    inline: bool = False,
    at_least: int = 0,
    at_most: int | None = None,
    one_of: tuple[type[Any], ...] = (),
) -> Any:
    """Declare a field of a form.

    ``least`` and ``most`` bound a number (inclusive) or a text's length, ``at_least`` and
    ``at_most`` a tuple's; ``pattern`` is what a text must look like as a whole. ``empty`` writes
    None as an empty element. ``inline`` writes a tuple of forms without an element around each,
    and one with empty elements where there is none. ``one_of`` names the forms of which any may be
    the value; its own element is written inside the field's.
    """
    meta = {
        "tag": tag,
        "least": least,
        "most": most,
        "pattern": pattern,
        "empty": empty,
        "inline": inline,
        "at_least": at_least,
        "at_most": at_most,
        "one_of": one_of,
    }
    return dataclasses.field(default=default, metadata=meta)


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """What is known of one field: its name, its element, its type and its bounds."""

    name: str
    tag: str
    kind: Any
    """bool, int, float, str or a form; of one item where the field repeats."""
    choices: tuple[str, ...]
    repeated: bool
    optional: bool
    required: bool
    least: float | None
    most: float | None
    pattern: str | None
    empty: bool
    inline: bool
    at_least: int
    at_most: int | None
    one_of: tuple[type[Any], ...]


def field_infos(form: Any) -> tuple[FieldInfo, ...]:
    """Return the fields of ``form``, a dataclass, in order."""
    return _field_infos(form)


@cache
def _field_infos(form: Any) -> tuple[FieldInfo, ...]:
    hints = get_type_hints(form)
    return tuple(_field_info(item, hints[item.name]) for item in fields(form))


def _field_info(item: dataclasses.Field[Any], hint: Any) -> FieldInfo:
    meta: Mapping[str, Any] = {**_PLAIN, **item.metadata}
    optional = False
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
        optional = True
    repeated = get_origin(hint) is tuple
    kind = get_args(hint)[0] if repeated else hint
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    return FieldInfo(
        name=item.name,
        tag=meta["tag"] or camel_case(item.name),
        kind=str if choices else kind,
        choices=choices,
        repeated=repeated,
        optional=optional,
        required=item.default is MISSING and item.default_factory is MISSING,
        **{name: meta[name] for name in _PLAIN if name != "tag"},
    )


_PLAIN: Mapping[str, Any] = types.MappingProxyType(
    {
        "tag": None,
        "least": None,
        "most": None,
        "pattern": None,
        "empty": False,
        "inline": False,
        "at_least": 0,
        "at_most": None,
        "one_of": (),
    }
)


def camel_case(name: str) -> str:
    """Return ``cpu_time`` as ``CpuTime``."""
    return name[:1].upper() + _WORD_END.sub(lambda found: found[1].upper(), name[1:])


def tag_of(form: type) -> str:
    """Return the element of a form: its ``TAG``, else the name of its class."""
    return str(getattr(form, "TAG", form.__name__))


# ---- XML


def to_element(value: Any, tag: str | None = None) -> etree._Element:
    """Return the element of a form."""
    element = etree.Element(tag or tag_of(type(value)))
    _fill(element, value)
    return element


def _fill(element: etree._Element, value: Any) -> None:
    for item in field_infos(type(value)):
        found = getattr(value, item.name)
        if item.inline:
            _fill_inline(element, item, found)
        elif item.repeated:
            for one in found:
                _append(element, item, one)
        elif found is not None or item.empty:
            _append(element, item, found)


def _fill_inline(element: etree._Element, item: FieldInfo, found: tuple[Any, ...]) -> None:
    for one in found:
        _fill(element, one)
    if not found:
        for inner in field_infos(item.kind):
            etree.SubElement(element, inner.tag)


def _append(element: etree._Element, item: FieldInfo, value: Any) -> None:
    child = etree.SubElement(element, item.tag)
    if item.one_of:
        child.append(to_element(value))
    elif is_dataclass(value):
        _fill(child, value)
    elif value is not None:
        child.text = legal(as_text(value))


def as_text(value: object) -> str:
    """Return a plain value as the text of its element."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def from_element(form: type[Form], element: etree._Element) -> Form:
    """Return the form written in ``element``, whose schema has been checked.

    Raises InvalidRequest, with the path to the element, for what is not a value of the form.
    """
    return _read(form, list(element), (str(element.tag),))


def _read(form: type[Form], children: list[etree._Element], loc: tuple[str, ...]) -> Form:
    by_tag: dict[str, list[etree._Element]] = {}
    for child in children:
        by_tag.setdefault(str(child.tag), []).append(child)
    values: dict[str, Any] = {}
    for item in field_infos(form):
        if item.inline:
            values[item.name] = tuple(_read_inline(item, by_tag, loc))
        elif item.repeated:
            found = by_tag.get(item.tag, ())
            values[item.name] = tuple(_value(item, one, (*loc, item.tag)) for one in found)
        elif item.tag in by_tag:
            values[item.name] = _value(item, by_tag[item.tag][0], (*loc, item.tag))
        elif item.required:
            raise InvalidRequest((*loc, item.tag), "is missing")
    return form(**values)


def _read_inline(
    item: FieldInfo, by_tag: Mapping[str, list[etree._Element]], loc: tuple[str, ...]
) -> Iterator[Any]:
    tags = [inner.tag for inner in field_infos(item.kind)]
    for group in zip(*(by_tag.get(tag, ()) for tag in tags), strict=False):
        if any(child.text for child in group):
            yield _read(item.kind, list(group), loc)


def _value(item: FieldInfo, element: etree._Element, loc: tuple[str, ...]) -> Any:
    if item.one_of:
        return _chosen(item, element, loc)
    if is_dataclass(item.kind):
        form: Any = item.kind
        return _read(form, list(element), loc)
    text = element.text or ""
    if not text and (item.empty or item.optional):
        return None
    return _plain(item.kind, text, loc)


def _chosen(item: FieldInfo, element: etree._Element, loc: tuple[str, ...]) -> Any:
    for form in item.one_of:
        if len(element) == 1 and tag_of(form) == element[0].tag:
            return from_element(form, element[0])
    raise InvalidRequest(loc, f"must hold one of {', '.join(map(tag_of, item.one_of))}")


def _plain(kind: Any, text: str, loc: tuple[str, ...]) -> Any:
    if kind is str:
        return text
    if kind is bool:
        return text in ("1", "true")
    try:
        return kind(text)
    except (ValueError, OverflowError):
        raise InvalidRequest(loc, f"{text[:40]!r} is not a number") from None


# ---- JSON


def to_json(value: Any) -> Any:
    """Return a form as JSON values: snake_case names, tuples as lists."""
    return dataclasses.asdict(value, dict_factory=dict)


# ---- checks


def legal(text: str) -> str:
    """Return a text with all that XML cannot carry replaced (XML 1.0, 2.2)."""
    return _ILLEGAL.sub("\ufffd", text)


def check(value: Any, loc: tuple[str, ...] = ()) -> None:
    """Raise InvalidRequest, naming the field, unless every value of a form is within bounds."""
    for item in field_infos(type(value)):
        found = getattr(value, item.name)
        where = (*loc, item.name)
        if item.repeated:
            _check_count(item, found, where)
            for index, one in enumerate(found):
                _check_one(item, one, (*where, str(index)))
        elif found is not None:
            _check_one(item, found, where)
        elif not item.optional:
            raise InvalidRequest(where, "is missing")


def _check_count(item: FieldInfo, found: tuple[Any, ...], loc: tuple[str, ...]) -> None:
    if len(found) < item.at_least:
        raise InvalidRequest(loc, f"at least {item.at_least} needed")
    if item.at_most is not None and len(found) > item.at_most:
        raise InvalidRequest(loc, f"at most {item.at_most} allowed")


def _check_one(item: FieldInfo, value: Any, loc: tuple[str, ...]) -> None:
    if item.one_of:
        if not isinstance(value, item.one_of):
            raise InvalidRequest(loc, f"must be one of {', '.join(map(tag_of, item.one_of))}")
        check(value, loc)
    elif is_dataclass(item.kind):
        check(value, loc)
    elif item.kind is str:
        _check_text(item, value, loc)
    elif item.kind is not bool:
        _check_number(item, value, loc)


def _check_text(item: FieldInfo, value: Any, loc: tuple[str, ...]) -> None:
    if not isinstance(value, str):
        raise InvalidRequest(loc, "must be a text")
    if item.choices and value not in item.choices:
        raise InvalidRequest(loc, f"must be one of {', '.join(item.choices)}")
    if item.pattern and not re.fullmatch(item.pattern, value):
        raise InvalidRequest(loc, f"does not match {item.pattern}")
    _check_bounds(item, len(value), loc, " characters")
    if _ILLEGAL.search(value):
        raise InvalidRequest(loc, "has a character that XML cannot carry")


def _check_number(item: FieldInfo, value: Any, loc: tuple[str, ...]) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, item.kind)):
        raise InvalidRequest(
            loc, "must be a number" if item.kind is float else "must be an integer"
        )
    if not math.isfinite(value):
        raise InvalidRequest(loc, "must be finite")
    _check_bounds(item, value, loc)


def _check_bounds(item: FieldInfo, value: float, loc: tuple[str, ...], unit: str = "") -> None:
    least, most = item.least, item.most
    if (least is not None and value < least) or (most is not None and value > most):
        low = "" if least is None else f"at least {least:g}"
        high = "" if most is None else f"at most {most:g}"
        raise InvalidRequest(loc, f"must be {' and '.join(filter(None, (low, high)))}{unit}")
