"""Options of configuration files that the pages and the package show: they exist."""

from __future__ import annotations

import configparser
import itertools
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest

from horizon_ryu import settings
from horizon_ryu.ryu_options import read_as_ryu_manager
from horizon_ryu.settings import Settings
from unit.docs.shown_pages import PAGES, PROJECT, all_blocks, prose

_PACKAGED = sorted((PROJECT / "deploy").rglob("*.conf"))
_COMMENTED = re.compile(r"^# (?=[a-z_]+ = )", re.MULTILINE)
_IN_SECTION = re.compile(
    r"((?:``[a-z_]+(?: = [^`]+)?``(?:, | and )?)+),?(?: both)? in ``\[([a-z_]+)\]``"
)
_NAME = re.compile(r"``([a-z_]+)(?: = [^`]+)?``")


def _files() -> Iterator[tuple[str, str]]:
    """Yield where a configuration file is shown, and its text with what is commented out."""
    for block in all_blocks():
        if block.language == "ini":
            yield block.where, block.text
    for path in _PACKAGED:
        yield str(path), _COMMENTED.sub("", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("where", "text"), list(_files()), ids=itertools.count())
def test_each_file_that_is_shown_is_read(where: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "shown.conf"
    path.write_text(text, encoding="utf-8")
    conf = read_as_ryu_manager(str(path))
    settings.load(conf)
    shown = configparser.ConfigParser()
    shown.read_string(text)
    for name in shown.defaults():
        assert hasattr(conf, name), f"{where}: {name}"


def test_each_option_that_prose_names_with_its_section_is_one() -> None:
    known = {
        (section, item.name)
        for section, group in get_type_hints(Settings).items()
        for item in fields(group)
    }
    named = {
        (page.name, section, name)
        for page in PAGES
        for names, section in _IN_SECTION.findall(prose(page))
        for name in _NAME.findall(names)
    }
    assert len(named) > 8
    assert sorted(one for one in named if one[1:] not in known) == []
