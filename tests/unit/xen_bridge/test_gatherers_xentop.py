"""The xentop gatherer: tables as xentop writes them, the tool itself, and the back end."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backstop import BACKSTOP
from fake_runtime import BEGINNING, FakeRuntime
from xen_bridge.dom0.hypervisor.interface import Usage
from xen_bridge.dom0.hypervisor.memory_host import MemoryHost, MemoryWorld
from xen_bridge.errors import Deadline, HypervisorAway, HypervisorError
from xen_bridge.gatherers import xentop_table, xentop_tool
from xen_bridge.gatherers.from_usage import FromUsage
from xen_bridge.gatherers.xentop import XentopGatherer, xentop_source
from xen_bridge.gatherers.xentop_table import UNNAMED, XentopReader
from xen_bridge.gatherers.xentop_tool import XentopTool
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.measures import (
    DomainUsage,
    Sampling,
    VirtualInterface,
    XentopMeasures,
)
from xen_bridge.runtime.threads import ThreadRuntime

HEADER = (
    "{name:>{width}}  STATE   CPU(sec) CPU(%)     MEM(k) MEM(%)  MAXMEM(k) MAXMEM(%) VCPUS NETS"
    " NETTX(k) NETRX(k) VBDS   VBD_OO   VBD_RD   VBD_WR  VBD_RSECT  VBD_WSECT SSID\n"
)
GUEST, DOM0 = (
    "   edge one --b---         31   12.5      98304    9.4      99328       9.5     2    1"
    "        4        2    1        0       17        3        136         24    0\n",
    "  Domain-0 -----r        402    6.9     458752   43.8   no limit       n/a     4    0"
    "        0        0    0        0        0        0          0          0    0\n",
)
VIF = "Net0 RX:     2310bytes       21pkts        1err        2drop  TX:     4700bytes       44pkts"
VIF += "        3err        4drop\n"
TABLE = HEADER.format(name="NAME", width=10) + GUEST + VIF + DOM0


def read(text: str | bytes) -> list[tuple[DomainUsage, ...]]:
    reader = XentopReader()
    reader.feed(text if isinstance(text, bytes) else text.encode())
    reader.end()
    return reader.take()


# ---- tables


def test_a_table_is_read() -> None:
    ((guest, dom0),) = read(TABLE)
    assert guest == DomainUsage(
        name="edge one",
        cpu_time=31,
        cpu_percent=12.5,
        memory=98304,
        memory_percent=9.4,
        vcpus=2,
        interface_count=1,
        interfaces=(VirtualInterface(0, 2310, 21, 1, 2, 4700, 44, 3, 4),),
    )
    assert (dom0.name, dom0.cpu_time, dom0.memory, dom0.vcpus) == ("Domain-0", 402, 458752, 4)
    assert not dom0.interfaces


def test_every_header_begins_a_table() -> None:
    reader = XentopReader()
    reader.feed((TABLE + TABLE).encode())
    assert (reader.begun, len(reader.take())) == (2, 1)
    reader.feed(TABLE.encode())
    assert (reader.begun, len(reader.take())) == (3, 1)
    reader.end()
    assert (len(reader.take()), reader.take()) == (1, [])


def test_a_disk_that_tells_nothing_has_dashes() -> None:
    silent = "        -        -        -          -          -    0\n"
    row = GUEST[: GUEST.index("        0       17")] + silent
    ((guest,),) = read(HEADER.format(name="NAME", width=10) + row)
    assert (guest.name, guest.interface_count) == ("edge one", 1)


@pytest.mark.parametrize(
    "name",
    [
        "no limit",
        "x 1 no limit",
        "--b---",
        "a --b--- 1 1.0 1 1.0",
        "Net0 RX: 1bytes",
        "NAME",
        "Ünïcödé",
        "<&'\">",
        "1 2 3",
        "x" * 255,
    ],
)
def test_names_may_be_anything(name: str) -> None:
    header = HEADER.format(name="NAME", width=len(name))
    ((guest, dom0),) = read(header + name + GUEST[11:] + name + DOM0[10:])
    assert (guest.name, guest.cpu_time) == (name, 31)
    assert (dom0.name, dom0.cpu_time) == (name, 402)


def test_a_name_that_is_no_utf_8_or_missing_is_still_told() -> None:
    head, row = HEADER.format(name="NAME", width=10).encode(), GUEST[11:].encode()
    ((strange, none),) = read(head + b"\xff" + row + row)
    assert (strange.name, none.name) == ("\ufffd", UNNAMED)
    document_schema.check(none)


@pytest.mark.parametrize("share", ["-0.1", "nan", "-nan", "inf", "-inf", "-17.0"])
def test_impossible_shares_are_nothing(share: str) -> None:
    ((guest, *_),) = read(TABLE.replace("  12.5", share.rjust(6)))
    assert guest.cpu_percent == 0.0


@pytest.mark.parametrize(
    "text",
    [
        GUEST,
        VIF,
        "xentop: cannot open\n",
        HEADER.format(name="NAME", width=10) + VIF,
        HEADER.format(name="NAME", width=10) + GUEST[20:],
        HEADER.format(name="NAME", width=10) + "\n",
        HEADER.format(name="NAME", width=10).replace("NETS", "WORK"),
        TABLE + TABLE[:-30],
        "x" * 10_000,
        HEADER.format(name="NAME", width=10) + " " * 9_000 + "\n",
    ],
)
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(HypervisorError, match="xentop wrote"):
        read(text)


def test_a_row_that_is_none_is_left_out_and_the_others_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    strange = GUEST.replace("    98304", "  unknown")
    head = HEADER.format(name="NAME", width=10)
    for table in (head + strange + VIF + DOM0, head + DOM0 + strange + VIF):
        caplog.clear()
        ((dom0,),) = read(table * 3)[:1]
        # Nor is it told of another domain what its interfaces carried.
        assert (dom0.name, dom0.interfaces) == ("Domain-0", ())
        assert [one.getMessage()[:21] for one in caplog.records] == ["a domain is left out:"]


def test_a_table_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xentop_table, "MAX_LINES", 100)
    read(HEADER.format(name="NAME", width=10) + GUEST * 100)
    with pytest.raises(HypervisorError):
        read(HEADER.format(name="NAME", width=10) + GUEST * 101)


NUMBERS = st.integers(0, 2**64 - 1)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=40)
SHARES = st.integers(0, 99_999).map(lambda tenths: tenths / 10)
VIFS = st.lists(st.tuples(*[NUMBERS] * 8), max_size=3).map(
    lambda rows: tuple(VirtualInterface(number, *row) for number, row in enumerate(rows))
)
DOMAINS = st.builds(
    DomainUsage,
    name=NAMES.filter(lambda name: name.strip() == name != ""),
    cpu_time=NUMBERS,
    cpu_percent=SHARES,
    memory=NUMBERS,
    memory_percent=SHARES,
    vcpus=st.integers(0, 2**32 - 1),
    interface_count=st.integers(0, 2**32 - 1),
    interfaces=VIFS,
)


def written(domains: Sequence[DomainUsage], maximum: str = "no limit", disk: str = "0") -> str:
    """Write a table in the columns of xentop."""
    width = max([10, *(len(item.name) for item in domains)])
    lines = [HEADER.format(name="NAME", width=width)]
    for item in domains:
        limit = "n/a" if maximum == "no limit" else "10.0"
        lines.append(
            f"{item.name:>{width}} --b--- {item.cpu_time:10} {item.cpu_percent:6.1f}"
            f" {item.memory:10} {item.memory_percent:6.1f} {maximum:>10} {limit:>9}"
            f" {item.vcpus:5} {item.interface_count:4} {0:8} {0:8} {0:4} {disk:>8} {disk:>8}"
            f" {disk:>8} {disk:>10} {disk:>10} {0:4}\n"
        )
        for vif in item.interfaces:
            lines.append(
                f"Net{vif.number} RX: {vif.received_bytes:8}bytes {vif.received_packets:8}pkts"
                f" {vif.reception_errors:8}err {vif.reception_drops:8}drop "
                f" TX: {vif.transmitted_bytes:8}bytes {vif.transmitted_packets:8}pkts"
                f" {vif.transmission_errors:8}err {vif.transmission_drops:8}drop\n"
            )
    return "".join(lines)


@given(
    st.lists(st.lists(DOMAINS, min_size=1, max_size=4), min_size=1, max_size=3),
    st.sampled_from(("no limit", "131072")),
    st.sampled_from(("-", "12")),
    st.integers(1, 400),
)
def test_what_was_written_reads_back_however_it_is_cut(
    tables: list[list[DomainUsage]], maximum: str, disk: str, size: int
) -> None:
    data = "".join(written(table, maximum, disk) for table in tables).encode()
    reader = XentopReader()
    found = []
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
        found += reader.take()
    reader.end()
    assert [list(table) for table in found + reader.take()] == tables


def check_told(tables: Sequence[Sequence[DomainUsage]]) -> None:
    """Check what a peer reads: a message replaces what XML cannot carry of a name."""
    for table in tables:
        for item in table:
            document_schema.check(
                document_schema.from_element(DomainUsage, document_schema.to_element(item))
            )


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for before in (b"", TABLE.encode()):
        try:
            tables = read(before + data)
        except HypervisorError:
            continue
        check_told(tables)


@example([(0, b"", 0), (0, b"\0", 0), (TABLE.index("edge"), b"\0", 0)])
@given(
    st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=8), st.integers(0, 8)), max_size=5)
)
def test_a_damaged_table_is_read_or_refused(cuts: list[tuple[int, bytes, int]]) -> None:
    data = (TABLE * 3).encode()
    for at, put, gone in cuts:
        data = data[:at] + put + data[at + gone :]
    try:
        tables = read(data)
    except HypervisorError:
        return
    check_told(tables)


# ---- the tool

TOOL = """#!/bin/sh
echo "$@" > {arguments}
{body}
"""


def tool(directory: Path, body: str) -> XentopTool:
    """Return what runs ``body`` in place of xentop."""
    path = directory / "xentop"
    path.write_text(TOOL.format(arguments=directory / "arguments", body=body))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (directory / "table").write_text(TABLE)
    return XentopTool((str(path),))


def tables(directory: Path, count: int) -> str:
    return f"for n in {' '.join('1' * count)}; do cat {directory / 'table'}; done"


class HurriedRuntime(ThreadRuntime):
    """Threads whose clock runs fast, so that deadlines come soon."""

    def now(self) -> float:
        return super().now() * 100

    def sleep_until(self, when: float) -> None:
        super().sleep_until(when / 100)


def test_the_first_sample_is_discarded(tmp_path: Path) -> None:
    first = written([DomainUsage("Domain-0", 1, 0.0, 1, 1.0, 1, 0)])
    (tmp_path / "first").write_text(first)
    source = tool(tmp_path, f"cat {tmp_path / 'first'}; {tables(tmp_path, 2)}")
    measures = source.get_measures(Sampling(2, 3.0), ThreadRuntime())
    document_schema.check(measures)
    assert [item.number for item in measures.iterations] == [1, 2]
    assert all(item.domains == read(TABLE)[0] for item in measures.iterations)
    assert (tmp_path / "arguments").read_text() == "-b -f -n -i 3 -d 3\n"
    assert not psutil.Process().children()


def test_one_iteration_waits_no_longer_than_a_second(tmp_path: Path) -> None:
    source = tool(tmp_path, tables(tmp_path, 2))
    source.get_measures(Sampling(1, 0.25), ThreadRuntime())
    assert (tmp_path / "arguments").read_text() == "-b -f -n -i 2 -d 1\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo 'Failed to initialize xenstat library' >&2; exit 1", "0 samples of 3: Failed to"),
        ("true", "0 samples of 3: it said nothing"),
        ("echo Segmentation fault", "wrote 'Segmentation fault'"),
        ("exec head -c 100000 /dev/zero", "without end"),
    ],
)
def test_a_tool_that_fails_is_told(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(HypervisorError, match=message):
        tool(tmp_path, body).get_measures(Sampling(2, 1.0), ThreadRuntime())


@pytest.mark.parametrize("count", [1, 2, 4, 9])
def test_fewer_or_more_samples_than_wanted_are_an_error(tmp_path: Path, count: int) -> None:
    with pytest.raises(HypervisorError, match="samples"):
        tool(tmp_path, tables(tmp_path, count)).get_measures(Sampling(2, 1.0), ThreadRuntime())


def test_a_tool_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(HypervisorError, match="No such file"):
        XentopTool((str(tmp_path / "none"),)).get_measures(Sampling(), ThreadRuntime())


@pytest.mark.parametrize("body", ["exec sleep 600", "cat {0}; exec sleep 600"])
def test_a_tool_that_does_not_end_in_time_is_killed(tmp_path: Path, body: str) -> None:
    source = tool(tmp_path, body.format(tmp_path / "table"))
    with pytest.raises(Deadline):
        source.get_measures(Sampling(2, 1.0), HurriedRuntime())
    assert not psutil.Process().children()


def test_a_tool_that_writes_for_ever_is_killed(tmp_path: Path) -> None:
    with pytest.raises(HypervisorError):
        tool(tmp_path, "exec yes ''").get_measures(Sampling(2, 1.0), ThreadRuntime())
    assert not psutil.Process().children()


class GivenUp(BaseException):
    """Not an error: what ends a green thread."""


def test_the_tool_is_killed_when_the_request_is_given_up(tmp_path: Path) -> None:
    class ImpatientRuntime(ThreadRuntime):
        def sleep_until(self, when: float) -> None:
            raise GivenUp

    with pytest.raises(GivenUp):
        tool(tmp_path, "exec sleep 600").get_measures(Sampling(2, 1.0), ImpatientRuntime())
    assert not psutil.Process().children()


def test_the_tool_is_killed_when_the_request_is_given_up_while_it_starts(tmp_path: Path) -> None:
    with xentop_tool._Process() as process:
        pass
    source = tool(tmp_path, "exec sleep 600")
    process.start(source._command)
    assert not psutil.Process().children()


GREEN = """
import faulthandler
import sys
faulthandler.dump_traceback_later(float(sys.argv[3]), exit=True)
import eventlet
eventlet.monkey_patch()
import greenlet
import psutil
from xen_bridge.protocol.documents.measures import Sampling
from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.gatherers.xentop_tool import XentopTool
def measure():
    return XentopTool((sys.argv[1],)).get_measures(Sampling(2, 1.0), GreenRuntime())
