"""Messages as values, free of OpenFlow versions: what the core asks a switch to do, and reads.

The core returns these values; the codecs beside turn them into the bytes of the version that the
switch speaks. Every value is immutable and hashable, so tests compare them and plans
can be held as sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntFlag
from typing import NamedTuple, TypeAlias

from horizon_ryu.wire.protocols import ETHERTYPE

FLOOD_GROUP = 0x485A0001
"""OpenFlow 1.3 group (type ALL) whose buckets are the ports open to broadcasts; ours: "HZ"."""

LOCAL_PORT = 0xFFFF_FFFE
"""The switch's own port (OFPP_LOCAL): its number in 1.3 (7.2.1), here on both versions."""

MAX_PHYSICAL_PORT = 0xFFFF_FF00
"""Highest number of an ordinary port (OFPP_MAX of 1.3)."""

VLAN_NONE = 0xFFFF
"""As ``dl_vlan`` of a match: frames without a tag only (1.0 specification, 5.2.3)."""

VLAN_TAGGED = 0x1000
"""As ``dl_vlan`` of a match: frames with a tag, whatever its identifier (1.3.5, 7.2.3.7)."""


# Named tuples, not dataclasses: there is one of each per flow entry, and a tuple is made and
# hashed in C.
class Match(NamedTuple):
    """Fields a frame must have; None means any.

    ``dl_dst_multicast`` matches the group bit of the destination (1.3 only: 1.0 has no MAC
    masks). ``dl_vlan`` is the VLAN identifier 0..4095, VLAN_NONE or VLAN_TAGGED. MACs are 6 bytes,
    of which those bits count that their mask has, if any. ``nw_src``, ``nw_dst``, ``ipv6_src`` and
    ``ipv6_dst`` are ``(address, prefix length)`` with the address as an int. ``nw_proto`` is
    the IP protocol, in ARP the opcode. ``nw_tos`` is the whole byte, its two lowest bits zero.
    ``tp_src`` and ``tp_dst`` are ports of TCP, UDP and SCTP, in ICMP and ICMPv6 the type and the
    code. Of neighbour discovery (RFC 4861) there are the target, an int, and the MACs of the
    sender (``sll``) and of the target (``tll``). Everything from ``ipv6_src`` on is 1.3 only.
    """

    in_port: int | None = None
    dl_src: bytes | None = None
    dl_dst: bytes | None = None
    dl_dst_multicast: bool = False
    dl_type: int | None = None
    dl_vlan: int | None = None
    nw_src: tuple[int, int] | None = None
    nw_dst: tuple[int, int] | None = None
    dl_vlan_pcp: int | None = None
    nw_proto: int | None = None
    nw_tos: int | None = None
    tp_src: int | None = None
    tp_dst: int | None = None
    ipv6_src: tuple[int, int] | None = None
    ipv6_dst: tuple[int, int] | None = None
    ipv6_nd_target: int | None = None
    ipv6_nd_sll: bytes | None = None
    ipv6_nd_tll: bytes | None = None
    dl_src_mask: bytes | None = None
    dl_dst_mask: bytes | None = None


ONLY_13 = Match._fields[Match._fields.index("ipv6_src") :]
"""Fields of a match that OpenFlow 1.0 does not have."""


@dataclass(frozen=True, slots=True)
class Output:
    """Send the frame out of a port (by number)."""

    port_no: int


@dataclass(frozen=True, slots=True)
class OutputInPort:
    """Send the frame back out of the port it came in by (OFPP_IN_PORT)."""


@dataclass(frozen=True, slots=True)
class ToController:
    """Send the whole frame to the controller, unbuffered."""


@dataclass(frozen=True, slots=True)
class Flood:
    """Send the frame along the spanning tree: OFPP_FLOOD on 1.0, the flood group on 1.3."""


