"""Flow statistics of a switch of OpenFlow 1.3 (1.3.5 section 7.3.5.2)."""

from __future__ import annotations

from collections.abc import Iterator

from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.slicer.flow_mods13 import output_filter, read_match
from horizon_ryu.slicer.flow_stats import FlowQuestion, FlowStatsAnswers, lifetime
from horizon_ryu.slicer.instructions13 import read_instructions
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.layout import read_whole
from horizon_ryu.wire.of13.match import MATCH13, OxmMatch
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.of13.statistics import FlowStats13, FlowStatsRequest13
from horizon_ryu.wire.of13.structures import INSTRUCTIONS
from horizon_ryu.wire.ofp13 import OFPG, OFPMP, OFPP, OFPTT
from horizon_ryu.wire.ternary13 import write_match13
from horizon_ryu.wire.versions import OPENFLOW_13

_ALL_TABLES, _ANY_PORT, _ANY_GROUP = int(OFPTT.ALL), int(OFPP.ANY), int(OFPG.ANY)
_FIXED = 48


class FlowStatsAnswers13(FlowStatsAnswers):
    """Answers OFPMP_FLOW and OFPMP_AGGREGATE of all tenants of one switch."""

    MESSAGES = codec_of(OPENFLOW_13).messages
    REPLY = MultipartReply
    ENTRY = FlowStats13

    def _whole(self) -> MultipartRequest:
        body = FlowStatsRequest13(_ALL_TABLES, _ANY_PORT, _ANY_GROUP, 0, 0, OxmMatch())
        return MultipartRequest(int(OFPMP.FLOW), 0, body)

    def _entries(self, question: FlowQuestion) -> Iterator[TenantEntry]:
        asked: FlowStatsRequest13 = question.body
        match, _ = read_match(MATCH13.write(asked.match), 0)
        selects = output_filter(asked.out_port, asked.out_group)
        for entry in self._link.sliced.table(question.tenant.slice_name):
            if (
                asked.table_id in (entry.table_id, _ALL_TABLES)
                and not (entry.cookie ^ asked.cookie) & asked.cookie_mask
                and match.covers(entry.match)
                and selects(entry)
            ):
                yield entry

    def _size(self, told: FlowStats13) -> int:
        return _FIXED + len(MATCH13.write(told.match)) + len(INSTRUCTIONS.write(told.instructions))

    def _told(self, entry: TenantEntry, now: float) -> FlowStats13:
        count = self.count(entry)
        seconds, nanoseconds = lifetime(entry, now)
        return FlowStats13(
            table_id=entry.table_id,
            duration_sec=seconds,
            duration_nsec=nanoseconds,
            priority=entry.priority,
            idle_timeout=entry.idle_timeout,
            hard_timeout=entry.hard_timeout,
            flags=entry.flags,
            cookie=entry.cookie,
            packet_count=count.packets,
            byte_count=count.octets,
            match=read_whole(MATCH13, write_match13(entry.match), 0),
            instructions=read_instructions(entry.program),
        )