threads = [eventlet.spawn(measure) for _ in range(5)]
print([len(one.wait().iterations) for one in threads])
endless = eventlet.spawn(XentopTool((sys.argv[2],)).get_measures, Sampling(2, 1.0), GreenRuntime())
while not psutil.Process().children():
    eventlet.sleep(0.05)
endless.kill()
try:
    endless.wait()
except greenlet.GreenletExit:
    pass
print(psutil.Process().children())
"""


def test_under_eventlet_too(tmp_path: Path) -> None:
    endless = tmp_path / "endless"
    endless.mkdir()
    tool(tmp_path, tables(tmp_path, 3))
    tool(endless, "exec sleep 600")
    command = (sys.executable, "-W", "ignore", "-c", GREEN)
    done = subprocess.run(
        (*command, tmp_path / "xentop", endless / "xentop", str(BACKSTOP - 20)),
        capture_output=True,
        text=True,
        timeout=BACKSTOP,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout == "[2, 2, 2, 2, 2]\n[]\n", done.stderr


def test_no_file_is_left_open(tmp_path: Path) -> None:
    source = tool(tmp_path, tables(tmp_path, 2))
    source.get_measures(Sampling(), ThreadRuntime())
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        source.get_measures(Sampling(), ThreadRuntime())
    assert len(os.listdir("/proc/self/fd")) == before


# ---- the back end


class Counters(MemoryHost):
    """Tells one reading after the other, at the cost of no time."""

    def __init__(self, *readings: Sequence[Usage]) -> None:
        super().__init__(MemoryWorld(), "a", 2, 1_048_576)
        self.readings = list(readings)

    def usage(self) -> tuple[Usage, ...]:
        return tuple(self.readings.pop(0))


def usages(**cpu_seconds: float) -> list[Usage]:
    return [
        Usage(name, int(seconds * 1e9), 98_304, 2, (VirtualInterface(0, *range(8)),))
        for name, seconds in cpu_seconds.items()
    ]


def test_shares_are_of_what_was_used_since_the_last_reading() -> None:
    host = Counters(usages(a=10, b=5), usages(a=10.25, b=5), usages(a=12.25, b=6, c=7))
    runtime = FakeRuntime()
    measures = FromUsage(host).get_measures(Sampling(2, 2.0), runtime)
    document_schema.check(measures)
    first, second = measures.iterations
    # The reading that is not told came 1 s before.
    assert (first.at - BEGINNING, second.at - BEGINNING) == (1.0, 3.0)
    assert {item.name: item.cpu_percent for item in first.domains} == {"a": 25.0, "b": 0.0}
    assert {item.name: item.cpu_percent for item in second.domains} == {
        "a": 100.0,
        "b": 50.0,
        "c": 0.0,
    }
    told = second.domains[0]
    assert (told.cpu_time, told.memory, told.memory_percent, told.vcpus) == (12, 98_304, 9.38, 2)
    assert (told.interface_count, told.interfaces) == (1, (VirtualInterface(0, *range(8)),))
    assert not host.readings


def test_a_short_interval_shortens_the_first_reading_too() -> None:
    host = Counters(usages(a=1), usages(a=1.05))
    runtime = FakeRuntime()
    (only,) = FromUsage(host).get_measures(Sampling(1, 0.1), runtime).iterations
    assert only.domains[0].cpu_percent == pytest.approx(50.0)
    assert runtime.now() == pytest.approx(100.1)


def test_a_domain_that_was_started_anew_counts_from_zero() -> None:
    host = Counters(usages(a=100), usages(a=0.5))
    (only,) = FromUsage(host).get_measures(Sampling(), FakeRuntime()).iterations
    assert only.domains[0].cpu_percent == 50.0


def test_of_the_memory_back_end() -> None:
    runtime = FakeRuntime()
    host = MemoryWorld(runtime.now).host("a")
    host.define(CreateDomain("r1"))
    host.start("r1")
    measures = FromUsage(host).get_measures(Sampling(2, 1.0), runtime)
    document_schema.check(measures)
    for item in measures.iterations:
        assert {one.name: one.cpu_percent for one in item.domains} == {"Domain-0": 10.0, "r1": 10.0}


def test_a_hypervisor_that_is_away_is_told() -> None:
    host = MemoryWorld().host("a")
    host.fail("usage", HypervisorAway("gone"))
    with pytest.raises(HypervisorAway):
        FromUsage(host).get_measures(Sampling(), FakeRuntime())


# ---- which of the two


class Said:
    """Stands for a source."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.can = XentopTool.can

    def get_measures(self, sampling: Sampling, runtime: FakeRuntime) -> str:
        return self.name


