"""Groups and meters of two tenants on a real switch of 1.3, and our own bundle as both of them."""

from __future__ import annotations

import asyncio
import random
import re
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.match_codes13 import OFPXMC
from horizon_ryu.wire.messages import FLOOD_GROUP
from horizon_ryu.wire.of13.asynchronous import FlowRemoved13
from horizon_ryu.wire.of13.controller import FlowMod13, GroupMod, MeterMod13
from horizon_ryu.wire.of13.match import OxmField, OxmMatch
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.of13.statistics import (
    FlowStatsRequest13,
    GroupStatsRequest,
    MeterStatsRequest,
    PortStatsRequest13,
    QueueStatsRequest13,
)
from horizon_ryu.wire.of13.structures import (
    ActionGroup,
    ActionOutput13,
    Bucket,
    InstructionApplyActions,
    InstructionMeter,
    MeterBandDrop,
)
from horizon_ryu.wire.ofp13 import (
    OFP_NO_BUFFER,
    OFPG,
    OFPGC,
    OFPGT,
    OFPM,
    OFPMC,
    OFPMF,
    OFPMP,
    OFPP,
    OFPQ_ALL,
    OFPRR,
)
from horizon_ryu.wire.session.controller import ControllerSession
from horizon_ryu.wire.session.events import SessionEvent
from horizon_ryu.wire.session.negotiation import VersionOffer
from horizon_ryu.wire.session.protocol_session import SessionLimits
from horizon_ryu.wire.symmetric import BarrierReply, BarrierRequest, Error
from horizon_ryu.wire.versions import OPENFLOW_13
from tools.controller_process import ControllerProcess, wait_until
from tools.slicer_process import SlicerProcess
from topologies.driver import MininetProcess
from topologies.graphs import Graph, GraphHost, GraphSwitch

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

SECONDS = 90.0
MESSAGES = codec_of(OPENFLOW_13).messages
ANY_PORT, ANY_GROUP = int(OFPP.ANY), int(OFPG.ANY)
NUMBER = 5
"""What both tenants call their group, and their meter."""
PORTS = {"a": (1, 2), "b": (3, 4)}
_VOLATILE = re.compile(r" (duration|n_packets|n_bytes|idle_age|hard_age)=[^ ,]+,?|\(xid=\w+\)")
Check = Callable[..., Coroutine[Any, Any, None]]
"""Given two tenants, the network, the slicer and the tenants' ports."""


def one_switch() -> Graph:
    hosts = tuple(
        GraphHost(f"h{at}", f"10.0.0.{at}", f"00:00:00:00:00:{at:02x}", 1, at) for at in range(1, 5)
    )
    return Graph("one", (GraphSwitch(1, "s1"),), (), hosts)


def slices(ports: dict[str, int], held: int | None = None) -> list[dict[str, Any]]:
    """Return two slices, with half of the ports each, whose controllers listen on ``ports``.

    ``held``: the kbit/s that a meter holds each of them to.
    """
    share = {} if held is None else {"bandwidth": {"mode": "meter", "rate_kbps": held}}
    return [
        {
            "name": name,
            "controllers": [{"url": f"tcp:127.0.0.1:{port}"}],
            "flowspace": [{"ports": list(PORTS[name])}],
            **share,
        }
        for name, port in ports.items()
    ]


