"""Virtual switches behind a registry's face, and the Flow Manager's parts put together over them.

For what real switches do not do on demand: refuse one message, stay silent, lie, go away.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

from horizon_ryu.core.errors import SwitchAway, SwitchDeadline, SwitchError
from horizon_ryu.core.flows.entries import EntryKey, key_of, keys_of
from horizon_ryu.core.flows.flow import Flow
from horizon_ryu.core.flows.plan import FlowPlan
from horizon_ryu.core.flows.planner import FlowLimits, FlowPlanner
from horizon_ryu.core.flows.record import flow_from_json
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.core.topology import Host, Link, Port, PortRef, Switch, TopologyView
from horizon_ryu.flows.assembly import Foundation, assemble
from horizon_ryu.settings import FlowManagerOptions, FlowMigrationOptions
from horizon_ryu.store import Store
from horizon_ryu.supervision import Supervisor
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.description import Description
from horizon_ryu.wire.messages import FlowEntry, FlowMod, Match, Message, Outgoing
from horizon_ryu.wire.of10.controller import FlowMod10
from horizon_ryu.wire.of13.controller import FlowMod13, MeterMod13
from horizon_ryu.wire.ofp13 import OFPT
from ready_store import IN_MEMORY, ReadyStore
from virtual_switch.direct import DirectSwitch
from virtual_switch.held import HeldEntries, HeldMeters
from xen_bridge.runtime.green import GreenRuntime

EDGE = 90
"""The port of the host at each switch."""
DRAIN = 0.0
TABLES = {1: 1, 4: 8}
"""How many tables a switch has, by the version that it speaks."""


def mac(dpid: int) -> bytes:
    """The host at a switch."""
    return bytes((2, 0, 0, 0, 0, dpid))


def network(cables: Sequence[tuple[int, int]], openflow: int = 4, version: int = 1) -> TopologyView:
    """Switch ``a`` reaches ``b`` by its port ``b``; each has a host at EDGE."""
    ports: dict[int, dict[int, Port]] = {}
    links: dict[PortRef, Link] = {}
    for one, other in cables:
        for here, there in ((one, other), (other, one)):
            own = ports.setdefault(here, {EDGE: Port(EDGE, "edge", mac(here), True)})
            own[there] = Port(there, f"p{there}", mac(here), True)
            src = PortRef(here, there)
            links[src] = Link(src, PortRef(there, here))
    switches = {
        dpid: Switch(dpid, f"192.0.2.{dpid}:1", openflow, MappingProxyType(own))
        for dpid, own in ports.items()
    }
    hosts = {mac(dpid): Host(mac(dpid), (f"10.0.0.{dpid}",), PortRef(dpid, EDGE)) for dpid in ports}
    return TopologyView(version, switches, links, hosts)


class Held(NamedTuple):
    """What one switch holds."""

    entries: HeldEntries
    meters: HeldMeters


class FabricSwitches:
    """Stands for the registry. ``refuse`` says why a message is refused, None if it is not."""

    def __init__(self, dpids: Sequence[int], version: int = 4) -> None:
        self._switches = {
            dpid: DirectSwitch(dpid, version, tables=TABLES[version]) for dpid in dpids
        }
        for dpid, switch in self._switches.items():
            switch.switch.faults.ignore = partial(self._ignores, dpid)
        self.tables = {
            dpid: Held(HeldEntries(switch), HeldMeters(switch))
            for dpid, switch in self._switches.items()
        }
        self.version = version
        self.connections = {dpid: SimpleNamespace(version=version) for dpid in dpids}
        self.away: set[int] = set()
        self.silent: set[int] = set()
        self.deaf: set[int] = set()
        self.refuse: Callable[[Outgoing], str | None] = lambda _sent: None
        self.batches: list[tuple[Outgoing, ...]] = []
        self.before: Callable[[Sequence[Outgoing]], None] = lambda _messages: None
        self.models: dict[int, str] = {}

    def confirm(self, messages: Sequence[Outgoing], deadline: float = 0) -> tuple[SwitchError, ...]:
        self.before(messages)
        self.batches.append(tuple(messages))
        errors: list[SwitchError] = []
        for index, sent in enumerate(messages):
            if sent.dpid in self.away:
                continue
            reason = self.refuse(sent) or self._switches[sent.dpid].apply(sent.message)
            if reason is not None:
                errors.append(SwitchError(sent.dpid, reason, index))
        dpids = dict.fromkeys(sent.dpid for sent in messages)
        errors += [SwitchAway(dpid) for dpid in dpids if dpid in self.away]
        errors += [SwitchDeadline(dpid, "no answer") for dpid in dpids if dpid in self.silent]
        return tuple(errors)

    def _ignores(self, dpid: int, message: object) -> bool:
        return dpid in self.deaf and isinstance(message, FlowMod10 | FlowMod13 | MeterMod13)

    def flow_entries(
        self,
        dpid: int,
        deadline: float = 0,
        match: Match = Match(),  # noqa: B008 - frozen
        cookie: int = 0,
        mask: int = 0,
    ) -> tuple[FlowEntry, ...]:
        self.get(dpid)
        return tuple(
            replace(entry, packet_count=7, byte_count=700)
            for entry in self._switches[dpid].entries()
            if entry.cookie & mask == cookie & mask
        )

    def answers(
        self, dpid: int, encode: Callable[[Codec, int], bytes], kind: str, deadline: float = 0
    ) -> list[bytes]:
        asked = encode(self.codec(dpid), 1)
        return list(self._switches[dpid].switch.handle(asked, 0.0).messages)

    def description(self, dpid: int, deadline: float = 0) -> Description:
        self.get(dpid)
        return Description("Maker", self.models.get(dpid, "Model"), "1.0", "", "")

    def get(self, dpid: int) -> Any:
        if dpid in self.away or dpid not in self._switches:
            raise SwitchAway(dpid)
        return self.connections[dpid]

    def codec(self, dpid: int) -> Codec:
        self.get(dpid)
        return codec_of(self.version)

    def connected(self) -> set[int]:
        return set(self._switches) - self.away

    def apply(self, dpid: int, message: Message) -> str | None:
        """Carry out a message of somebody else; return the text of the error, if it is one."""
        return self._switches[dpid].apply(message)

    def handle(self, dpid: int, data: bytes) -> None:
        """Take the bytes of a message of somebody else, which must not be refused."""
        answered = self._switches[dpid].switch.handle(data, 0.0).messages
        if any(message[1] == OFPT.ERROR for message in answered):
            raise ValueError(answered)

    def every_mod(self, dpid: int) -> list[FlowMod]:
        """Return what would make the entries of a switch, of all its tables."""
        return list(self._switches[dpid].mods())

    def forget_entries(self, dpid: int) -> None:
        """Have a switch lose its entries, without a word."""
        self._switches[dpid].delete_flows()

    def held(self) -> set[EntryKey]:
        return {
            EntryKey(dpid, *key) for dpid, table in self.tables.items() for key in table.entries
        }

    def mods(self) -> dict[EntryKey, FlowMod]:
        return {
            key_of(dpid, mod): mod
            for dpid, table in self.tables.items()
            for mod in table.entries.values()
        }


class EventList:
    """Stands for the event log."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Mapping[str, Any]]] = []

    def publish(self, kind: str, data: Mapping[str, Any]) -> None:
        self.seen.append((kind, data))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.seen]


