"""Commands that the pages show: their programs know the words and options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from tools.docs.blocks import commands
from tools.docs.command_pages import PROGRAMS
from unit.docs.shown_commands import complaint
from unit.docs.shown_pages import PROJECT, literals, typed

_UNFINISHED = (click.MissingParameter, click.BadOptionUsage, click.exceptions.NoArgsIsHelpError)
"""Complaints that a command has not been said to its end, as in prose."""
_PLACEHOLDER = re.compile(r"'[A-Z][A-Z_]+'")
"""A word that stands for another, in what click says about it."""
_FILES = ("slices.yaml", "horizon.conf", "r1.conf")
"""Which the pages say are there."""


@pytest.fixture(autouse=True)
def _files_of_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in _FILES:
        Path(name).touch()


def _ours(shown: Iterator[tuple[str, list[str]]]) -> Iterator[tuple[str, list[str]]]:
    for where, words in shown:
        bare = [word.rpartition("/")[2] for word in words[:1]] + words[1:]
        if bare and bare[0] in PROGRAMS:
            yield where, bare


def _in_prose() -> Iterator[tuple[str, list[str]]]:
    for where, text in literals():
        if text.split(" ")[0] in PROGRAMS:
            yield where, next(commands(text))


def _wrong_literals() -> Iterator[str]:
    for where, words in _in_prose():
        error = complaint(words)
        if error is not None and not isinstance(error, _UNFINISHED):
            yield f"{where}: {shlex.join(words)}: {error.format_message()}"


def _is_fault(error: click.UsageError) -> bool:
    """Say whether it is no word of the page that stands for another."""
    return not (isinstance(error, click.BadParameter) and _PLACEHOLDER.search(str(error.message)))


def test_each_command_that_is_shown_is_one() -> None:
    shown = list(_ours(typed()))
    assert len(shown) > 100
    wrong = [
        f"{where}: {shlex.join(words)}: {error.format_message()}"
        for where, words in shown
        if (error := complaint(words)) is not None and _is_fault(error)
    ]
    assert not wrong, "\n".join(wrong)


def test_each_command_that_prose_names_is_one() -> None:
    assert len(list(_in_prose())) > 20
    wrong = list(_wrong_literals())
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "line", ["horizonctl slices --nonsense list", "horizonctl hosts unfind 1", "xen-bridge serves"]
)
def test_a_command_that_is_none_is_noticed(line: str) -> None:
    assert complaint(line.split()) is not None


def test_each_target_of_make_is_one() -> None:
    known = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = [(where, words[1]) for where, words in typed() if words[0] == "make"]
    for where, text in literals():
        if text.startswith("make "):
            named.append((where, text.split()[1]))
    assert len(named) > 10
    assert [one for one in named if one[1] not in known] == []


def test_each_application_and_module_that_is_started_is_there() -> None:
    named = []
    for where, words in typed():
        if words[0].endswith("ryu-manager"):
            named += [(where, word) for word in words[1:] if word.startswith(("horizon_", "ryu."))]
        if "-m" in words and words[words.index("-m") - 1].rpartition("/")[2].startswith("python"):
            named.append((where, words[words.index("-m") + 1]))
    assert len(named) > 5
    assert [one for one in named if find_spec(one[1]) is None] == []