class ReservedPort(Enum):
    """Ports that every switch has, beyond those with an action of their own here."""

    ALL = "all"
    NORMAL = "normal"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class OutputReserved:
    """Send the frame to a reserved port."""

    port: ReservedPort


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Send the frame out of a port through one of its queues."""

    port_no: int
    queue_id: int


@dataclass(frozen=True, slots=True)
class SetField:
    """Overwrite a field, by the name that it has in Match.

    Of ``dl_src, dl_dst`` (6 bytes), ``dl_vlan`` (0..4095), ``dl_vlan_pcp``, ``nw_src, nw_dst``
    (the address as an int), ``nw_tos, tp_src, tp_dst``; on 1.3 also ``ip_ecn``, ``ipv6_src,
    ipv6_dst, ipv6_nd_target`` (ints), ``ipv6_nd_sll, ipv6_nd_tll`` (6 bytes). Setting ``dl_vlan``
    gives frames without a tag one; on 1.3 the match must then say that they have none.
    """

    field: str
    value: int | bytes


@dataclass(frozen=True, slots=True)
class PushVlan:
    """Put a VLAN tag before all others; 1.0 can do so only to frames matched as untagged."""

    ethertype: int = int(ETHERTYPE.VLAN)


@dataclass(frozen=True, slots=True)
class StripVlan:
    """Take the outermost VLAN tag off."""


@dataclass(frozen=True, slots=True)
class OutputGroup:
    """Send the frame through a group of the switch, which must be there (1.3 only)."""

    group_id: int


@dataclass(frozen=True, slots=True)
class OverwriteTtl:
    """Overwrite the TTL of IP or, with ``mpls``, of the outermost label (1.3 only)."""

    ttl: int
    mpls: bool = False


@dataclass(frozen=True, slots=True)
class DecrementTtl:
    """Take one off the TTL of IP or, with ``mpls``, of the outermost label (1.3 only).

    A frame whose TTL is at its end goes no further.
    """

    mpls: bool = False


@dataclass(frozen=True, slots=True)
class GotoTable:
    """Go on in a later table, as the last thing of all (1.3 only: an instruction there)."""

    table_id: int


Action: TypeAlias = (
    Output
    | OutputInPort
    | OutputReserved
    | ToController
    | Flood
    | Enqueue
    | SetField
    | PushVlan
    | StripVlan
    | OutputGroup
    | OverwriteTtl
    | DecrementTtl
    | GotoTable
)


def output(port_no: int) -> Action:
    """Return the action that sends frames out of ``port_no``, as switches report it."""
    return OutputReserved(ReservedPort.LOCAL) if port_no == LOCAL_PORT else Output(port_no)


class FlowCommand(Enum):
    """What a flow-mod does; ADD replaces an entry with the same match and priority atomically."""

    ADD = "add"
    DELETE_STRICT = "delete_strict"


class FlowModFlags(IntFlag):
    """OFPFF_ flags that both versions have, by the same numbers (1.0: 5.3.3; 1.3: A.3.4.1)."""

    NONE = 0
    SEND_FLOW_REM = 1
    """The switch tells when the entry is removed."""
    CHECK_OVERLAP = 2
    """It refuses the entry if another one of its priority can take the same frame."""


class FlowMod(NamedTuple):
    """Add or strictly delete one flow entry; no actions means drop.

    Timeouts are in seconds, 0 means none. ``meter`` is the meter that frames pass first (1.3);
    ``table_id`` is always 0 on 1.0.
    """

    command: FlowCommand
    match: Match
    priority: int
    cookie: int
    actions: tuple[Action, ...] = ()
    idle_timeout: int = 0
    hard_timeout: int = 0
    flags: FlowModFlags = FlowModFlags.NONE
    meter: int | None = None
    table_id: int = 0

    @property
    def send_flow_removed(self) -> bool:
        """Whether the switch tells of the entry's removal."""
        return bool(self.flags & FlowModFlags.SEND_FLOW_REM)


