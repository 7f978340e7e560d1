"""Remote of Open vSwitch's database, as ``ovs-vsctl --db`` takes it."""

from __future__ import annotations

import re

from horizon_ryu.core.errors import InvalidInput

_HOST = r"(?:\[[0-9A-Fa-f:.]+(?:%\S+)?\]|[^\s:\[\]]+)"
_REMOTE = re.compile(rf"unix:.+|(?:tcp|ssl):{_HOST}:([0-9]{{1,5}})")
_LAST_PORT = 65_535


def check_remote(text: str) -> None:
    """Raise InvalidInput unless ``text`` is empty, ``unix:PATH`` or ``tcp:HOST:PORT``.

    Of one that is none nothing would ever be read, and nobody told.
    """
    found = _REMOTE.fullmatch(text)
    if text and (found is None or not 0 < int(found[1] or 1) <= _LAST_PORT):
        raise InvalidInput(
            ("stats", "ovsdb"), f"{text!r} is not unix:PATH or tcp:HOST:PORT, as tcp:127.0.0.1:6640"
        )
