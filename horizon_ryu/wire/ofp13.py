"""Enumerations of OpenFlow 1.3, by the specification's names (1.3.5, section 7).

``OFPT_HELLO`` of the specification is ``OFPT.HELLO`` here. Names that would begin with a digit
have ``SPEED_`` before it. Loops over bytes bind plain ints when they are imported, since looking
a member up costs more than comparing with it.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

OFP_NO_BUFFER = 0xFFFF_FFFF
OFPQ_ALL = 0xFFFF_FFFF
ONF_EXPERIMENTER_ID = 0x4F4E_4600
"""The Open Networking Foundation's own, of its extensions to 1.3."""


class OFPT(IntEnum):
    """Types of messages (section 7.1)."""

    HELLO = 0
    ERROR = 1
    ECHO_REQUEST = 2
    ECHO_REPLY = 3
    EXPERIMENTER = 4
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
    GROUP_MOD = 15
    PORT_MOD = 16
    TABLE_MOD = 17
    MULTIPART_REQUEST = 18
    MULTIPART_REPLY = 19
    BARRIER_REQUEST = 20
    BARRIER_REPLY = 21
    QUEUE_GET_CONFIG_REQUEST = 22
    QUEUE_GET_CONFIG_REPLY = 23
    ROLE_REQUEST = 24
    ROLE_REPLY = 25
    GET_ASYNC_REQUEST = 26
    GET_ASYNC_REPLY = 27
    SET_ASYNC = 28
    METER_MOD = 29


class OFPHET(IntEnum):
    """Elements of a Hello (section 7.5.1)."""

    VERSIONBITMAP = 1


class OFPP(IntEnum):
    """Ports that are no ports (section 7.2.1)."""

    MAX = 0xFFFF_FF00
    IN_PORT = 0xFFFF_FFF8
    TABLE = 0xFFFF_FFF9
    NORMAL = 0xFFFF_FFFA
    FLOOD = 0xFFFF_FFFB
    ALL = 0xFFFF_FFFC
    CONTROLLER = 0xFFFF_FFFD
    LOCAL = 0xFFFF_FFFE
    ANY = 0xFFFF_FFFF


class OFPPC(IntFlag):
    """Configuration of a port (section 7.2.1)."""

    PORT_DOWN = 1 << 0
    NO_RECV = 1 << 2
    NO_FWD = 1 << 5
    NO_PACKET_IN = 1 << 6


class OFPPS(IntFlag):
    """State of a port (section 7.2.1)."""

    LINK_DOWN = 1 << 0
    BLOCKED = 1 << 1
    LIVE = 1 << 2


class OFPPF(IntFlag):
    """Features of a port (section 7.2.1)."""

    SPEED_10MB_HD = 1 << 0
    SPEED_10MB_FD = 1 << 1
    SPEED_100MB_HD = 1 << 2
    SPEED_100MB_FD = 1 << 3
    SPEED_1GB_HD = 1 << 4
    SPEED_1GB_FD = 1 << 5
    SPEED_10GB_FD = 1 << 6
    SPEED_40GB_FD = 1 << 7
    SPEED_100GB_FD = 1 << 8
    SPEED_1TB_FD = 1 << 9
    OTHER = 1 << 10
    COPPER = 1 << 11
    FIBER = 1 << 12
    AUTONEG = 1 << 13
    PAUSE = 1 << 14
    PAUSE_ASYM = 1 << 15


class OFPQT(IntEnum):
    """Properties of a queue (section 7.2.2)."""

    MIN_RATE = 1
    MAX_RATE = 2
    EXPERIMENTER = 0xFFFF


class OFPIT(IntEnum):
    """Instructions (section 7.2.4)."""

    GOTO_TABLE = 1
    WRITE_METADATA = 2
    WRITE_ACTIONS = 3
    APPLY_ACTIONS = 4
    CLEAR_ACTIONS = 5
    METER = 6
    EXPERIMENTER = 0xFFFF


class OFPAT(IntEnum):
    """Actions (section 7.2.5)."""

    OUTPUT = 0
    COPY_TTL_OUT = 11
    COPY_TTL_IN = 12
    SET_MPLS_TTL = 15
    DEC_MPLS_TTL = 16
    PUSH_VLAN = 17
    POP_VLAN = 18
    PUSH_MPLS = 19
    POP_MPLS = 20
    SET_QUEUE = 21
    GROUP = 22
    SET_NW_TTL = 23
    DEC_NW_TTL = 24
    SET_FIELD = 25
    PUSH_PBB = 26
    POP_PBB = 27
    EXPERIMENTER = 0xFFFF


class OFPCML(IntEnum):
    """``max_len`` of an output to the controller (section 7.2.5)."""

    MAX = 0xFFE5
    NO_BUFFER = 0xFFFF