class ObstructedPlanner(FlowPlanner):
    """Forbids the commit of flows by number, beside what the network forbids."""

    def __init__(self, *args: Any) -> None:
        *others, self._obstacles = args
        super().__init__(*others)

    def check_commit(self, plan: FlowPlan) -> SwitchError | None:
        return self._obstacles.get(plan.subject) or super().check_commit(plan)


class FabricRuntime(GreenRuntime):
    """Time goes by when somebody sleeps: nothing waits for ever."""

    def __init__(self, fabric: Fabric) -> None:
        super().__init__()
        self._fabric = fabric

    def sleep(self, seconds: float) -> None:
        self._fabric.now += seconds
        super().sleep(min(seconds, 0.02))

    def wall(self) -> float:
        return 1e9


class Fabric:
    """A network in memory with a Flow Manager and Flow Migration; the store is real."""

    def __init__(
        self,
        cables: Sequence[tuple[int, int]],
        url: str = IN_MEMORY,
        openflow: int = 4,
        tables: FabricSwitches | None = None,
        **options: Any,
    ) -> None:
        self.cables = list(cables)
        self.openflow = openflow
        self.view = network(cables, openflow)
        self.tables = tables or FabricSwitches(sorted(self.view.switches), openflow)
        self.store = ReadyStore() if url == IN_MEMORY else Store(url)
        self.events = EventList()
        self.now = 100.0
        self._build(**options)

    def _build(
        self,
        verify: bool = False,
        settle: Sequence[str] = (),
        max_flows: int = 1000,
        tag_range: tuple[int, int] = (3000, 4094),
        grace: float = 0.0,
        kept: int = 1000,
    ) -> None:
        self.loop_failures: Counter[str] = Counter()
        self.unkept: list[frozenset[int]] = []
        self.supervisor = Supervisor(
            GreenRuntime(), lambda: self.now, lambda name: self.loop_failures.update((name,))
        )
        self.registry = FlowRegistry()
        self.obstacles: dict[int, SwitchError] = {}
        self.planner = ObstructedPlanner(
            self.registry,
            lambda: self.view,
            FlowLimits(tag_range, max_flows),
            partial(secrets.randbits, 32),
            self.obstacles,
        )
        beneath = Foundation(
            registry=self.registry,
            planner=self.planner,
            switches=self.tables,
            connected=self.tables.connected,
            store=self.store,
            events=self.events,
            supervisor=self.supervisor,
            runtime=FabricRuntime(self),
            clock=lambda: self.now,
            told_vain=self.unkept.append,
        )
        parts = assemble(
            beneath,
            FlowManagerOptions(reconcile_interval=1.0, deadline=1.0, grace=grace),
            FlowMigrationOptions(drain=DRAIN, verify=verify, settle=tuple(settle), kept=kept),
        )
        self.service, self.migrations, self.journal = parts.service, parts.migrations, parts.journal
        self.reconciler, self.monitor = parts.reconciler, parts.monitor
        self.recovery = parts.recovery
        for row in self.store.flows():
            self.registry.restore(flow_from_json(row))

    def restarted(self, **options: Any) -> Fabric:
        """Return a controller that starts with the same store and the same switches."""
        other = object.__new__(Fabric)
        other.__dict__.update(self.__dict__)
        other.events = EventList()
        other._build(**options)
        return other

    def recable(self, cables: Sequence[tuple[int, int]]) -> None:
        """The network changes; its switches stay what they are."""
        view = network(cables, self.openflow, self.view.version + 1)
        switches = {**self.view.switches, **view.switches}
        self.view = replace(view, switches=switches, hosts=self.view.hosts)

    def wanted(self, *flows: Flow) -> set[EntryKey]:
        """Return the entries that flows need."""
        return {key for flow in flows for key in keys_of(flow)}


def sqlite(folder: Path) -> str:
    """A store that outlives its process."""
    return f"sqlite:///{folder / 'flows.sqlite'}"
