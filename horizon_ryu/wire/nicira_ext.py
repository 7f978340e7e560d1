"""Enumerations of Nicira's extensions, by the names of Open vSwitch's ``nicira-ext.h``."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

NX_EXPERIMENTER_ID = 0x0000_2320
NX_NSH_EXPERIMENTER_ID = 0x005A_D650


class NXT(IntEnum):
    """Subtypes of Nicira's messages."""

    ROLE_REQUEST = 10
    ROLE_REPLY = 11
    SET_FLOW_FORMAT = 12
    FLOW_MOD = 13
    FLOW_REMOVED = 14
    FLOW_MOD_TABLE_ID = 15
    SET_PACKET_IN_FORMAT = 16
    PACKET_IN = 17
    FLOW_AGE = 18
    SET_ASYNC_CONFIG = 19
    SET_CONTROLLER_ID = 20


class NXST(IntEnum):
    """Subtypes of Nicira's statistics."""

    FLOW = 0
    AGGREGATE = 1
    FLOW_MONITOR = 2


class NXAST(IntEnum):
    """Subtypes of Nicira's actions."""

    RESUBMIT = 1
    SET_TUNNEL = 2
    SET_QUEUE = 4
    POP_QUEUE = 5
    REG_MOVE = 6
    REG_LOAD = 7
    NOTE = 8
    SET_TUNNEL64 = 9
    MULTIPATH = 10
    BUNDLE = 12
    BUNDLE_LOAD = 13
    RESUBMIT_TABLE = 14
    OUTPUT_REG = 15
    LEARN = 16
    EXIT = 17
    DEC_TTL = 18
    FIN_TIMEOUT = 19
    CONTROLLER = 20
    DEC_TTL_CNT_IDS = 21
    PUSH_MPLS = 23
    POP_MPLS = 24
    SET_MPLS_TTL = 25
    DEC_MPLS_TTL = 26
    STACK_PUSH = 27
    STACK_POP = 28
    SAMPLE = 29
    SET_MPLS_LABEL = 30
    SET_MPLS_TC = 31
    OUTPUT_REG2 = 32
    REG_LOAD2 = 33
    CONJUNCTION = 34
    CT = 35
    NAT = 36
    CONTROLLER2 = 37
    SAMPLE2 = 38
    OUTPUT_TRUNC = 39
    CT_CLEAR = 43


class NXAC2PT(IntEnum):
    """Properties of the action CONTROLLER2."""

    MAX_LEN = 0
    CONTROLLER_ID = 1
    REASON = 2
    USERDATA = 3
    PAUSE = 4


class NX_NAT_RANGE(IntEnum):
    """What follows a NAT action: addresses of both kinds and ports, from and to."""

    IPV4_MIN = 1 << 0
    IPV4_MAX = 1 << 1
    IPV6_MIN = 1 << 2
    IPV6_MAX = 1 << 3
    PROTO_MIN = 1 << 4
    PROTO_MAX = 1 << 5


class NX_LEARN(IntEnum):
    """Bits of the head of a flow specification of the action LEARN."""

    N_BITS_MASK = 0x3FF
    SRC_IMMEDIATE = 1 << 13
    DST_OUTPUT = 1 << 12


class NXM_OF(IntEnum):
    """Fields of the class NXM_0: those of OpenFlow 1.0."""

    IN_PORT = 0
    ETH_DST = 1
    ETH_SRC = 2
    ETH_TYPE = 3
    VLAN_TCI = 4
    IP_TOS = 5
    IP_PROTO = 6
    IP_SRC = 7
    IP_DST = 8
    TCP_SRC = 9
    TCP_DST = 10
    UDP_SRC = 11
    UDP_DST = 12
    ICMP_TYPE = 13
    ICMP_CODE = 14
    ARP_OP = 15
    ARP_SPA = 16
    ARP_TPA = 17


