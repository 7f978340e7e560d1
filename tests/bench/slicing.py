"""The slicer between two small peers: what it adds to a round trip, what it costs.

Each figure is beside that of a relay which only copies, in C where there is a compiler. FlowVisor
1.4.0 added 28 to 48 us with 2 rules (p99 113 to 144 in all) and 104 us with 4,000 (p99 4,576).

The aim beside the relay's p50 can be met with 1 outstanding. Of 16 that come at once each waits for
eight others' work, of which a relay that only copies has none: 2.5 times what it adds would leave
3 us for a flow set-up, and the datapath alone, without a socket, takes 5 (the first figures).

Looked at once more with perf, at load 3: of 45 us of processor time for a set-up alone 22 are the
kernel's, of 18 with 16 outstanding 5.5, of 15 with 128 4.3, since what comes of a turn is one write
to each peer already; 7 of the rest are the datapath's, 6 those of sessions, turns and links, in
which no line stands out.

The engine is plain Python on purpose. Compiled by mypyc 2.4 (29 modules of the way of a flow set-
up: links, sessions, framing, index, tables and forms; gcc -O1), measured in turns with the plain
one on a busy machine (load 14), a set-up's processor time was 40 us in the place of 48 with 16
outstanding, 46 in that of 58 with 128, and the same with 1, where the kernel's calls are most of
it; the owner of an unseen frame 1.6 us in that of 2.3. That is 1.2 to 1.4 times, for 60 s of
compiling (8 of them mypyc's; 22 MB of C with 41 modules), data classes without slots, and one line
that was compiled to another meaning: an index of bytes by a constant slice.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack

import psutil

from bench import slicing_changes, slicing_messages, slicing_moves
from bench.slicing_changes import MANY_RULES, rule_match
from bench.slicing_paths import BareSwitch, Waits, bench, serve, settle
from bench.table import Figure
from horizon_ryu.core.collection_pause import collection_paused
from horizon_ryu.core.slicing.flowspace import Flowspace
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.wire.ternary import HEADER_10

COUNTS = (2, 1_000, 4_000)
WINDOWS = (1, 16, 128)
ROUNDS, TRIPS, WARM = 5, 2_000, 500
MOST_MB, MOST_CONNECT_S, MOST_BUILD_S = 150.0, 5.0, 1.0
MOST_RELAYS, MOST_P99_US, MOST_GROWN, MOST_DISTURBED, MOST_OWNER_US = 2.5, 500.0, 1.2, 2.0, 2.0
"""The aims: what is added, beside what a bare relay adds; p99; with 4,000 rules; by a flood."""
_SWITCHES, _SLICES = 100, 10
FLOOD, FLOODS = 10_000, 3
_SECONDS = 60.0


def figures() -> Iterator[Figure]:
    """Measure all of it."""
    yield from slicing_messages.figures()
    yield from round_trips()
    yield from isolation()
    yield from index()
    yield from slicing_changes.figures()
    yield from slicing_moves.figures()
    yield from size()


def round_trips() -> Iterator[Figure]:
    """Measure every path in turn, round after round; of each the median round counts."""
    with bench() as found, ExitStack() as stack:
        ports = {"direct": (found.tenants[0], 2), "python": (found.relay(), 2)}
        in_c = found.relay_in_c()
        if in_c is not None:
            ports["c"] = in_c, 2
        for count in COUNTS:
            ports[f"{count:,} rules"] = found.slicer(count).port, count
        switches = {
            name: (stack.enter_context(BareSwitch(port)), hosts)
            for name, (port, hosts) in ports.items()
        }
        settle([switch for switch, _ in switches.values()], 2.0)
        for switch, hosts in switches.values():
            switch.round_trips(hosts, 1, WARM)
        for window in WINDOWS:
            yield from _window(switches, window, "python" if in_c is None else "c")


def _window(
    switches: dict[str, tuple[BareSwitch, int]], window: int, relay: str
) -> Iterator[Figure]:
    rounds: dict[str, list[Waits]] = {name: [] for name in switches}
    for _ in range(ROUNDS):
        for name, (switch, hosts) in switches.items():
            rounds[name].append(switch.round_trips(hosts, window, TRIPS))

    def at(name: str, share: float) -> float:
        return statistics.median(one.at(share) for one in rounds[name])

    out = f"{window} outstanding"
    yield Figure(f"{out}, direct: p50", "us", at("direct", 0.5))
    looped, least = at("python", 0.5) - at("direct", 0.5), at(relay, 0.5) - at("direct", 0.5)
    yield Figure(f"{out}, relay in the slicer's loop: p50 added", "us", looped, least)
    for count in COUNTS:
        name = f"{count:,} rules"
        for label, share in (("p50", 0.5), ("p99", 0.99)):
            direct = at("direct", share)
            added, least = at(name, share) - direct, at(relay, share) - direct
            yield Figure(f"{out}, {name}: {label} added", "us", added, least)
            if share == 0.5:
                times = added / least if least > 0 else None
                yield Figure(
                    f"{out}, {name}: p50 added, beside the relay's", "x", times, MOST_RELAYS
                )
        yield Figure(f"{out}, {name}: p99 in all", "us", at(name, 0.99), MOST_P99_US)
        rate = statistics.median(one.per_s for one in rounds[name])
        relayed = statistics.median(one.per_s for one in rounds[relay])
        yield Figure(f"{out}, {name}: flow set-ups", "1/s", rate, relayed, True)
    most, few = f"{COUNTS[-1]:,} rules", f"{COUNTS[0]:,} rules"
    grown = at(most, 0.5) / at(few, 0.5)
    yield Figure(f"{out}, p50 with {most} beside {few}", "x", grown, MOST_GROWN)


def isolation() -> Iterator[Figure]:
    """Measure a tenant while another sends 10,000 flow-mods a second (aim: less than twice)."""
    waits: dict[int, list[Waits]] = {0: [], FLOOD: []}
    for _ in range(FLOODS):
        for flood, found in waits.items():
            found.append(_beside(flood))

    def at(flood: int, share: float) -> float:
        return statistics.median(one.at(share) for one in waits[flood])

    for label, share in (("p50", 0.5), ("p99", 0.99)):
        name = f"{label} while another tenant sends {FLOOD:,} a second"
        yield Figure(f"{name}, beside without", "us", at(FLOOD, share), at(0, share))
        yield Figure(f"{name}, times without", "x", at(FLOOD, share) / at(0, share), MOST_DISTURBED)


def _beside(flood: int) -> Waits:
    with bench(flood) as found:
        slicer = found.slicer(2)
        with BareSwitch(slicer.port) as switch:
            deadline = time.monotonic() + _SECONDS
            while slicer.log().count("tenant_connected") < 2 and time.monotonic() < deadline:
                switch.read()
            settle([switch], 0.5)
            switch.round_trips(2, 1, WARM)
            return switch.round_trips(2, 1, 2 * TRIPS)


def index() -> Iterator[Figure]:
    """Measure the flowspace of 10,000 rules with sets, ranges and prefixes."""
    rng = random.Random(1)
    rules = [
        FlowspaceRule(number, f"s{number % _SLICES}", None, parse_rule_match(rule_match(rng)))
        for number in range(MANY_RULES)
    ]
    start = time.perf_counter()
    with collection_paused():  # as the engine builds it
        flowspace = Flowspace(HEADER_10, rules).on(1)
    yield Figure("10,000 rules: built", "s", time.perf_counter() - start, MOST_BUILD_S)
    headers = [
        HEADER_10.match(in_port=rng.randrange(1, 49), dl_vlan=rng.randrange(4095),
                        dl_type=0x0800, nw_src=rng.getrandbits(32)).value
        for _ in range(5_000)
    ]  # fmt: skip
    for label, frames in (("", headers), (" and is a slice's", [*_owned(rules, rng)])):
        start = time.process_time()
        for header in frames:
            flowspace.owner(header)
        name = f"10,000 rules: owner of a frame that is seen first{label}, processor time"
        each = (time.process_time() - start) / len(frames) * 1e6
        yield Figure(name, "us", each, MOST_OWNER_US)


def _owned(rules: list[FlowspaceRule], rng: random.Random) -> Iterator[int]:
    """Yield headers of frames that rules take, one of each."""
    for rule in rng.sample(rules, 4_000):
        ports, tags, sources = (
            rule.match[name].ranges for name in ("in_port", "dl_vlan", "nw_src")
        )
        yield HEADER_10.match(
            in_port=ports[0].first,
            dl_vlan=tags[0].first & 0xFFF,
            dl_type=0x0800,
            nw_src=sources[0].first + 1,
        ).value


def size() -> Iterator[Figure]:
    """Measure 100 switches of 10 slices with 10,000 rules: the time to connect, and memory."""
    with bench() as found, ExitStack() as stack:
        slicer = found.slicer(MANY_RULES, _SLICES)
        start = time.perf_counter()
        switches = [
            stack.enter_context(BareSwitch(slicer.port, dpid)) for dpid in range(1, _SWITCHES + 1)
        ]
        wanted = _SWITCHES * _SLICES
        serve(switches, lambda: slicer.log().count("tenant_connected") >= wanted)
        passed = time.perf_counter() - start
        yield Figure("100 switches x 10 tenants connected", "s", passed, MOST_CONNECT_S)
        memory = psutil.Process(slicer.pid).memory_info().rss / 1e6
        yield Figure("10,000 rules, 100 switches, 10 slices: memory", "MB", memory, MOST_MB)
