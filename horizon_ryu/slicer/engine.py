"""Engine of the slicer: switches that connect, and what they all work by."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from horizon_ryu.core.collection_pause import collection_paused
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.slicing.flowspace import Flowspace, SwitchFlowspace
from horizon_ryu.core.slicing.limits import RateLimiter
from horizon_ryu.slicer.active_slices import ActiveSlices
from horizon_ryu.slicer.configuration import SlicerConfiguration
from horizon_ryu.slicer.flow_stats import StatisticsSettings
from horizon_ryu.slicer.kept_tables import KeptTables
from horizon_ryu.slicer.lldp_trailer import TrailerSigner
from horizon_ryu.slicer.sliced_datapath import SlicedDatapath
from horizon_ryu.slicer.switch_link import HANDSHAKE_SECONDS, SwitchLink
from horizon_ryu.slicer.tls_contexts import SlicerTls
from horizon_ryu.wire.ternary import LAYOUTS
from xen_bridge.serving.room import Place, Room, party_of

_LOG = logging.getLogger("horizon.slicer")
Listener = Callable[[str, Mapping[str, Any]], None]
MOST_CROWDED = 1024
"""Addresses that are known to have too many connections."""
FAULT_SECONDS = 60.0
"""For which it is told that something has failed."""
SETTLE_SECONDS = 0.001
"""For which switches take another configuration before tenants have a turn."""
FEW_RULES = 250
"""Of which flowspaces are made at once; of more, in a thread."""
REPLACED_SECONDS = 2.0
"""After a connection of a switch took the place of another, in which no third takes it."""
_CLAIMED = "another connection of this dpid has just taken the place of one before"


class SwitchPlaces(NamedTuple):
    """Connections of switches, in all and from one address."""

    connections: int = 8192
    per_address: int = 2048


class SlicerEngine:
    """All switches and slices of one slicer; it runs in one event loop."""

    def __init__(
        self,
        instance: str,
        listener: Listener | None = None,
        tls: SlicerTls = SlicerTls(),  # noqa: B008 - it is never changed
        places: SwitchPlaces = SwitchPlaces(),  # noqa: B008 - it is never changed
        statistics: StatisticsSettings = StatisticsSettings(),  # noqa: B008 - nor is this
    ) -> None:
        """``instance`` is its name in LLDP, which tells slicers apart that stand on one another."""
        self.tls = tls
        self.statistics = statistics
        self.active = ActiveSlices()
        self._room = Room(places.connections, places.per_address)
        self._crowded: set[str] = set()
        self.signer = TrailerSigner(instance, secrets.token_bytes(32))
        self._listener = listener
        self._configuration = SlicerConfiguration()
        self.is_configured = asyncio.Event()
        self.is_settled = asyncio.Event()
        """Whether every switch works by the configuration: one after the other takes it."""
        self._to_settle: deque[tuple[int, SwitchLink]] = deque()
        self._let_go: list[Flowspace] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._preparing: dict[tuple[int, int], list[Callable[[], None]]] = {}
        self._one_prepares = asyncio.Lock()
        self._flowspaces: dict[int, Flowspace] = {}
        self._rates: dict[str, RateLimiter] = {}
        self._replaced: dict[int, float] = {}
        self.tables = KeptTables()
        self.switches: dict[int, SwitchLink] = {}
        self.faults = 0
        """Errors of ours, each of which has ended a connection or an operation."""
        self._last_fault: tuple[float, str] | None = None

    # ---- switches

    def take_over(self, path: Path) -> int:
        """Go on with the tables that an earlier engine has written to a file, and write there.

        Returns how many switches have entries by it.
        """
        return self.tables.open(
            path, lambda reason: self.tell("tables_not_written", path=str(path), reason=reason)
        )

    async def listen(self, host: str, port: int, begin: bool = True) -> asyncio.Server:
        """Begin to accept switches; OSError if the address cannot be had.

        Without ``begin`` they are refused until the server is told to serve.
        """
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: SwitchLink(self),
            host,
            port,
            backlog=512,
            start_serving=begin,
            ssl=self.tls.switches,
            ssl_handshake_timeout=None if self.tls.switches is None else HANDSHAKE_SECONDS,
        )

    def enter(self, host: str) -> Place | None:
        """Return a place for a connection from ``host``; None if there are too many.

        One that has not said yet which switch it is gives way to it. An address that has too many
        is told once, until one of them has ended.
        """
        place = self._room.enter(host)
        if place is not None:
            self._crowded.discard(place.party)
        elif (party := party_of(host)) not in self._crowded:
            self._crowded = {*list(self._crowded)[-MOST_CROWDED:], party}
            self.tell("switches_refused", address=host, connections=self._room.total)
        return place

    def admits(self, link: SwitchLink, dpid: int) -> bool:
        """Tell whether a switch may be there; of two connections with one dpid the newer stays.

        Two that take turns are two that claim one dpid: the one that is there stays for a while.
        """
        older = self.switches.get(dpid)
        if older is None:
            return True
        now = asyncio.get_running_loop().time()
        fresh = {one: at for one, at in self._replaced.items() if now < at + REPLACED_SECONDS}
        self._replaced = fresh
        if dpid in fresh:
            self.tell("switch_refused", dpid=dpid, switch=link.peer, reason=_CLAIMED)
            return False
        self._replaced[dpid] = now
        self.tell("switch_replaced", dpid=dpid, switch=older.peer)
        older.retire()
        return True

    def switch_came(self, link: SwitchLink) -> None:
        """Take a switch in that was admitted."""
        if link.datapath is not None:
            dpid = link.datapath.dpid
            self.switches[dpid] = link
            self.tell("switch_connected", dpid=dpid, switch=link.peer)

    def switch_left(self, link: SwitchLink) -> None:
        """Let a switch go."""
        if link.datapath is not None and self.switches.get(link.datapath.dpid) is link:
            del self.switches[link.datapath.dpid]
            self.tell("switch_disconnected", dpid=link.datapath.dpid, switch=link.peer)

    # ---- what all work by

    def entries_beside(self, datapath: SlicedDatapath, name: str) -> int:
        """Return how many flow entries a slice has on all switches but one."""
        return sum(
            link.datapath.entry_count(name)
            for link in self.switches.values()
            if link.datapath is not None and link.datapath is not datapath
        )

    def configuration(self) -> SlicerConfiguration:
        """Return what is worked by."""
        return self._configuration

    def prepare(self, dpid: int, version: int, then: Callable[[], None]) -> None:
        """Call ``then`` when the flowspace of a switch is there: at once, unless it takes long."""
        found = self._flowspaces.get(version)
        if (found is not None and found.on(dpid).is_prepared) or self._has_few_rules():
            then()
            return
        waiting = self._preparing.setdefault((dpid, version), [])
        waiting.append(then)
        if len(waiting) > 1:
            return
        task = asyncio.get_running_loop().create_task(self._prepare(dpid, version))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _prepare(self, dpid: int, version: int) -> None:
        """Have a flowspace made, and those called that wait for it."""
        try:
            await self._make_flowspace(dpid, version)
        except Exception as error:
            # Who waits makes it then itself, and its connection alone ends by what that raises.
            self.fault(error, dpid=dpid)
        for then in self._preparing.pop((dpid, version)):
            then()

    async def _make_flowspace(self, dpid: int, version: int) -> None:
        """Have a flowspace made in a thread, again while there are others meanwhile."""
        worked_by = None
        async with self._one_prepares:
            while worked_by is not self._configuration:
                worked_by, found = self._configuration, self._flowspaces.get(version)
                made = await asyncio.to_thread(_prepared, worked_by, found, dpid, version)
            self._flowspaces.setdefault(version, made)

    def _has_few_rules(self) -> bool:
        slices = self._configuration.slices.values()
        return sum(len(one.rules) for one in slices) <= FEW_RULES

    def flowspace_on(self, dpid: int, version: int) -> SwitchFlowspace:
        """Return the flowspace of a switch, in the fields of the version that it speaks."""
        found = self._flowspaces.get(version)
        if found is None:
            with collection_paused():
                found = self._configuration.flowspace(LAYOUTS[version])
            self._flowspaces[version] = found
        return found.on(dpid)

    def rates(self, name: str) -> RateLimiter:
        """Return the rates of a slice on all switches together."""
        return self._rates[name]

    def flowspaces_of(self, configuration: SlicerConfiguration) -> dict[int, Flowspace]:
        """Return the flowspaces of a configuration in the versions that are spoken now.

        What the switches that are there ask of them is worked out, too. It may be called in another
        thread: with many rules it takes long.
        """
        spoken, there = tuple(self._flowspaces), tuple(self.switches)
        with collection_paused():
            made = {version: configuration.flowspace(LAYOUTS[version]) for version in spoken}
            for dpid, flowspace in ((dpid, one) for dpid in there for one in made.values()):
                flowspace.on(dpid).prepare()
        return made

    def configure(
        self,
        configuration: SlicerConfiguration,
        flowspaces: Mapping[int, Flowspace] | None = None,
    ) -> None:
        """Work by another configuration from now on, on all switches.

        ``flowspaces``: what :meth:`flowspaces_of` has returned; worked out here if it is None.
        """
        made = self.flowspaces_of(configuration) if flowspaces is None else flowspaces
        now = asyncio.get_running_loop().time()
        self._configuration = configuration
        for name, one in configuration.slices.items():
            if name in self._rates:
                self._rates[name].set(one.settings.limits, now)
            else:
                self._rates[name] = RateLimiter(one.settings.limits, now)
        for name in self._rates.keys() - configuration.slices.keys():
            del self._rates[name]
        self.is_configured.set()
        self._let_go += self._flowspaces.values()
        self._flowspaces = dict(made)
        self._to_settle = deque(self.switches.items())
        self.is_settled.clear()
        self._settle_some()

    def _settle_some(self) -> None:
        """Have some switches work by the configuration; the others when tenants have had a turn."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + SETTLE_SECONDS
        while self._to_settle:
            dpid, link = self._to_settle.popleft()
            if self.switches.get(dpid) is link:
                link.reconfigure()
            if self._to_settle and loop.time() > ends:
                link.flush()
                loop.call_soon(self._settle_some)
                return
        if not self.is_settled.is_set():
            self.is_settled.set()
            self._free(loop)

    def _free(self, loop: asyncio.AbstractEventLoop) -> None:
        over, self._let_go = self._let_go, []
        if over:
            # In a thread: tenants must not wait while thousands of things are freed.
            loop.run_in_executor(None, _free, over)

    # ---- what is told

    def tell(self, event: str, **about: object) -> None:
        """Tell whoever listens what has happened, and the log."""
        if "dpid" in about:
            about["dpid"] = dpid_to_text(int(str(about["dpid"])))
        _LOG.info("%s: %s", event, ", ".join(f"{name} {value}" for name, value in about.items()))
        if self._listener is not None:
            self._listener(event, about)

    def problems(self) -> list[str]:
        """Return what is wrong with it, for whoever looks after it; nothing if all is well."""
        found = []
        now = asyncio.get_running_loop().time()
        if self._last_fault is not None and now < self._last_fault[0] + FAULT_SECONDS:
            found.append(f"the slicer's engine has failed: {self._last_fault[1]}; see its log")
        if self.tables.is_broken:
            found.append("the slicer's engine cannot write what its tenants have; is a disk full?")
        return found

    def fault(self, error: Exception, **about: object) -> None:
        """Tell of an error of ours, by which a connection has ended, with its traceback."""
        self.faults += 1
        self._last_fault = (asyncio.get_running_loop().time(), repr(error))
        _LOG.error("a connection ends by an error of ours: %s", about, exc_info=error)
        if self._listener is not None:
            self._listener("fault", {**about, "error": repr(error)})


def _prepared(
    worked_by: SlicerConfiguration, found: Flowspace | None, dpid: int, version: int
) -> Flowspace:
    """Return a flowspace, with what a switch asks of it worked out."""
    with collection_paused():
        made = worked_by.flowspace(LAYOUTS[version]) if found is None else found
        made.on(dpid).prepare()
    return made


def _free(over: list[Flowspace]) -> None:
    """Free what flowspaces are made of, one by one, with a chance for others to run in between."""
    while over:
        remains = over.pop().let_go()
        while remains:
            del remains[-1]