class MeterCommand(Enum):
    """What a meter-mod does."""

    ADD = "add"
    MODIFY = "modify"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class MeterMod:
    """Make, change or delete a meter that drops what exceeds ``rate_kbps`` (1.3 only)."""

    command: MeterCommand
    meter_id: int
    rate_kbps: int = 0


@dataclass(frozen=True, slots=True)
class FlowDeleteByCookie:
    """Delete the entries whose cookie equals ``cookie`` under ``mask`` (1.3 only)."""

    cookie: int
    mask: int


@dataclass(frozen=True, slots=True)
class PacketOut:
    """Emit ``data``; ``in_port`` is where it came from (None: the controller made it)."""

    actions: tuple[Action, ...]
    data: bytes
    in_port: int | None = None


@dataclass(frozen=True, slots=True)
class DropBuffered:
    """Drop the frame the switch holds under ``buffer_id`` (a packet-out without actions)."""

    buffer_id: int
    in_port: int


@dataclass(frozen=True, slots=True)
class FloodPorts:
    """Make exactly ``ports`` the members of the flood group (1.3)."""

    ports: frozenset[int]


@dataclass(frozen=True, slots=True)
class SetNoFlood:
    """Set or clear NO_FLOOD on one port (1.0); ``hw_addr`` must be the port's own (spec 5.3.3)."""

    port_no: int
    hw_addr: bytes
    no_flood: bool


Message: TypeAlias = (
    FlowMod | MeterMod | FlowDeleteByCookie | PacketOut | DropBuffered | FloodPorts | SetNoFlood
)


class Outgoing(NamedTuple):
    """A message and the switch it is for; nobody has sent it yet."""

    dpid: int
    message: Message


class PacketIn(NamedTuple):
    """A frame that a switch handed to the controller; ``buffer_id`` is None when unbuffered."""

    dpid: int
    in_port: int
    data: bytes
    buffer_id: int | None = None


@dataclass(frozen=True, slots=True)
class FlowEntry:
    """A flow entry as a switch reports it, reduced to what the core asks about.

    ``forwards``: some action sends the frame to a port, queue or group, whether or not it is
    among ``actions``. ``exact``: match and actions are represented whole, nothing was left out.
    ``sets_vlans``: VLAN identifiers that its actions write. ``packet_count`` and ``byte_count``
    are its counters, ``meter`` the meter that frames pass first, if any.
    """

    match: Match
    priority: int
    cookie: int
    actions: tuple[Action, ...]
    table_id: int = 0
    forwards: bool = False
    exact: bool = True
    sets_vlans: frozenset[int] = frozenset()
    idle_timeout: int = 0
    hard_timeout: int = 0
    packet_count: int = 0
    byte_count: int = 0
    meter: int | None = None


class RemovalReason(Enum):
    """Why an entry was removed; OTHER: its group or meter was deleted, or the table is full."""

    IDLE_TIMEOUT = "idle_timeout"
    HARD_TIMEOUT = "hard_timeout"
    DELETE = "delete"
    OTHER = "other"


class FlowRemoved(NamedTuple):
    """What a switch says of an entry that is gone.

    ``duration`` is how long it was there, in seconds. ``table_id`` is 0 on 1.0, which does not
    say. ``whole``: the match is represented whole, nothing was left out.
    """

    cookie: int
    match: Match
    priority: int
    reason: RemovalReason
    table_id: int = 0
    duration: float = 0.0
    whole: bool = True

    @property
    def timed_out(self) -> bool:
        """Whether a timeout removed it, and nobody's decision."""
        return self.reason in (RemovalReason.IDLE_TIMEOUT, RemovalReason.HARD_TIMEOUT)

    def can_be_after(self, timeout: int, age: float) -> bool:
        """Tell whether an entry with this ``timeout``, last sent ``age`` seconds ago, can be over.

        Never without a timeout, and neither before it has passed since the sending nor with a
        shorter duration. Clocks of switches are not ours: a tenth, at most a second, is forgiven.
        """
        least = timeout - min(1.0, timeout / 10)
        return timeout > 0 and age >= least and self.duration >= least