class ScriptedTenant(asyncio.Protocol):
    """A controller with our guard before it: what the guard refuses ends its session."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        limits = SessionLimits(offer=VersionOffer(frozenset({OPENFLOW_13})))
        self.session = ControllerSession(loop.time(), limits, random.getrandbits(32))
        self.got: list[Any] = []
        self.news = asyncio.Event()
        self.is_ready = False
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._flush()

    def data_received(self, data: bytes) -> None:
        for event, message in self.session.receive(data):
            self.is_ready |= event is SessionEvent.READY
            if event in (SessionEvent.MESSAGE, SessionEvent.ANSWER):
                self.got.append(MESSAGES.decode(message).message)
        self._flush()
        self.news.set()

    def _flush(self) -> None:
        self._transport.write(self.session.take_output())

    def say(self, *messages: Any) -> None:
        for message in messages:
            self.session.say(MESSAGES.encode(self.session.next_xid(), message))
        self._flush()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not holds():
                self.news.clear()
                assert self.session.end is None, self.session.end
                await self.news.wait()

    async def settled(self) -> list[Any]:
        """Return what has come, once all that was said is carried out."""
        self.say(BarrierRequest())
        await self.until(lambda: BarrierReply() in self.got)
        found, self.got = [one for one in self.got if one != BarrierReply()], []
        return found

    async def answer(self, kind: int, body: Any = b"") -> list[Any]:
        """Return all things that the answer to a question tells of."""
        self.got.clear()
        self.say(MultipartRequest(kind, 0, body))
        await self.until(lambda: any(_is_end(one) for one in self.got))
        assert not [one for one in self.got if isinstance(one, Error)]
        replies = [one for one in self.got if isinstance(one, MultipartReply)]
        assert {one.type for one in replies} == {kind}
        found: list[Any] = []
        for one in replies:
            found += one.body if isinstance(one.body, tuple) else (one.body,)
        return found


def _is_end(message: Any) -> bool:
    ends = isinstance(message, MultipartReply) and not message.flags & 1
    return ends or isinstance(message, Error)


def in_port(number: int) -> OxmMatch:
    field = OxmField(int(OFPXMC.OPENFLOW_BASIC), 0, False, number.to_bytes(4, "big"))
    return OxmMatch((field,))


def objects(come_in: int, go_out: int, rate: int) -> tuple[Any, ...]:
    """Return a group, a meter, and an entry that sends what comes in through both."""
    actions = (ActionOutput13(go_out),)
    entry = FlowMod13(
        77, 0, 0, 0, 0, 0, 100, OFP_NO_BUFFER, ANY_PORT, ANY_GROUP, 1, in_port(come_in),
        (InstructionMeter(NUMBER), InstructionApplyActions((ActionGroup(NUMBER),))),
    )  # fmt: skip
    bucket = Bucket(0, ANY_PORT, ANY_GROUP, actions)
    return (
        GroupMod(int(OFPGC.ADD), int(OFPGT.ALL), NUMBER, (bucket,)),
        MeterMod13(int(OFPMC.ADD), int(OFPMF.KBPS), NUMBER, (MeterBandDrop(rate, 0),)),
        entry,
    )


async def questions(tenant: ScriptedTenant, ports: tuple[int, int], rate: int) -> None:
    """Ask everything that there is to ask; the tenant is told of its own, and of nothing else."""
    described = await tenant.answer(int(OFPMP.PORT_DESC))
    assert sorted(one.port_no for one in described) == list(ports)
    counted = await tenant.answer(int(OFPMP.PORT_STATS), PortStatsRequest13(ANY_PORT))
    assert sorted(one.port_no for one in counted) == list(ports)
    (group,) = await tenant.answer(int(OFPMP.GROUP_DESC))
    assert (group.group_id, group.buckets[0].actions) == (NUMBER, (ActionOutput13(ports[1]),))
    (stats,) = await tenant.answer(int(OFPMP.GROUP), GroupStatsRequest(int(OFPG.ALL)))
    assert (stats.group_id, stats.ref_count, len(stats.bucket_stats)) == (NUMBER, 1, 1)
    assert [one.group_id for one in await tenant.answer(6, GroupStatsRequest(NUMBER))] == [NUMBER]
    (meter,) = await tenant.answer(int(OFPMP.METER_CONFIG), MeterStatsRequest(int(OFPM.ALL)))
    assert (meter.meter_id, meter.bands[0].rate) == (NUMBER, rate)
    (stats,) = await tenant.answer(int(OFPMP.METER), MeterStatsRequest(NUMBER))
    assert (stats.meter_id, stats.flow_count, len(stats.band_stats)) == (NUMBER, 1, 1)
    every = FlowStatsRequest13(0xFF, ANY_PORT, ANY_GROUP, 0, 0, OxmMatch())
    (entry,) = await tenant.answer(int(OFPMP.FLOW), every)
    assert (entry.cookie, entry.table_id) == (77, 0)
    assert entry.instructions == objects(*ports, rate)[2].instructions
    tables = await tenant.answer(int(OFPMP.TABLE))
    assert [one.active_count for one in tables][:2] == [1, 0]
    features = await tenant.answer(int(OFPMP.TABLE_FEATURES))
    assert [one.table_id for one in features] == list(range(len(features)))
    assert len(features) == len(tables)
    for kind in (OFPMP.DESC, OFPMP.GROUP_FEATURES, OFPMP.METER_FEATURES):
        assert len(await tenant.answer(int(kind))) == 1
    await tenant.answer(int(OFPMP.QUEUE), QueueStatsRequest13(ANY_PORT, OFPQ_ALL))


async def scripted(folder: Path, held: int | None, check: Check) -> None:
    """Run a check with a scripted tenant for each slice; ``held`` as :func:`slices` has it."""
    loop = asyncio.get_running_loop()
    tenants: dict[str, list[ScriptedTenant]] = {"a": [], "b": []}
    servers = {}
    for name, found in tenants.items():

        def made(found: list[ScriptedTenant] = found) -> ScriptedTenant:
            found.append(ScriptedTenant())
            return found[-1]

        servers[name] = await loop.create_server(made, "127.0.0.1", 0)
    ports = {name: one.sockets[0].getsockname()[1] for name, one in servers.items()}
    with ExitStack() as stack:
        slicer = SlicerProcess(folder, slices(ports, held), keeps_tables=True)
        await asyncio.to_thread(stack.enter_context, slicer)
        network = MininetProcess(one_switch(), [f"tcp:127.0.0.1:{slicer.port}"])
        await asyncio.to_thread(stack.enter_context, network)
        async with asyncio.timeout(SECONDS):
            while not all(found and found[-1].is_ready for found in tenants.values()):
                await asyncio.sleep(0.05)
        try:
            await check(tenants["a"][-1], tenants["b"][-1], network, slicer, ports)
            if check is both:
                assert [len(found) for found in tenants.values()] == [1, 1]
        finally:
            for server in servers.values():
                server.close()
    assert "Traceback" not in slicer.log()


async def both(
    a: ScriptedTenant,
    b: ScriptedTenant,
    network: MininetProcess,
    slicer: SlicerProcess,
    ports: dict[str, int],
) -> None:
    """Have objects of one number, and take those of one of the two away."""
    rates = {"a": 1000, "b": 2000}
    for name, tenant in (("a", a), ("b", b)):
        tenant.say(*objects(*PORTS[name], rates[name]))
        assert not [one for one in await tenant.settled() if isinstance(one, Error)]
    for name, tenant in (("a", a), ("b", b)):
        await questions(tenant, PORTS[name], rates[name])
    groups = await asyncio.to_thread(network.groups, 1)
    assert len(groups) == 2, "two of the same number for their tenants are two on the switch"
    a.say(GroupMod(int(OFPGC.DELETE), int(OFPGT.ALL), int(OFPG.ALL)))
    a.say(MeterMod13(int(OFPMC.DELETE), 0, int(OFPM.ALL)))
    # Open vSwitch may answer a barrier before it tells of what was removed.
    await a.until(lambda: any(isinstance(one, FlowRemoved13) for one in a.got))
    removed = [one for one in await a.settled() if isinstance(one, FlowRemoved13)]
    assert [(one.cookie, one.reason) for one in removed] == [(77, OFPRR.GROUP_DELETE)]
    await questions(b, PORTS["b"], rates["b"])
    assert len(await asyncio.to_thread(network.groups, 1)) == 1
    meters = await asyncio.to_thread(network.ofctl, 1, "dump-meters")
    assert "rate=2000" in meters
    assert "rate=1000" not in meters
    assert not [one for one in await b.settled() if isinstance(one, Error | FlowRemoved13)]
    await asyncio.to_thread(holding, slicer, network, ports)
    assert slicer.log().count("tenant_connected") == 2, "each has had one connection"


async def killed(
    a: ScriptedTenant,
    b: ScriptedTenant,
    network: MininetProcess,
    slicer: SlicerProcess,
    _ports: dict[str, int],
) -> None:
    """Have objects of each tenant and of the slicer, and kill the slicer."""
    for name, tenant in (("a", a), ("b", b)):
        tenant.say(*objects(*PORTS[name], 1000))
        assert not [one for one in await tenant.settled() if isinstance(one, Error)]

    def there() -> list[str]:
        found = network.flows(1) + network.groups(1)
        found.append(network.ofctl(1, "dump-meters"))
        return [_VOLATILE.sub("", one) for one in found]

    def metered() -> bool:
        return sum("meter:" in one and "table=0" in one for one in there()) == 4

    def again() -> list[str]:
        wait_until(metered, SECONDS, "each port's frames go through a meter")
        before = there()
        slicer.stop(signal.SIGKILL)
        slicer.start()
        wait_until(lambda: "switch_taken_over" in slicer.log(), SECONDS, "it is taken over")
        return before

    before = await asyncio.to_thread(again)
    assert "kept 2, added 0, removed 0" in slicer.log()
    assert await asyncio.to_thread(there) == before
    assert len([one for one in before if "group_id" in one]) == 2


def holding(slicer: SlicerProcess, network: MininetProcess, ports: dict[str, int]) -> None:
    """Hold both slices by meters, then to another rate, then not any more."""

    def metered() -> int:
        return sum("meter:" in flow and "table=0" in flow for flow in network.flows(1))

    slicer.configure(slices(ports, 6000))
    wait_until(lambda: metered() == 4, SECONDS, "each port's frames go through a meter")
    assert network.ofctl(1, "dump-meters").count("rate=6000") == 2
    slicer.configure(slices(ports, 4000))
    wait_until(
        lambda: network.ofctl(1, "dump-meters").count("rate=4000") == 2, SECONDS, "another rate"
    )
    assert metered() == 4, "the meters were changed where they stand"
    slicer.configure(slices(ports))
    wait_until(
        lambda: "rate=4000" not in network.ofctl(1, "dump-meters"), SECONDS, "no meter is left"
    )
    assert metered() == 0
    assert any("in_port=4" in flow and "goto_table" in flow for flow in network.flows(1)), (
        "what went with a meter must not have been what told the slices apart"
    )


def test_two_tenants_with_one_number_each_have_and_lose_their_own(tmp_path: Path) -> None:
    asyncio.run(scripted(tmp_path, None, both))


def test_groups_and_meters_stand_on_a_real_switch_while_the_slicer_is_killed(
    tmp_path: Path,
) -> None:
    asyncio.run(scripted(tmp_path, 6000, killed))


# ---- our own bundle as two tenants


class Bundles:
    """A switch whose two slices are piloted by a Horizon each."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.tenants = {}
        for name in PORTS:
            (folder / name).mkdir()
            self.tenants[name] = stack.enter_context(ControllerProcess(folder / name))
        ports = {name: tenant.openflow_port for name, tenant in self.tenants.items()}
        self.slicer = stack.enter_context(SlicerProcess(folder, slices(ports)))
        self.network = stack.enter_context(
            MininetProcess(one_switch(), [f"tcp:127.0.0.1:{self.slicer.port}"])
        )

    def lost(self, one: str, other: int) -> bool:
        ran = self.network.run(one, ["ping", "-c", "1", "-W", "1", f"10.0.0.{other}"])
        return ran.status != 0


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundles]:
    with ExitStack() as stack:
        yield Bundles(tmp_path_factory.mktemp("bundles"), stack)


