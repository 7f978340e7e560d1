"""Hypothesis strategies for every message of both versions, written from the specifications."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from horizon_ryu.wire import symmetric as sy
from horizon_ryu.wire.layout import Tlv
from horizon_ryu.wire.of10 import asynchronous as a10
from horizon_ryu.wire.of10 import controller as c10
from horizon_ryu.wire.of10 import handshake as h10
from horizon_ryu.wire.of10 import statistics as s10
from horizon_ryu.wire.of10 import structures as t10
from horizon_ryu.wire.of13 import asynchronous as a13
from horizon_ryu.wire.of13 import controller as c13
from horizon_ryu.wire.of13 import handshake as h13
from horizon_ryu.wire.of13 import multipart as m13
from horizon_ryu.wire.of13 import statistics as s13
from horizon_ryu.wire.of13 import structures as t13
from horizon_ryu.wire.of13.match import OxmField, OxmMatch
from horizon_ryu.wire.ofp10 import OFPST
from horizon_ryu.wire.ofp13 import OFPMP

SIZES = {"B": 1, "H": 2, "I": 4, "Q": 8}
OPAQUE = st.binary(max_size=80)
WORDS = st.binary(max_size=10).map(lambda data: data * 8)
"""Opaque bytes where a specification wants a multiple of 8."""


def build(make: Any, *fields: Any) -> st.SearchStrategy[Any]:
    """Strategy for a dataclass; a string stands for a number (B H I Q) or bytes (6s) each."""
    given: list[st.SearchStrategy[Any]] = []
    for field in fields:
        given += [_number(name) for name in field.split()] if isinstance(field, str) else [field]
    return st.builds(make, *given)


def _number(name: str) -> st.SearchStrategy[Any]:
    if name.endswith("s"):
        return st.binary(min_size=int(name[:-1]), max_size=int(name[:-1]))
    return st.integers(0, 256 ** SIZES[name] - 1)


def some(item: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(item, max_size=most).map(tuple)


MATCH10 = build(t10.Match10, "I H 6s 6s H B H B B I I H H")
PORT10 = build(t10.Port10, "H 6s 16s I I I I I I")
ACTION10 = st.one_of(
    build(t10.ActionOutput10, "H H"),
    build(t10.ActionSetVlanVid, "H"),
    build(t10.ActionSetVlanPcp, "B"),
    build(t10.ActionStripVlan),
    build(t10.ActionSetDlSrc, "6s"),
    build(t10.ActionSetDlDst, "6s"),
    build(t10.ActionSetNwSrc, "I"),
    build(t10.ActionSetNwDst, "I"),
    build(t10.ActionSetNwTos, "B"),
    build(t10.ActionSetTpSrc, "H"),
    build(t10.ActionSetTpDst, "H"),
    build(t10.ActionEnqueue, "H I"),
)
VENDOR_ACTION = build(t10.ActionVendor, st.integers(0x3000, 2**32 - 1), WORDS)
ACTIONS10 = some(ACTION10)
QUEUE10 = build(
    h10.PacketQueue10,
    "I",
    some(build(h10.QueuePropNone10) | build(h10.QueuePropMinRate10, "H")),
)

SYMMETRIC = {
    "echo request": build(sy.EchoRequest, OPAQUE),
    "echo reply": build(sy.EchoReply, OPAQUE),
    "error": build(sy.Error, st.integers(0, 13), "H", OPAQUE),
    "features request": build(sy.FeaturesRequest),
    "get config request": build(sy.GetConfigRequest),
    "get config reply": build(sy.GetConfigReply, "H H"),
    "set config": build(sy.SetConfig, "H H"),
    "barrier request": build(sy.BarrierRequest),
    "barrier reply": build(sy.BarrierReply),
}
HELLO = build(
    sy.Hello,
    some(
        st.lists(st.integers(0, 70), min_size=1).map(lambda those: sy.version_bitmap(*those))
        | build(Tlv, st.integers(2, 65535), OPAQUE)
    ),
)
FLAGS = st.integers(0, 1)


def _stats(make: Any, kind: int, body: Any) -> st.SearchStrategy[Any]:
    return build(make, st.just(int(kind)), FLAGS, body)


FLOW_REQUEST10 = build(s10.FlowStatsRequest10, MATCH10, "B H")
DESC = build(s10.DescStats, "256s 256s 256s 32s 256s")
AGGREGATE = build(s10.AggregateStats, "Q Q I")
FLOW10 = build(s10.FlowStats10, "B", MATCH10, "I I H H H Q Q Q", ACTIONS10)
VENDOR_STATS = build(s10.VendorStats, st.integers(0x3000, 2**32 - 1), OPAQUE)
NOTHING = st.just(b"")

REQUESTS10 = {
    OFPST.DESC: NOTHING,
    OFPST.FLOW: FLOW_REQUEST10,
    OFPST.AGGREGATE: FLOW_REQUEST10,
    OFPST.TABLE: NOTHING,
    OFPST.PORT: build(s10.PortStatsRequest10, "H"),
    OFPST.QUEUE: build(s10.QueueStatsRequest10, "H I"),
    OFPST.VENDOR: VENDOR_STATS,
}
REPLIES10 = {
    OFPST.DESC: DESC,
    OFPST.FLOW: some(FLOW10),
    OFPST.AGGREGATE: AGGREGATE,
    OFPST.TABLE: some(build(s10.TableStats10, "B 32s I I I Q Q")),
    OFPST.PORT: some(build(s10.PortStats10, "H" + " Q" * 12)),
    OFPST.QUEUE: some(build(s10.QueueStats10, "H I Q Q Q")),
    OFPST.VENDOR: VENDOR_STATS,
}
TO_SWITCH10 = {
    **SYMMETRIC,
    "packet-out": build(c10.PacketOut10, "I H", ACTIONS10, OPAQUE),
    "flow-mod": build(c10.FlowMod10, MATCH10, "Q H H H H I H H", ACTIONS10),
    "port-mod": build(c10.PortMod10, "H 6s I I I"),
    "queue request": build(h10.QueueGetConfigRequest10, "H"),
    **{
        f"stats request {kind.name}": _stats(s10.StatsRequest, kind, body)
        for kind, body in REQUESTS10.items()
    },
}
FROM_SWITCH10 = {
    "features reply": build(h10.FeaturesReply10, "Q I B I I", some(PORT10)),
    "packet-in": build(a10.PacketIn10, "I H H B", OPAQUE),
    "flow-removed": build(a10.FlowRemoved10, MATCH10, "Q H B I I H Q Q"),
    "port-status": build(a10.PortStatus10, "B", PORT10),
    "queue reply": build(h10.QueueGetConfigReply10, "H", some(QUEUE10)),
    **{
        f"stats reply {kind.name}": _stats(s10.StatsReply, kind, body)
        for kind, body in REPLIES10.items()
    },
}
MESSAGES10 = {
    **TO_SWITCH10,
    **FROM_SWITCH10,
    "hello": HELLO,
    "vendor": build(a10.Vendor, "I", OPAQUE),
    "flow-mod with a vendor's action": build(
        c10.FlowMod10, MATCH10, "Q H H H H I H H", some(VENDOR_ACTION | ACTION10)
    ),
}

BASIC_SIZES = (
    4, 4, 8, 6, 6, 2, 2, 1, 1, 1, 1, 4, 4, 2, 2, 2, 2, 2, 2, 1, 1, 2,
    4, 4, 6, 6, 16, 16, 4, 1, 1, 16, 6, 6, 4, 1, 1, 3, 8, 2,
)  # fmt: skip
"""Bytes of the fields in_port to ipv6_exthdr (1.3.5, table 11)."""


@st.composite
def oxm_fields(draw: Any, masks: bool = True) -> OxmField:
    field = draw(st.integers(0, len(BASIC_SIZES) - 1))
    masked = masks and draw(st.booleans())
    size = BASIC_SIZES[field] * (2 if masked else 1)
    return OxmField(0x8000, field, masked, draw(st.binary(min_size=size, max_size=size)))


MATCH13 = build(OxmMatch, some(oxm_fields()))
ACTION13 = st.one_of(
    build(t13.ActionOutput13, "I H"),
    build(t13.ActionCopyTtlOut),
    build(t13.ActionCopyTtlIn),
    build(t13.ActionSetMplsTtl, "B"),
    build(t13.ActionDecMplsTtl),
    build(t13.ActionPushVlan, "H"),
    build(t13.ActionPopVlan),
    build(t13.ActionPushMpls, "H"),
    build(t13.ActionPopMpls, "H"),
    build(t13.ActionSetQueue, "I"),
    build(t13.ActionGroup, "I"),
    build(t13.ActionSetNwTtl, "B"),
    build(t13.ActionDecNwTtl),
    build(t13.ActionSetField, oxm_fields(masks=False)),
    build(t13.ActionPushPbb, "H"),
    build(t13.ActionPopPbb),
)
EXPERIMENTERS = st.integers(0x3000, 0x4F4E0000)
ACTIONS13 = some(ACTION13)
INSTRUCTION = st.one_of(
    build(t13.InstructionGotoTable, "B"),
    build(t13.InstructionWriteMetadata, "Q Q"),
    build(t13.InstructionWriteActions, ACTIONS13),
    build(t13.InstructionApplyActions, ACTIONS13),
    build(t13.InstructionClearActions),
    build(t13.InstructionMeter, "I"),
)
INSTRUCTIONS = some(INSTRUCTION)
FOREIGN_INSTRUCTIONS = some(
    INSTRUCTION
    | build(t13.InstructionExperimenter, "I", WORDS)
    | build(t13.InstructionApplyActions, some(build(t13.ActionExperimenter, EXPERIMENTERS, WORDS)))
)
PORT13 = build(t13.Port13, "I 6s 16s I I I I I I I I")
BUCKETS = some(build(t13.Bucket, "H I I", ACTIONS13))
BANDS = some(build(t13.MeterBandDrop, "I I") | build(t13.MeterBandDscpRemark, "I I B"))
QUEUE13 = build(
    h13.PacketQueue13,
    "I I",
    some(build(h13.QueuePropMinRate13, "H") | build(h13.QueuePropMaxRate13, "H")),
)
FLOW_REQUEST13 = build(s13.FlowStatsRequest13, "B I I Q Q", MATCH13)
METER_REQUEST = build(s13.MeterStatsRequest, "I")
COUNTERS = some(build(s13.Counter, "Q Q"))
EXPERIMENTER_STATS = build(s13.ExperimenterStats, EXPERIMENTERS, "I", OPAQUE)
TABLE_FEATURES = some(
    build(
        s13.TableFeaturesEntry,
        "B 32s Q Q I I",
        some(build(Tlv, st.integers(0x20, 0xFFFD), OPAQUE)),
    )
)

REQUESTS13 = {
    OFPMP.DESC: NOTHING,
    OFPMP.FLOW: FLOW_REQUEST13,
    OFPMP.AGGREGATE: FLOW_REQUEST13,
    OFPMP.TABLE: NOTHING,
    OFPMP.PORT_STATS: build(s13.PortStatsRequest13, "I"),
    OFPMP.QUEUE: build(s13.QueueStatsRequest13, "I I"),
    OFPMP.GROUP: build(s13.GroupStatsRequest, "I"),
    OFPMP.GROUP_DESC: NOTHING,
    OFPMP.GROUP_FEATURES: NOTHING,
    OFPMP.METER: METER_REQUEST,
    OFPMP.METER_CONFIG: METER_REQUEST,
    OFPMP.METER_FEATURES: NOTHING,
    OFPMP.TABLE_FEATURES: TABLE_FEATURES,
    OFPMP.PORT_DESC: NOTHING,
    OFPMP.EXPERIMENTER: EXPERIMENTER_STATS,
}
REPLIES13 = {
    OFPMP.DESC: DESC,
    OFPMP.FLOW: some(build(s13.FlowStats13, "B I I H H H H Q Q Q", MATCH13, INSTRUCTIONS)),
    OFPMP.AGGREGATE: AGGREGATE,
    OFPMP.TABLE: some(build(s13.TableStats13, "B I Q Q")),
    OFPMP.PORT_STATS: some(build(s13.PortStats13, "I" + " Q" * 12 + " I I")),
    OFPMP.QUEUE: some(build(s13.QueueStats13, "I I Q Q Q I I")),
    OFPMP.GROUP: some(build(s13.GroupStats, "I I Q Q I I", COUNTERS)),
    OFPMP.GROUP_DESC: some(build(s13.GroupDesc, "B I", BUCKETS)),
    OFPMP.GROUP_FEATURES: build(s13.GroupFeatures, "I I I I I I I I I I"),
    OFPMP.METER: some(build(s13.MeterStats, "I I Q Q I I", COUNTERS)),
    OFPMP.METER_CONFIG: some(build(s13.MeterConfig, "H I", BANDS)),
    OFPMP.METER_FEATURES: build(s13.MeterFeatures, "I I I B B"),
    OFPMP.TABLE_FEATURES: TABLE_FEATURES,
    OFPMP.PORT_DESC: some(PORT13),
    OFPMP.EXPERIMENTER: EXPERIMENTER_STATS,
}
TO_SWITCH13 = {
    **SYMMETRIC,
    "packet-out": build(c13.PacketOut13, "I I", ACTIONS13, OPAQUE),
    "flow-mod": build(c13.FlowMod13, "Q Q B B H H H I I I H", MATCH13, INSTRUCTIONS),
    "group-mod": build(c13.GroupMod, "H B I", BUCKETS),
    "port-mod": build(c13.PortMod13, "I 6s I I I"),
    "table-mod": build(c13.TableMod, "B I"),
    "meter-mod": build(c13.MeterMod13, "H H I", BANDS),
    "queue request": build(h13.QueueGetConfigRequest13, "I"),
    "role request": build(h13.RoleRequest, "I Q"),
    "get-async request": build(h13.GetAsyncRequest),
    "set-async": build(h13.SetAsync, "I I I I I I"),
    **{
        f"multipart request {kind.name}": _stats(m13.MultipartRequest, kind, body)
        for kind, body in REQUESTS13.items()
    },
}
FROM_SWITCH13 = {
    "features reply": build(h13.FeaturesReply13, "Q I B B I I"),
    "packet-in": build(a13.PacketIn13, "I H B B Q", MATCH13, OPAQUE),
    "flow-removed": build(a13.FlowRemoved13, "Q H B B I I H H Q Q", MATCH13),
    "port-status": build(a13.PortStatus13, "B", PORT13),
    "queue reply": build(h13.QueueGetConfigReply13, "I", some(QUEUE13)),
    "role reply": build(h13.RoleReply, "I Q"),
    "get-async reply": build(h13.GetAsyncReply, "I I I I I I"),
    **{
        f"multipart reply {kind.name}": _stats(m13.MultipartReply, kind, body)
        for kind, body in REPLIES13.items()
    },
}
MESSAGES13 = {
    **TO_SWITCH13,
    **FROM_SWITCH13,
    "hello": HELLO,
    "experimenter": build(a13.Experimenter, EXPERIMENTERS, "I", OPAQUE),
    "flow-mod with an experimenter's parts": build(
        c13.FlowMod13, "Q Q B B H H H I I I H", MATCH13, FOREIGN_INSTRUCTIONS
    ),
    "meter-mod with an experimenter's band": build(
        c13.MeterMod13, "H H I", some(build(t13.MeterBandExperimenter, "I I I", WORDS))
    ),
    "queue with an experimenter's property": build(
        h13.QueueGetConfigReply13,
        "I",
        some(build(h13.PacketQueue13, "I I", some(build(h13.QueuePropExperimenter, "I", WORDS)))),
    ),
}
EVERY = {1: MESSAGES10, 4: MESSAGES13}
"""By version and name."""

CASES = [(version, name) for version, messages in EVERY.items() for name in messages]
"""What tests are parametrized with."""