class OFPC(IntFlag):
    """Capabilities of a switch (section 7.3.1)."""

    FLOW_STATS = 1 << 0
    TABLE_STATS = 1 << 1
    PORT_STATS = 1 << 2
    GROUP_STATS = 1 << 3
    IP_REASM = 1 << 5
    QUEUE_STATS = 1 << 6
    PORT_BLOCKED = 1 << 8


class OFPC_FRAG(IntEnum):
    """What becomes of IP fragments (section 7.3.2)."""

    NORMAL = 0
    DROP = 1
    REASM = 2
    MASK = 3


class OFPTT(IntEnum):
    """Numbers of tables (section 7.3.3)."""

    MAX = 0xFE
    ALL = 0xFF


class OFPFC(IntEnum):
    """Commands of a flow-mod (section 7.3.4.1)."""

    ADD = 0
    MODIFY = 1
    MODIFY_STRICT = 2
    DELETE = 3
    DELETE_STRICT = 4


class OFPFF(IntFlag):
    """Flags of a flow-mod (section 7.3.4.1)."""

    SEND_FLOW_REM = 1 << 0
    CHECK_OVERLAP = 1 << 1
    RESET_COUNTS = 1 << 2
    NO_PKT_COUNTS = 1 << 3
    NO_BYT_COUNTS = 1 << 4


class OFPG(IntEnum):
    """Numbers of groups (section 7.3.4.2)."""

    MAX = 0xFFFF_FF00
    ALL = 0xFFFF_FFFC
    ANY = 0xFFFF_FFFF


class OFPGC(IntEnum):
    """Commands of a group-mod (section 7.3.4.2)."""

    ADD = 0
    MODIFY = 1
    DELETE = 2


class OFPGT(IntEnum):
    """Types of groups (section 7.3.4.2)."""

    ALL = 0
    SELECT = 1
    INDIRECT = 2
    FF = 3


class OFPM(IntEnum):
    """Numbers of meters (section 7.3.4.4)."""

    MAX = 0xFFFF_0000
    SLOWPATH = 0xFFFF_FFFD
    CONTROLLER = 0xFFFF_FFFE
    ALL = 0xFFFF_FFFF


class OFPMC(IntEnum):
    """Commands of a meter-mod (section 7.3.4.4)."""

    ADD = 0
    MODIFY = 1
    DELETE = 2


class OFPMF(IntFlag):
    """Flags of a meter (section 7.3.4.4)."""

    KBPS = 1 << 0
    PKTPS = 1 << 1
    BURST = 1 << 2
    STATS = 1 << 3


class OFPMBT(IntEnum):
    """Bands of a meter (section 7.3.4.4)."""

    DROP = 1
    DSCP_REMARK = 2
    EXPERIMENTER = 0xFFFF


class OFPMP(IntEnum):
    """Types of multipart messages (section 7.3.5)."""

    DESC = 0
    FLOW = 1
    AGGREGATE = 2
    TABLE = 3
    PORT_STATS = 4
    QUEUE = 5
    GROUP = 6
    GROUP_DESC = 7
    GROUP_FEATURES = 8
    METER = 9
    METER_CONFIG = 10
    METER_FEATURES = 11
    TABLE_FEATURES = 12
    PORT_DESC = 13
    EXPERIMENTER = 0xFFFF


class OFPMPF(IntFlag):
    """Flags of multipart messages (section 7.3.5)."""

    REQ_MORE = 1 << 0
    REPLY_MORE = 1 << 0


class OFPTFPT(IntEnum):
    """Properties of a table (section 7.3.5.5.2)."""

    INSTRUCTIONS = 0
    INSTRUCTIONS_MISS = 1
    NEXT_TABLES = 2
    NEXT_TABLES_MISS = 3
    WRITE_ACTIONS = 4
    WRITE_ACTIONS_MISS = 5
    APPLY_ACTIONS = 6
    APPLY_ACTIONS_MISS = 7
    MATCH = 8
    WILDCARDS = 10
    WRITE_SETFIELD = 12
    WRITE_SETFIELD_MISS = 13
    APPLY_SETFIELD = 14
    APPLY_SETFIELD_MISS = 15
    EXPERIMENTER = 0xFFFE
    EXPERIMENTER_MISS = 0xFFFF


class OFPCR_ROLE(IntEnum):
    """Roles of controllers (section 7.3.9)."""

    NOCHANGE = 0
    EQUAL = 1
    MASTER = 2
    SLAVE = 3


class OFPR(IntEnum):
    """Why a frame comes to the controller (section 7.4.1)."""

    NO_MATCH = 0
    ACTION = 1
    INVALID_TTL = 2


class OFPRR(IntEnum):
    """Why a flow entry was removed (section 7.4.2)."""

    IDLE_TIMEOUT = 0
    HARD_TIMEOUT = 1
    DELETE = 2
    GROUP_DELETE = 3


class OFPPR(IntEnum):
    """What happened to a port (section 7.4.3)."""

    ADD = 0
    DELETE = 1
    MODIFY = 2