def test_two_horizons_share_a_switch_their_group_and_their_cookies(bundles: Bundles) -> None:
    wait_until(lambda: not bundles.lost("h1", 2), SECONDS, "a is connected")
    wait_until(lambda: not bundles.lost("h3", 4), SECONDS, "b is connected")
    assert bundles.lost("h1", 3)
    assert bundles.lost("h4", 2)
    for name, tenant in bundles.tenants.items():
        (switch,) = tenant.get("/v1/topology")["switches"]
        numbers = {port["port_no"] for port in switch["ports"]}
        assert numbers == set(PORTS[name])
    groups = bundles.network.groups(1)
    assert len(groups) == 2
    assert not any(f"group_id={FLOOD_GROUP}" in group for group in groups)


def test_nothing_that_the_slicer_says_ends_a_session_with_a_horizon(bundles: Bundles) -> None:
    wait_until(lambda: not bundles.lost("h1", 2), SECONDS, "a is connected")
    for name, tenant in bundles.tenants.items():
        # A machine that does much else may have held some loop up.
        wait_until(
            lambda one=tenant: one.get("/v1/health")["status"] == "ok",
            SECONDS,
            f"{name} is well",
            tenant.held_up,
        )
        assert "Traceback" not in tenant.log()
    log = bundles.slicer.log()
    assert log.count("tenant_connected") == 2, "each has had one connection, for good"
    assert "tenant_disconnected" not in log
    assert "Traceback" not in log
