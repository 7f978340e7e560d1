"""Reads JSON as strictly as RFC 8259 allows: no duplicate key, no NaN, bounded nesting."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from horizon_ryu.core.errors import InvalidInput

MAX_DEPTH = 32
"""Of arrays and objects in each other; our deepest model needs a quarter of it."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


def check_json(data: bytes) -> None:
    """Refuse with InvalidInput what is not strict JSON; what passes, a model may then read.

    Duplicate keys and NaN are where two readers of the same bytes see different values.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(("body",), "not UTF-8") from error
    _check_depth(text)
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


def _check_depth(text: str) -> None:
    """Count before parsing: a parser that recurses would end in its own stack."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            raise InvalidInput(("body",), f"nested more than {MAX_DEPTH} deep")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
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
