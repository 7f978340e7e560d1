"""JSON bodies, read as strictly as RFC 8259 allows: no duplicate key, no NaN, bounded."""

from __future__ import annotations

import json
import math
import re
from array import array
from itertools import accumulate
from typing import Any, NoReturn

from horizon_ryu.core.errors import InvalidInput

MAX_DEPTH = 32
"""Of arrays and objects in each other; our deepest model needs a quarter of it."""
MAX_VALUES = 100_000
"""Commas in a body: reading a mebibyte of tiny values would hold up the switches."""
MAX_MEMBERS = 1000
"""Of one object: each that is unknown costs an error."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_NOT_TELLING = bytes(set(range(256)) - set(b'[{]}"'))
"""What tells nothing of brackets and strings where nothing is escaped."""


def check_json(data: bytes, most_values: int = MAX_VALUES) -> None:
    """Refuse with InvalidInput what is not strict JSON; what passes, a model may then read.

    Duplicate keys and NaN are where two readers of the same bytes see different values.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(("body",), "not UTF-8") from error
    if data.count(b",") > most_values:
        raise InvalidInput(("body",), f"more than {most_values} values")
    _check_depth(data)
    try:
        json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        raise InvalidInput(("body",), f"not JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(("body",), "not JSON: a number or a nesting is too large") from error


def _check_depth(data: bytes) -> None:
    """Count before parsing: a parser that recurses would end in its own stack.

    All is done a whole body at a time: a mebibyte of brackets must not hold up the switches.
    """
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return
    if b"\\" not in data:
        # Two quotes beside each other are a string, or the end of one and the beginning of the
        # next: without them each bracket is within a string, or not, as it was.
        data = data.translate(None, _NOT_TELLING).replace(b'""', b"")
    brackets = _STRING.sub(b"", data).translate(_STEPS, _NO_BRACKETS)
    if max(accumulate(array("b", brackets)), default=0) > MAX_DEPTH:
        raise InvalidInput(("body",), f"nested more than {MAX_DEPTH} deep")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_MEMBERS:
        raise InvalidInput(("body",), f"an object of more than {MAX_MEMBERS} members")
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidInput((name,), "given twice")
        found[name] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidInput(("body",), f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InvalidInput(("body",), f"{text[:40]} is too large")
    return value
