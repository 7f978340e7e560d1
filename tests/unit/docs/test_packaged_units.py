"""Units of systemd in the package: what they start exists, and says itself when it is ready."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import pytest

from tools.docs.command_pages import PROGRAMS
from unit.docs.shown_commands import complaint
from unit.docs.shown_pages import PROJECT

_UNITS = sorted((PROJECT / "deploy" / "systemd").glob("*.service"))
_DEFAULTS = PROJECT / "deploy" / "debian"


def _service(unit: Path) -> configparser.SectionProxy:
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(unit.read_text(encoding="utf-8"))
    return read["Service"]


def _words(unit: Path) -> list[str]:
    """Return what a unit starts, with the words of the package's file of defaults."""
    words = shlex.split(_service(unit)["ExecStart"])
    defaults = _DEFAULTS / f"{unit.stem}.default"
    if not defaults.is_file():
        return words
    lines = shlex.split(defaults.read_text(encoding="utf-8"), comments=True)
    given = {f"${name}": value for name, _, value in (line.partition("=") for line in lines)}
    return [part for word in words for part in (given[word].split() if word in given else [word])]


@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.stem)
def test_a_service_is_started_when_it_says_so(unit: Path) -> None:
    service = _service(unit)
    assert service["Type"] == "notify"
    assert service["NotifyAccess"] == "main"


@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.stem)
def test_what_a_unit_starts_is_a_command(unit: Path) -> None:
    program, *words = _words(unit)
    name = Path(program).name
    assert not any(word.startswith("$") for word in words)
    if name in PROGRAMS:
        assert complaint([name, *words]) is None
    else:
        assert name == "ryu-manager"


def test_there_is_a_unit_of_each_service() -> None:
    assert [unit.stem for unit in _UNITS] == [
        "horizon-agent",
        "horizon-bridge",
        "horizon-controller",
        "horizon-slicer",
    ]
