"""Where a host's xen-bridge listens, as an operator writes it."""

from __future__ import annotations

import re

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.xen_hosts.errors import ours
from xen_bridge import client
from xen_bridge import errors as bridge

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
URL = rf"https://({_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]{{2,45}}\]):[0-9]{{1,5}}/?"
"""A name's labels are not empty and have 63 characters at most (RFC 1035, 2.3.4)."""


def checked_url(url: str) -> str:
    """Return ``url`` without a slash behind it; InvalidInput unless it is https://HOST:PORT."""
    if not re.fullmatch(URL, url):
        # Resolvers fail on such names in ways that tell nobody what is wrong.
        raise InvalidInput(("url",), "must be https://HOST:PORT and nothing more")
    try:
        return client.check_url(url)
    except bridge.InvalidInput as error:
        raise ours("", error) from error
