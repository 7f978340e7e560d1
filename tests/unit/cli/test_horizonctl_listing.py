"""Nouns of horizonctl: every one of them lists and shows, said in full or in short."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner, Result

from horizon_ryu.cli.main import main
from unit.cli.in_memory import answered_by

FULL = {
    ("migrations", "list"): "/v1/migrations",
    ("migrations", "show", "5f3a"): "/v1/migrations/5f3a",
    ("stats", "list"): "/v1/stats",
    ("stats", "show", "1"): "/v1/stats/0000000000000001",
    ("stats", "show", "1", "--part", "flows"): "/v1/stats/0000000000000001/flows",
    ("measures", "list"): "/v1/nodes",
    ("measures", "show", "xen:a:b"): "/v1/nodes/xen:a:b/measures",
    ("hosts", "list"): "/v1/topology",
    ("hosts", "show", "00:00:00:00:00:01"): "/v1/topology/hosts/00:00:00:00:00:01",
    ("xen", "hosts", "list"): "/v1/xen/hosts",
    ("xen", "hosts", "show", "xen1"): "/v1/xen/hosts/xen1",
    ("xen", "domains", "list", "xen1"): "/v1/xen/hosts/xen1/domains",
    ("xen", "domains", "show", "xen1", "r1"): "/v1/xen/hosts/xen1/domains/r1",
    ("flows", "list"): "/v1/flows",
    ("flows", "show", "5f3a"): "/v1/flows/5f3a",
    ("networks", "list"): "/v1/networks",
    ("slices", "list"): "/v1/slices",
}
SHORT = {
    ("migrations",): ("migrations", "list"),
    ("migrations", "5f3a"): ("migrations", "show", "5f3a"),
    ("migrations", "--", "-x"): ("migrations", "show", "--", "-x"),
    ("migrations", "--", "list"): ("migrations", "show", "--", "list"),
    ("stats",): ("stats", "list"),
    ("stats", "1"): ("stats", "show", "1"),
    ("stats", "--part", "flows", "1"): ("stats", "show", "1", "--part", "flows"),
    ("measures",): ("measures", "list"),
    ("measures", "xen:a:b"): ("measures", "show", "xen:a:b"),
    ("xen", "hosts"): ("xen", "hosts", "list"),
    ("xen", "hosts", "xen1"): ("xen", "hosts", "show", "xen1"),
    ("xen", "domains", "xen1"): ("xen", "domains", "list", "xen1"),
    ("xen", "domains", "xen1", "r1"): ("xen", "domains", "show", "xen1", "r1"),
    ("xen", "domains", "--", "list"): ("xen", "domains", "list", "--", "list"),
}
LISTS = {key: [] for key in ("migrations", "nodes", "hosts", "domains", "flows", "networks")}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    paths: list[str] = []

    def request(method: str, url: str, **_options: Any) -> httpx.Response:
        paths.append(f"{method} {httpx.URL(url).raw_path.decode('ascii').partition('?')[0]}")
        return httpx.Response(200, content=json.dumps(LISTS), request=httpx.Request(method, url))

    answered_by(monkeypatch, request)
    return paths


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["--output", "json", *words])


@pytest.mark.parametrize("words", FULL, ids=" ".join)
def test_every_noun_lists_and_shows(words: tuple[str, ...], asked: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert asked == [f"GET {FULL[words]}"]


@pytest.mark.parametrize("words", SHORT, ids=" ".join)
def test_a_noun_alone_lists_and_a_noun_with_a_name_shows(
    words: tuple[str, ...], asked: list[str]
) -> None:
    short, said = run(*words), asked.copy()
    asked.clear()
    full = run(*SHORT[words])
    assert said == asked != []
    assert (short.output, short.exit_code) == (full.output, full.exit_code)


def test_every_group_that_lists_shows_too_and_the_reverse() -> None:
    def groups(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], set[str]]]:
        for name, command in group.commands.items():
            if isinstance(command, click.Group):
                yield (*names, name), set(command.commands)
                yield from groups(command, *names, name)

    found = dict(groups(main))
    assert found
    odd = {names for names, commands in found.items() if len(commands & {"list", "show"}) == 1}
    assert odd == set()


def test_help_is_of_the_noun() -> None:
    for words in (("migrations",), ("xen", "domains")):
        result = run(*words, "--help")
        assert result.exit_code == 0
        assert "list" in result.output
        assert "show" in result.output
