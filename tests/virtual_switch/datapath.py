"""Datapath: tables, groups, meters, ports and buffers of a switch, whatever version it speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from horizon_ryu.wire.of13.controller import GroupMod, MeterMod13
from horizon_ryu.wire.ofp13 import OFPFC, OFPFF, OFPRR, OFPTT
from horizon_ryu.wire.versions import OPENFLOW_10
from virtual_switch.buffers import FrameBuffers
from virtual_switch.fields import ETHERNET_SIZE
from virtual_switch.flow_table import RULES_10, RULES_13, FlowChange, FlowTable, TableEntry
from virtual_switch.groups import GroupTable
from virtual_switch.learning import LearningBridge, is_reserved
from virtual_switch.meters import MeterTable
from virtual_switch.pipeline import ForController, Passage, Pipeline
from virtual_switch.refusal import SwitchRefusal
from virtual_switch.steps import Step
from virtual_switch.switch_ports import PortTable

_NO_MATCH = 0


class RemovedEntry(NamedTuple):
    """An entry that is gone and of which the controller is to be told why (OFPRR)."""

    entry: TableEntry
    reason: int


class Datapath:
    """What forwards. ``hybrid`` switches do with frames without an entry what bridges do.

    They also hand a copy to the controller; LLDP they relay only while they have one.
    """

    def __init__(
        self, dpid: int, version: int, tables: int = 1, buffers: int = 0, hybrid: bool = False
    ) -> None:
        old = version == OPENFLOW_10
        rules = RULES_10 if old else RULES_13
        self.dpid = dpid
        self.version = version
        self.hybrid = hybrid
        self.connected = False
        self.auxiliary = 0
        self.tables = tuple(FlowTable(number, rules) for number in range(tables))
        self.groups = GroupTable()
        self.meters = MeterTable()
        self.ports = PortTable(dpid)
        self.buffers = FrameBuffers(buffers)
        self.bridge = LearningBridge(self.ports)
        self._pipeline = Pipeline(
            self.tables, self.groups, self.meters, self.ports, self.bridge, not old
        )
        self._asks_on_miss = old

    # ---- frames

    def frame_in(self, port_no: int, frame: bytes, now: float) -> Passage | None:
        """Follow a frame that came in by a port; None if the port does not take it."""
        port = self.ports.get(port_no)
        if port is None or len(frame) < ETHERNET_SIZE or not port.count_in(len(frame)):
            return None
        passage = self._pipeline.enter(frame, port_no, now)
        if passage.missed:
            self._missed(passage, port.asks)
        return passage

    def _missed(self, passage: Passage, asks: bool) -> None:
        frame, port_no = passage.frame, passage.in_port
        if self.hybrid:
            if is_reserved(frame) and not self.connected:
                return
            outputs = self.bridge.outputs(frame, port_no)
            passage.sent += [(n, frame) for n in outputs if self.ports[n].count_out(len(frame))]
        if asks and (self._asks_on_miss or self.hybrid):
            passage.asked.append(ForController(frame, port_no, _NO_MATCH, None))

    def packet_out(
        self, frame: bytes, in_port: int, steps: tuple[Step, ...], now: float
    ) -> Passage:
        """Do with a frame what a packet-out asks for."""
        return self._pipeline.packet_out(frame, in_port, steps, now)

    # ---- changes

    def change_flows(self, change: FlowChange, now: float) -> list[RemovedEntry]:
        """Carry out a flow-mod and return the entries to be told of; SwitchRefusal."""
        self._check(change)
        gone = [entry for table in self._chosen(change) for entry in table.change(change, now)]
        return _told(gone, OFPRR.DELETE)

    def _chosen(self, change: FlowChange) -> Iterable[FlowTable]:
        deletes = change.command in (OFPFC.DELETE, OFPFC.DELETE_STRICT)
        if change.table_id == OFPTT.ALL and deletes:
            return self.tables
        return (self.table(change.table_id, "FLOW_MOD_FAILED"),)

    def _check(self, change: FlowChange) -> None:
        """SwitchRefusal for what an entry points to and is not there."""
        if change.command in (OFPFC.DELETE, OFPFC.DELETE_STRICT):
            return
        self.check_steps(change.program.apply + change.program.write)
        self.groups.check(change.program.groups())
        self.meters.check(change.program.meter)
        goto = change.program.goto
        if goto is not None and goto >= len(self.tables):
            raise SwitchRefusal("BAD_INSTRUCTION", "BAD_TABLE_ID")

    def check_steps(self, steps: Iterable[Step]) -> None:
        """SwitchRefusal for groups that are not there."""
        self.groups.check({one.group_id for one in steps if hasattr(one, "group_id")})

    def table(self, table_id: int, kind: str = "BAD_REQUEST") -> FlowTable:
        """Return a table; SwitchRefusal if there is none."""
        if table_id >= len(self.tables):
            raise SwitchRefusal(kind, "BAD_TABLE_ID")
        return self.tables[table_id]

    def change_groups(self, mod: GroupMod, now: float) -> list[RemovedEntry]:
        """Carry out a group-mod; entries that point to a deleted group go with it (6.7)."""
        gone = self.groups.change(mod, now)
        return self._remove(lambda e: bool(e.program.groups() & gone), OFPRR.GROUP_DELETE)

    def change_meters(self, mod: MeterMod13, now: float) -> list[RemovedEntry]:
        """Carry out a meter-mod; entries that use a deleted meter go with it (1.3.5 7.3.4.4)."""
        gone = self.meters.change(mod, now)
        return self._remove(lambda entry: entry.program.meter in gone, OFPRR.DELETE)

    def _remove(self, condition: Callable[[TableEntry], bool], reason: int) -> list[RemovedEntry]:
        gone = [entry for table in self.tables for entry in table.remove_if(condition)]
        return _told(gone, reason)

    # ---- time and loss

    def expire(self, now: float) -> list[RemovedEntry]:
        """Take out entries whose time is over and return those to be told of."""
        gone = [entry for table in self.tables for entry in table.expire(now)]
        return [
            RemovedEntry(e, int(OFPRR.IDLE_TIMEOUT if e.idle_first() else OFPRR.HARD_TIMEOUT))
            for e in gone
            if e.flags & OFPFF.SEND_FLOW_REM
        ]

    def next_due(self) -> float:
        """Return when an entry may be over; infinity if none will be."""
        return min(table.next_due() for table in self.tables)

    def restart(self) -> None:
        """Lose all state, as after a power cut."""
        for table in self.tables:
            table.clear()
        self.groups.clear()
        self.meters.clear()
        self.buffers.clear()
        self.bridge.forget()
        self.ports.reset()


def _told(gone: list[TableEntry], reason: int) -> list[RemovedEntry]:
    return [RemovedEntry(e, int(reason)) for e in gone if e.flags & OFPFF.SEND_FLOW_REM]
