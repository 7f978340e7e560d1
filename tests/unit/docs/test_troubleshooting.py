"""Messages that the page of troubles explains: the programs print them, word for word."""

from __future__ import annotations

import re

import pytest

from unit.docs.printed_messages import is_printed, printed_messages
from unit.docs.shown_pages import PROJECT

_PAGE = PROJECT / "docs" / "troubleshooting.rst"
_TERM = re.compile(r"^``([^`]+)``$", re.MULTILINE)


@pytest.fixture(scope="module")
def messages() -> list[str]:
    return printed_messages()


def test_each_message_that_is_explained_is_one(messages: list[str]) -> None:
    explained = _TERM.findall(_PAGE.read_text(encoding="utf-8"))
    assert len(explained) > 20
    assert [one for one in explained if not is_printed(one, messages)] == []


@pytest.mark.parametrize(
    "quoted", ["cannot listen on … gate …", "a message that nobody prints", "no answer … why"]
)
def test_a_message_that_is_none_is_noticed(quoted: str, messages: list[str]) -> None:
    assert not is_printed(quoted, messages)
