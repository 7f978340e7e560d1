"""Values in configuration files, as oslo.config reads them: what is wrong with one, in one line."""

from __future__ import annotations

import re
from typing import Any

from oslo_config import cfg

from horizon_ryu.core.errors import InvalidInput

_WHERE = re.compile(r"^Value for option \S+ from LocationInfo\(.*?\) is not valid: ", re.DOTALL)


def known_value(conf: cfg.ConfigOpts, name: str) -> Any:
    """Return an option, or a group of them; None for an option whose value is refused."""
    try:
        return conf[name]
    except (cfg.Error, ValueError):
        return None


def read_value(options: Any, section: str, name: str) -> Any:
    """Return the value of an option in a group; InvalidInput for one that cannot be taken."""
    try:
        value = options[name]
    except (cfg.Error, ValueError) as error:
        raise InvalidInput((section, name), _reason(error)) from error
    if "\0" in (value if isinstance(value, str) else "".join(map(str, _texts(value)))):
        raise InvalidInput((section, name), "there is a NUL in it")
    return value


def _reason(error: Exception) -> str:
    """Return in one line what is wrong with a value: its type, or a $name that is no option's."""
    if isinstance(error, cfg.TemplateSubstitutionError | cfg.NoSuchOptError):
        return f"{' '.join(str(error).split())}; write $$ for a dollar sign"
    # Where it stands is said by its name, better than by a dump of oslo.config's objects.
    return " ".join(_WHERE.sub("", str(error)).split())


def _texts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
