"""Names in configuration files: every section and option is known, or refused with the nearest.

oslo.config passes over what it does not know, so that a misspelt option keeps its default: TLS
becomes plain TCP. It knows a name only as it is written: not with dashes, not in capitals.
"""

from __future__ import annotations

import configparser
import difflib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from horizon_ryu.core.errors import InvalidInput

_FEW = 16
"""Names that may be listed where none is near."""


def check_names(path: Path, known: Mapping[str, Collection[str]]) -> None:
    """Raise InvalidInput for a section or an option in the file that is not ``known``."""
    for section, names in _sections_of(path):
        if section not in known:
            raise InvalidInput((section,), f"no such section{_instead(section, known)}")
        for name in names:
            if name not in known[section]:
                reason = f"no such option{_instead(name, known[section])}"
                raise InvalidInput((section, name), reason + _elsewhere(name, known))


def _sections_of(path: Path) -> Iterator[tuple[str, list[str]]]:
    # No default section: what is in [DEFAULT] is not inherited by the others.
    parser = configparser.ConfigParser(
        interpolation=None, strict=False, allow_no_value=True, default_section=""
    )
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # names as written
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    except OSError as error:
        raise InvalidInput((str(path),), error.strerror or str(error)) from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise InvalidInput((str(path),), " ".join(str(error).split())) from error
    for section in parser.sections():
        yield section, parser.options(section)


def _instead(name: str, known: Collection[str]) -> str:
    by_form = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower().replace("-", "_"), by_form, 1)
    if near:
        return f"; did you mean {by_form[near[0]]}?"
    return f"; there are {', '.join(sorted(known))}" if len(known) <= _FEW else ""


def _elsewhere(name: str, known: Mapping[str, Collection[str]]) -> str:
    places = sorted(section for section, names in known.items() if name in names)
    return f"; there is one in [{'], ['.join(places)}]" if places else ""
