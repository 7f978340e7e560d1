"""Depth of JSON bodies: what is in strings counts for nothing, escaped or not."""

from __future__ import annotations

import json
import random

import pytest

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.http.json_body import MAX_DEPTH, check_json

_PIECES = ("[", "{", "]", "}", "", "a", "é", ",", ":")
_ESCAPED = (*_PIECES, '"', "\\", "\n")


def _nested(rng: random.Random, depth: int, pieces: tuple[str, ...]) -> object:
    """Return lists and objects of a depth, with texts of many brackets in them and beside."""

    def text() -> str:
        return "".join(rng.choices(pieces, k=rng.randrange(4)))

    found: object = text()
    for _ in range(depth):
        is_list = rng.random() < 0.5
        found = [text(), found, text(), text()] if is_list else {"a" + text(): found, "b": text()}
    return found


@pytest.mark.parametrize("pieces", [_PIECES, _ESCAPED])
def test_only_what_is_nested_is_counted(pieces: tuple[str, ...]) -> None:
    rng = random.Random(5)
    for _ in range(300):
        depth = rng.randrange(MAX_DEPTH - 2, MAX_DEPTH + 3)
        body = json.dumps(_nested(rng, depth, pieces), ensure_ascii=False).encode()
        if depth <= MAX_DEPTH:
            check_json(body)
        else:
            with pytest.raises(InvalidInput, match="deep"):
                check_json(body)


@pytest.mark.parametrize(
    "ahead", [b"", b'"', b'""', b'"["', b'["", "]", ', b'"]" ', b"\\", b'"\\"']
)
def test_a_thousand_brackets_are_never_parsed(ahead: bytes) -> None:
    for deep in (b"[" * 100_000, b'{"":' * 100_000):
        with pytest.raises(InvalidInput):
            check_json(ahead + deep)
