"""An engine with two tenants on a switch of OpenFlow 1.3, which is killed and comes back.

What it said goes to the switch when the turn is done and written down, as in the real one: killed
in between, it has written and not said, or said a part.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from horizon_ryu.core.slicing.flowspace import Flowspace
from horizon_ryu.core.slicing.limits import RateLimiter, SliceLimits
from horizon_ryu.core.slicing.marked_switch import marked_match
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.slice_settings import BandwidthMode, BandwidthShare, SliceSettings
from horizon_ryu.core.slicing.table_record import RecordedSwitch
from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.slicer.datapath13 import SlicedDatapath13
from horizon_ryu.slicer.instructions13 import read_instructions
from horizon_ryu.slicer.kept_tables import KeptTables, first_id
from horizon_ryu.slicer.lldp_trailer import TrailerSigner
from horizon_ryu.wire.of13.controller import FlowMod13, GroupMod, MeterMod13
from horizon_ryu.wire.of13.multipart import MultipartReply
from horizon_ryu.wire.ofp13 import OFPMP, OFPT
from horizon_ryu.wire.symmetric import Error
from horizon_ryu.wire.ternary import HEADER_13
from horizon_ryu.wire.versions import OPENFLOW_13
from unit.slicing.sliced10 import DPID, Tenant
from unit.slicing.sliced13 import MESSAGES13, TABLES, ternary13
from virtual_switch.switch import VirtualSwitch

SWITCH = RecordedSwitch(DPID, OPENFLOW_13)
NAMES = ("c0", "c1")
PORTS = (1, 2, 3, 4)
Place = tuple[Any, ...]


class KilledEngine:
    """The engine, its journal, and the switch that outlives it."""

    BUFFERS: ClassVar[int] = 0

    def __init__(self, folder: Path, rules: list[FlowspaceRule]) -> None:
        self.now = 100.0
        self.rules = rules
        self.switch = VirtualSwitch(DPID, OPENFLOW_13, PORTS, tables=TABLES, buffers=self.BUFFERS)
        self.bandwidths: dict[str, BandwidthShare] = {}
        self.said: deque[bytes] = deque()
        self.changes: list[Any] = []
        """What the switch was told to change, since that was asked."""
        self.refused: list[Error] = []
        self.events: list[tuple[str, dict[str, object]]] = []
        self._seen: list[tuple[set[Place], Any]] | None = None
        self._folder = folder
        self.begin()

    # ---- the engine

    def begin(self) -> None:
        """Begin an engine that goes on with what the journal says; the switch connects."""
        self.said.clear()
        self.refused.clear()
        self.events.clear()
        self.switch.disconnect()
        self.switch.connect()
        self.tables = KeptTables()
        self.tables.open(self._folder / "tables", self._unwritten)
        had = self.tables.had(SWITCH)
        first = first_id() if had is None else had.first_id()
        self.datapath = SlicedDatapath13(
            self.switch.dialect.features(self.switch.datapath),
            self.said.append,
            self._flowspace(),
            TrailerSigner("here", b"key"),
            first_id=first,
        )
        self.datapath.listen(lambda event, **about: self.events.append((event, about)))
        ports = tuple(self.switch.dialect.port_status(0, port).desc  # type: ignore[attr-defined]
                      for port in self.switch.datapath.ports)  # fmt: skip
        described = MESSAGES13.encode(3, MultipartReply(int(OFPMP.PORT_DESC), 0, ports))
        self.datapath.from_switch(described, self.now)
        self.tenants: dict[str, Tenant] = {}
        self._set_slices()
        lost = (
            self.datapath.begin() if had is None else self.datapath.begin(had.entries, had.objects)
        )
        self.tables.follow(SWITCH, self.datapath.tables, lost, first)
        for name in self.datapath.slices():
            self.tenants[name] = Tenant(name, messages=MESSAGES13)
            self.datapath.connect(self.tenants[name])

    def _unwritten(self, reason: str) -> None:
        raise AssertionError(reason)

    def _flowspace(self) -> Any:
        return Flowspace(HEADER_13, self.rules).on(DPID)

    def _set_slices(self) -> None:
        limits = SliceLimits()
        for name in self._flowspace().slices:
            settings = SliceSettings(name, (), limits, bandwidth=self.bandwidths.get(name))
            self.datapath.set_slice(settings, RateLimiter(limits, self.now), None)

    def kill(self, is_written: bool, sent: int) -> None:
        """Kill it in a turn: what it said is written or not, and some of it sent, if it is."""
        if is_written:
            self.tables.flush()
            for _ in range(min(sent, len(self.said))):
                self._to_switch(self.said.popleft(), answers=False)
        elif self.tables._journal is not None:
            self.tables._journal._due.clear()
        self.tables.close()

    # ---- turns

    def ask(self, name: str, message: Any) -> None:
        """Have a tenant say something; nothing of it is sent yet."""
        if name in self.tenants:
            raw = MESSAGES13.encode(7, message)
            self.datapath.from_tenant(self.tenants[name], raw, self.now)

    def configure(self, rules: list[FlowspaceRule], bandwidths: dict[str, BandwidthShare]) -> None:
        """Have another flowspace, and other settings of slices."""
        self.rules, self.bandwidths = rules, bandwidths
        self._set_slices()
        self.datapath.set_flowspace(self._flowspace(), self.now)
        for name in set(self.datapath.slices()) - set(self._flowspace().slices):
            self.tenants.pop(name, None)
            self.datapath.remove_slice(name, self.now)
        self._set_slices()
        for name in set(self.datapath.slices()) - self.tenants.keys():
            self.tenants[name] = Tenant(name, messages=MESSAGES13)
            self.datapath.connect(self.tenants[name])

    def turn(self) -> None:
        """End the turn, and those that follow from it."""
        while self.said:
            self.tables.flush()
            self._to_switch(self.said.popleft())

    def take_over(self) -> None:
        """Have the switch taken over; what is there before and after is never away."""
        before, self._seen = set(self.places()), []
        self.turn()
        seen, self._seen = self._seen, None
        stays = before & set(self.places())
        for there, message in seen:
            assert stays <= there, f"{stays - there} is gone by {message}"

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        for raw in self.switch.tick(self.now).messages:
            self.datapath.from_switch(raw, self.now)
        self.turn()

    def _to_switch(self, raw: bytes, answers: bool = True) -> None:
        if raw[1] in (OFPT.FLOW_MOD, OFPT.GROUP_MOD, OFPT.METER_MOD):
            self.changes.append(MESSAGES13.decode(raw).message)
        effects = self.switch.handle(raw, self.now)
        if self._seen is not None:
            self._seen.append((set(self.places()), MESSAGES13.decode(raw).message))
        for answer in effects.messages:
            found = MESSAGES13.decode(answer).message
            if isinstance(found, Error):
                self.refused.append(found)
            if answers:
                self.datapath.from_switch(answer, self.now)

    # ---- what there is

    def places(self) -> Iterator[Place]:
        """Yield what a frame may need on the switch, each thing where it stands."""
        switch = self.switch.datapath
        for table in switch.tables:
            for entry in table:
                cookie = entry.cookie if entry.table_id else 0
                yield "entry", entry.table_id, ternary13(entry.wire_match), entry.priority, cookie
        for group in switch.groups.all():
            yield "group", group.group_id
        for meter in switch.meters.chosen(0xFFFFFFFF):
            yield "meter", meter.meter_id

    def check(self) -> None:
        """Check that the switch has what the engine believes, and nothing else."""
        datapath, switch = self.datapath, self.switch.datapath
        wanted, found = {}, {}
        for entry in datapath.sliced.every_entry():
            one = datapath.sliced.installed(entry.entry_id)
            mark = datapath.sliced.marks.of(entry.slice_name)
            assert one is not None
            assert mark is not None
            match = marked_match(entry.match, mark)
            place = entry.table_id + 1, match, entry.priority, entry.entry_id
            wanted[place] = read_instructions(one.program)
        for table in switch.tables[1:]:
            for own in table:
                place = own.table_id, ternary13(own.wire_match), own.priority, own.cookie
                found[place] = tuple(own.wire_actions)
        assert found == wanted
        self._check_first_table()
        self._check_groups()
        self._check_meters()

    def _check_first_table(self) -> None:
        classifier = self.datapath._classifier
        wanted = {at: one.program for at, one in classifier._installed.items()}
        wanted |= classifier._fixed
        found = {
            (ternary13(one.wire_match), one.priority): tuple(one.wire_actions)
            for one in self.switch.datapath.tables[0]
        }
        assert found == {at: read_instructions(program) for at, program in wanted.items()}

    def _check_groups(self) -> None:
        groups = self.datapath.groups
        found = {one.group_id: (one.type, one.buckets) for one in self.switch.datapath.groups.all()}
        assert found == {real: (one.type, one.buckets) for real, one in groups._sent.items()}
        own = {groups.real(name, one.group_id) for name in NAMES for one in groups.of_slice(name)}
        assert set(found) == own | set(groups._floods.values())
        assert groups.errors == 0

    def _check_meters(self) -> None:
        meters = self.datapath.meters
        found = {
            one.meter_id: (one.flags, one.bands)
            for one in self.switch.datapath.meters.chosen(0xFFFFFFFF)
        }
        wanted = {
            meters.real(name, one.meter_id): (one.mod.flags, one.mod.bands)
            for name in NAMES
            for one in meters.owned(name)
        }
        for share in meters.shares:
            assert share.is_there
            rate = share.share.rate_kbps
            assert found[share.real][1][0].rate == rate
            wanted[share.real] = found[share.real]
        assert found == wanted

    def written(self) -> tuple[list[TenantEntry], Any, Any]:
        """Return what tenants have, as they wrote it."""
        groups, meters = self.datapath.groups, self.datapath.meters
        return (
            list(self.datapath.sliced.every_entry()),
            {name: {one.group_id: one for one in groups.of_slice(name)} for name in NAMES},
            {name: {m.meter_id: m.mod.bands for m in meters.owned(name)} for name in NAMES},
        )


def share(rate: int) -> BandwidthShare:
    return BandwidthShare(BandwidthMode.METER, rate_kbps=rate)


def is_change(message: Any) -> bool:
    return isinstance(message, FlowMod13 | GroupMod | MeterMod13)