class NXM_NX(IntEnum):
    """Fields of the class NXM_1; below them are the registers 0 to 15."""

    TUN_ID = 16
    ARP_SHA = 17
    ARP_THA = 18
    IPV6_SRC = 19
    IPV6_DST = 20
    ICMPV6_TYPE = 21
    ICMPV6_CODE = 22
    ND_TARGET = 23
    ND_SLL = 24
    ND_TLL = 25
    IP_FRAG = 26
    IPV6_LABEL = 27
    IP_ECN = 28
    IP_TTL = 29
    MPLS_TTL = 30
    TUN_IPV4_SRC = 31
    TUN_IPV4_DST = 32
    PKT_MARK = 33
    TCP_FLAGS = 34
    RECIRC_ID = 36
    CONJ_ID = 37
    TUN_GBP_ID = 38
    TUN_GBP_FLAGS = 39
    TUN_FLAGS = 104
    CT_STATE = 105
    CT_ZONE = 106
    CT_MARK = 107
    CT_LABEL = 108
    TUN_IPV6_SRC = 109
    TUN_IPV6_DST = 110
    XXREG0 = 111
    XXREG1 = 112
    XXREG2 = 113
    XXREG3 = 114


REGISTERS = range(16)
"""Fields of the class NXM_1 that are registers of 4 bytes."""

_NXM_0_FIELDS: Mapping[int, tuple[NXM_OF, ...]] = {
    1: (NXM_OF.IP_TOS, NXM_OF.IP_PROTO, NXM_OF.ICMP_TYPE, NXM_OF.ICMP_CODE),
    2: (
        NXM_OF.IN_PORT, NXM_OF.ETH_TYPE, NXM_OF.VLAN_TCI, NXM_OF.TCP_SRC, NXM_OF.TCP_DST,
        NXM_OF.UDP_SRC, NXM_OF.UDP_DST, NXM_OF.ARP_OP,
    ),
    4: (NXM_OF.IP_SRC, NXM_OF.IP_DST, NXM_OF.ARP_SPA, NXM_OF.ARP_TPA),
    6: (NXM_OF.ETH_DST, NXM_OF.ETH_SRC),
}  # fmt: skip
NXM_0_SIZES: Mapping[int, int] = MappingProxyType(
    {field.value: size for size, fields in _NXM_0_FIELDS.items() for field in fields}
)
"""Field of the class NXM_0 -> bytes of its value."""

_NXM_1_FIELDS: Mapping[int, tuple[NXM_NX, ...]] = {
    1: (
        NXM_NX.ICMPV6_TYPE, NXM_NX.ICMPV6_CODE, NXM_NX.IP_FRAG, NXM_NX.IP_ECN, NXM_NX.IP_TTL,
        NXM_NX.MPLS_TTL, NXM_NX.TUN_GBP_FLAGS,
    ),
    2: (NXM_NX.TCP_FLAGS, NXM_NX.TUN_GBP_ID, NXM_NX.TUN_FLAGS, NXM_NX.CT_ZONE),
    4: (
        NXM_NX.IPV6_LABEL, NXM_NX.TUN_IPV4_SRC, NXM_NX.TUN_IPV4_DST, NXM_NX.PKT_MARK,
        NXM_NX.RECIRC_ID, NXM_NX.CONJ_ID, NXM_NX.CT_STATE, NXM_NX.CT_MARK,
    ),
    6: (NXM_NX.ARP_SHA, NXM_NX.ARP_THA, NXM_NX.ND_SLL, NXM_NX.ND_TLL),
    8: (NXM_NX.TUN_ID,),
    16: (
        NXM_NX.IPV6_SRC, NXM_NX.IPV6_DST, NXM_NX.ND_TARGET, NXM_NX.CT_LABEL, NXM_NX.TUN_IPV6_SRC,
        NXM_NX.TUN_IPV6_DST, NXM_NX.XXREG0, NXM_NX.XXREG1, NXM_NX.XXREG2, NXM_NX.XXREG3,
    ),
}  # fmt: skip
NXM_1_SIZES: Mapping[int, int] = MappingProxyType(
    dict.fromkeys(REGISTERS, 4)
    | {field.value: size for size, fields in _NXM_1_FIELDS.items() for field in fields}
)
"""Field of the class NXM_1 -> bytes of its value."""
