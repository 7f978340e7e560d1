"""Flow statistics of a switch of OpenFlow 1.0 (1.0.0 section 5.3.5)."""

from __future__ import annotations

from collections.abc import Iterator

from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.slicer.actions10 import outputs_of, read_actions10
from horizon_ryu.slicer.flow_stats import (
    DEFAULT_WINDOW,
    FlowQuestion,
    FlowStatsAnswers,
    lifetime,
)
from horizon_ryu.slicer.flow_tables10 import FlowTables10
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.layout import read_whole
from horizon_ryu.wire.of10.statistics import (
    FlowStats10,
    FlowStatsRequest10,
    StatsReply,
    StatsRequest,
)
from horizon_ryu.wire.of10.structures import MATCH10, Match10
from horizon_ryu.wire.ofp10 import OFPP, OFPST, OFPTT_ALL
from horizon_ryu.wire.ternary import TernaryMatch
from horizon_ryu.wire.ternary10 import EVERY_FRAME_10, read_match10, write_match10
from horizon_ryu.wire.versions import OPENFLOW_10

_NONE = int(OFPP.NONE)
_FIXED = 88


class FlowStatsAnswers10(FlowStatsAnswers):
    """Answers OFPST_FLOW and OFPST_AGGREGATE of all tenants of one switch."""

    MESSAGES = codec_of(OPENFLOW_10).messages
    REPLY = StatsReply
    ENTRY = FlowStats10

    def __init__(
        self, link: SlicedLink, tables: FlowTables10, window: float = DEFAULT_WINDOW
    ) -> None:
        super().__init__(link, window)
        self._tables = tables

    def _whole(self) -> StatsRequest:
        body = FlowStatsRequest10(read_whole(MATCH10, EVERY_FRAME_10, 0), OFPTT_ALL, _NONE)
        return StatsRequest(int(OFPST.FLOW), 0, body)

    def _entries(self, question: FlowQuestion) -> Iterator[TenantEntry]:
        match = _ternary(question.body.match)
        port = question.body.out_port
        for entry in self._link.sliced.table(question.tenant.slice_name):
            if match.covers(entry.match) and (
                port == _NONE or port in outputs_of(read_actions10(entry.program))
            ):
                yield entry

    def _gone(self, entry: TenantEntry) -> tuple[int, int]:
        return self._tables.counted(entry)

    def _size(self, told: FlowStats10) -> int:
        return _FIXED + 16 * len(told.actions)

    def _told(self, entry: TenantEntry, now: float) -> FlowStats10:
        count = self.count(entry)
        seconds, nanoseconds = lifetime(entry, now)
        return FlowStats10(
            table_id=0,
            match=read_whole(MATCH10, write_match10(entry.match), 0),
            duration_sec=seconds,
            duration_nsec=nanoseconds,
            priority=entry.priority,
            idle_timeout=entry.idle_timeout,
            hard_timeout=entry.hard_timeout,
            cookie=entry.cookie,
            packet_count=count.packets,
            byte_count=count.octets,
            actions=read_actions10(entry.program),
        )


def _ternary(match: Match10) -> TernaryMatch:
    return read_match10(MATCH10.write(match), 0)
