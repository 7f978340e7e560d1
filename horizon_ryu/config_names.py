"""Names in configuration files: every section and option is known, or refused with the nearest.

oslo.config passes over what it does not know, so that a misspelt option keeps its default: TLS
becomes plain TCP. It knows a name only as it is written: not with dashes, not in capitals. Of an
option that is given twice it passes over the first, and what looks like a comment behind a value
it takes for a part of that: of a file's name, say.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from oslo_config import cfg, iniparser

from horizon_ryu.core.errors import InvalidInput

_MANY = frozenset({"app"})
"""Ryu's option that may be given more than once: each is one more."""
_COMMENT = re.compile(r"\s[#;]")
_FEW = 16
"""Names that may be listed where none is near."""


def check_names(path: Path, known: Mapping[str, Collection[str]]) -> None:
    """Raise InvalidInput for what the file says in vain.

    That is a section or an option that is not ``known``, an option that is given twice, and a
    comment behind a value.
    """
    for section, names in _sections_of(path):
        if section not in known:
            raise InvalidInput((section,), f"no such section{_instead(section, known)}")
        for name, values in names.items():
            if name not in known[section]:
                reason = f"no such option{_instead(name, known[section])}"
                raise InvalidInput((section, name), reason + _elsewhere(name, known))
            _check_values(section, name, values)


def _check_values(section: str, name: str, values: Collection[str]) -> None:
    if len(values) > 1 and name not in _MANY:
        raise InvalidInput((section, name), "given twice; only the last would count")
    if any(_COMMENT.search(value) for value in values):
        raise InvalidInput((section, name), "a comment needs a line of its own")


def _sections_of(path: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield each section with the values of its options, as oslo.config itself reads the file."""
    sections: dict[str, dict[str, list[str]]] = {}
    try:
        cfg.ConfigParser(str(path), sections).parse()
    except OSError as error:
        raise InvalidInput((str(path),), error.strerror or str(error)) from error
    except (cfg.Error, iniparser.ParseError, UnicodeDecodeError) as error:
        raise InvalidInput((str(path),), " ".join(str(error).split())) from error
    yield from sections.items()


def _instead(name: str, known: Collection[str]) -> str:
    by_form = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower().replace("-", "_"), by_form, 1)
    if near:
        return f"; did you mean {by_form[near[0]]}?"
    return f"; there are {', '.join(sorted(known))}" if len(known) <= _FEW else ""


def _elsewhere(name: str, known: Mapping[str, Collection[str]]) -> str:
    places = sorted(section for section, names in known.items() if name in names)
    return f"; there is one in [{'], ['.join(places)}]" if places else ""
