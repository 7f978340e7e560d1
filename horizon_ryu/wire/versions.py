"""The versions of OpenFlow that are spoken, by their numbers on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

OPENFLOW_10 = 1
OPENFLOW_13 = 4

BODY_AT: Mapping[int, int] = MappingProxyType({OPENFLOW_10: 12, OPENFLOW_13: 16})
"""Where the body of a statistics (multipart) message begins (1.0.0 5.3.5, 1.3.5 7.3.5)."""
