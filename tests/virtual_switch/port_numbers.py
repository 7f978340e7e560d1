"""Numbers of ports as 1.3 has them, 32 bits wide, on both versions (1.3.5 section 7.2.1)."""

from __future__ import annotations

from horizon_ryu.wire import ofp10
from horizon_ryu.wire.ofp13 import OFPP
from horizon_ryu.wire.protocols import MAX_SHORT
from horizon_ryu.wire.versions import OPENFLOW_10

IN_PORT, TABLE, NORMAL = int(OFPP.IN_PORT), int(OFPP.TABLE), int(OFPP.NORMAL)
FLOOD, ALL, CONTROLLER = int(OFPP.FLOOD), int(OFPP.ALL), int(OFPP.CONTROLLER)
LOCAL, ANY, MAX = int(OFPP.LOCAL), int(OFPP.ANY), int(OFPP.MAX)
_MAX_10 = int(ofp10.OFPP.MAX)
_HIGH = ANY & ~MAX_SHORT


def widened(port_10: int) -> int:
    """Return the number of a port of 1.0."""
    return port_10 | _HIGH if port_10 >= _MAX_10 else port_10


def narrowed(version: int, port: int) -> int:
    """Return a port's number as ``version`` writes it."""
    return port & MAX_SHORT if version == OPENFLOW_10 else port


def as_wide(version: int, port: int) -> int:
    """Return the number that a message of ``version`` means."""
    return widened(port) if version == OPENFLOW_10 else port
