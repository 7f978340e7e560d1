"""Given names: those of virtual networks and of Xen hosts, as they are taken and as they are kept.

A store that somebody has changed may have others, which no document can carry.
"""

from __future__ import annotations

import re

from horizon_ryu.core.errors import InvalidInput

NETWORK_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Pattern of the name of a virtual network."""
XEN_HOST_NAME = r"[A-Za-z][A-Za-z0-9_.-]{0,62}"
"""Pattern of the name of a Xen host."""


def check_name(pattern: str, name: str) -> None:
    """Raise InvalidInput for a name that is none by ``pattern``."""
    if not re.fullmatch(pattern, name):
        raise InvalidInput(("name",), "no name that could have been given")