@pytest.mark.parametrize(
    ("sampling", "source"),
    [
        (Sampling(5, 1.0), "tool"),
        (Sampling(5, 30.0), "tool"),
        (Sampling(1, 0.5), "tool"),
        (Sampling(5, 0.5), "usage"),
        (Sampling(5, 1.5), "usage"),
    ],
)
def test_the_tool_is_taken_where_it_can(sampling: Sampling, source: str) -> None:
    usage, tool_source = Said("usage"), Said("tool")
    both = XentopGatherer(usage, tool_source)  # type: ignore[arg-type]
    assert both.get_measures(sampling, FakeRuntime()) == source  # type: ignore[comparison-overlap]
    alone = XentopGatherer(usage, None)  # type: ignore[arg-type]
    assert alone.get_measures(sampling, FakeRuntime()) == "usage"  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(
    ("uri", "found"),
    [("xen:///system", True), ("xen+tls://far/system", False), ("memory:///a", False)],
)
def test_the_tool_is_for_this_machines_own_xen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, found: bool
) -> None:
    tool(tmp_path, tables(tmp_path, 2))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    host = MemoryWorld().host("a")
    measures = xentop_source(host, uri).get_measures(Sampling(1, 0.05), ThreadRuntime())
    assert isinstance(measures, XentopMeasures)
    names = [item.name for item in measures.iterations[0].domains]
    assert names == (["edge one", "Domain-0"] if found else ["Domain-0"])


def test_without_the_tool_the_back_end_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    host = MemoryWorld().host("a")
    measures = xentop_source(host, "xen:///system").get_measures(Sampling(1, 0.05), ThreadRuntime())
    assert [item.name for item in measures.iterations[0].domains] == ["Domain-0"]
