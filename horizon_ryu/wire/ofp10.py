"""Enumerations of OpenFlow 1.0, by the specification's names (1.0.0 and 1.0.1, section 5).

``OFPT_HELLO`` of the specification is ``OFPT.HELLO`` here. Names that would begin with a digit
have ``SPEED_`` before it. Loops over bytes bind plain ints when they are imported, since looking
a member up costs more than comparing with it.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

OFP_NO_BUFFER = 0xFFFF_FFFF
OFP_VLAN_NONE = 0xFFFF
"""``dl_vlan`` of frames without a tag (section 5.2.3)."""
OFPQ_ALL = 0xFFFF_FFFF
OFPTT_ALL = 0xFF
"""``table_id`` of a flow statistics request that means every table (section 5.3.5)."""


class OFPT(IntEnum):
    """Types of messages (section 5.1)."""

    HELLO = 0
    ERROR = 1
    ECHO_REQUEST = 2
    ECHO_REPLY = 3
    VENDOR = 4
    FEATURES_REQUEST = 5
    FEATURES_REPLY = 6
    GET_CONFIG_REQUEST = 7
    GET_CONFIG_REPLY = 8
    SET_CONFIG = 9
    PACKET_IN = 10
    FLOW_REMOVED = 11
    PORT_STATUS = 12
    PACKET_OUT = 13
    FLOW_MOD = 14
    PORT_MOD = 15
    STATS_REQUEST = 16
    STATS_REPLY = 17
    BARRIER_REQUEST = 18
    BARRIER_REPLY = 19
    QUEUE_GET_CONFIG_REQUEST = 20
    QUEUE_GET_CONFIG_REPLY = 21


class OFPP(IntEnum):
    """Ports that are no ports (section 5.2.1)."""

    MAX = 0xFF00
    IN_PORT = 0xFFF8
    TABLE = 0xFFF9
    NORMAL = 0xFFFA
    FLOOD = 0xFFFB
    ALL = 0xFFFC
    CONTROLLER = 0xFFFD
    LOCAL = 0xFFFE
    NONE = 0xFFFF


class OFPPC(IntFlag):
    """Configuration of a port (section 5.2.1)."""

    PORT_DOWN = 1 << 0
    NO_STP = 1 << 1
    NO_RECV = 1 << 2
    NO_RECV_STP = 1 << 3
    NO_FLOOD = 1 << 4
    NO_FWD = 1 << 5
    NO_PACKET_IN = 1 << 6


class OFPPS(IntFlag):
    """State of a port (section 5.2.1); bits 8 and 9 are a number, the state of spanning tree."""

    STP_LISTEN = 0
    LINK_DOWN = 1 << 0
    STP_LEARN = 1 << 8
    STP_FORWARD = 2 << 8
    STP_BLOCK = 3 << 8
    STP_MASK = 3 << 8


class OFPPF(IntFlag):
    """Features of a port (section 5.2.1)."""

    SPEED_10MB_HD = 1 << 0
    SPEED_10MB_FD = 1 << 1
    SPEED_100MB_HD = 1 << 2
    SPEED_100MB_FD = 1 << 3
    SPEED_1GB_HD = 1 << 4
    SPEED_1GB_FD = 1 << 5
    SPEED_10GB_FD = 1 << 6
    COPPER = 1 << 7
    FIBER = 1 << 8
    AUTONEG = 1 << 9
    PAUSE = 1 << 10
    PAUSE_ASYM = 1 << 11


class OFPQT(IntEnum):
    """Properties of a queue (section 5.2.2)."""

    NONE = 0
    MIN_RATE = 1


class OFPFW(IntFlag):
    """Wildcards of a match (section 5.2.3); a network's are the number of its free low bits."""

    IN_PORT = 1 << 0
    DL_VLAN = 1 << 1
    DL_SRC = 1 << 2
    DL_DST = 1 << 3
    DL_TYPE = 1 << 4
    NW_PROTO = 1 << 5
    TP_SRC = 1 << 6
    TP_DST = 1 << 7
    NW_SRC_ALL = 32 << 8
    NW_SRC_MASK = 63 << 8
    NW_DST_ALL = 32 << 14
    NW_DST_MASK = 63 << 14
    DL_VLAN_PCP = 1 << 20
    NW_TOS = 1 << 21
    ALL = (1 << 22) - 1


OFPFW_NW_SRC_SHIFT = 8
OFPFW_NW_DST_SHIFT = 14
OFPFW_NW_BITS = 6


class OFPAT(IntEnum):
    """Actions (section 5.2.4)."""

    OUTPUT = 0
    SET_VLAN_VID = 1
    SET_VLAN_PCP = 2
    STRIP_VLAN = 3
    SET_DL_SRC = 4
    SET_DL_DST = 5
    SET_NW_SRC = 6
    SET_NW_DST = 7
    SET_NW_TOS = 8
    SET_TP_SRC = 9
    SET_TP_DST = 10
    ENQUEUE = 11
    VENDOR = 0xFFFF


class OFPC(IntFlag):
    """Capabilities of a switch (section 5.3.1)."""

    FLOW_STATS = 1 << 0
    TABLE_STATS = 1 << 1
    PORT_STATS = 1 << 2
    STP = 1 << 3
    RESERVED = 1 << 4
    IP_REASM = 1 << 5
    QUEUE_STATS = 1 << 6
    ARP_MATCH_IP = 1 << 7


class OFPC_FRAG(IntEnum):
    """What becomes of IP fragments (section 5.3.2)."""

    NORMAL = 0
    DROP = 1
    REASM = 2
    MASK = 3


class OFPFC(IntEnum):
    """Commands of a flow-mod (section 5.3.3)."""

    ADD = 0
    MODIFY = 1
    MODIFY_STRICT = 2
    DELETE = 3
    DELETE_STRICT = 4


class OFPFF(IntFlag):
    """Flags of a flow-mod (section 5.3.3)."""

    SEND_FLOW_REM = 1 << 0
    CHECK_OVERLAP = 1 << 1
    EMERG = 1 << 2


class OFPST(IntEnum):
    """Types of statistics (section 5.3.5)."""

    DESC = 0
    FLOW = 1
    AGGREGATE = 2
    TABLE = 3
    PORT = 4
    QUEUE = 5
    VENDOR = 0xFFFF


class OFPSF(IntFlag):
    """Flags of a statistics reply (section 5.3.5)."""

    REPLY_MORE = 1 << 0


class OFPR(IntEnum):
    """Why a frame comes to the controller (section 5.4.1)."""

    NO_MATCH = 0
    ACTION = 1


class OFPRR(IntEnum):
    """Why a flow entry was removed (section 5.4.2)."""

    IDLE_TIMEOUT = 0
    HARD_TIMEOUT = 1
    DELETE = 2


class OFPPR(IntEnum):
    """What happened to a port (section 5.4.3)."""

    ADD = 0
    DELETE = 1
    MODIFY = 2
