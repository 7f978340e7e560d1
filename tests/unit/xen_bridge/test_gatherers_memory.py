"""The memory gatherer over files that look like /proc/meminfo, and over the real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_runtime import BEGINNING, FakeRuntime
from xen_bridge.errors import BridgeError
from xen_bridge.gatherers.memory import MemoryGatherer, read_meminfo
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.measures import Sampling
from xen_bridge.runtime.threads import ThreadRuntime

TEXT = b"""MemTotal:        3076788 kB
MemFree:         1110692 kB
MemAvailable:    2000000 kB
Buffers:          100000 kB
SwapCached:            7 kB
SwapTotal:       9012424 kB
SwapFree:        8773324 kB
HugePages_Total:       0
"""


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    path = tmp_path / "meminfo"
    path.write_bytes(TEXT)
    return path


def test_numbers_are_those_of_the_report(meminfo: Path) -> None:
    measures = MemoryGatherer(meminfo).get_measures(Sampling(3, 0.5), FakeRuntime())
    assert measures.tool_id == 4
    assert [item.number for item in measures.iterations] == [1, 2, 3]
    assert [item.at - BEGINNING for item in measures.iterations] == [0, 0.5, 1.0]
    last = measures.iterations[-1]
    assert (last.total_mem, last.free_mem, last.used_mem) == (3076788.0, 1110692.0, 1966096.0)
    assert (last.total_swap, last.free_swap, last.used_swap) == (9012424.0, 8773324.0, 239100.0)


def test_each_iteration_reads_anew_in_one_short_call(meminfo: Path) -> None:
    runtime = FakeRuntime()
    MemoryGatherer(meminfo).get_measures(Sampling(3, 0.5), runtime)
    assert runtime.calls == [read_meminfo] * 3


def test_a_kernel_without_swap_has_none(meminfo: Path) -> None:
    meminfo.write_bytes(b"".join(TEXT.splitlines(keepends=True)[:4]))
    (only,) = MemoryGatherer(meminfo).get_measures(Sampling(), FakeRuntime()).iterations
    assert (only.total_swap, only.free_swap, only.used_swap) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("text", [b"", b"MemTotal: many kB\nMemFree: 1 kB\n", b"MemTotal: 5 kB\n"])
def test_what_tells_no_memory_is_refused(meminfo: Path, text: bytes) -> None:
    meminfo.write_bytes(text)
    with pytest.raises(BridgeError, match="meminfo"):
        MemoryGatherer(meminfo).get_measures(Sampling(), FakeRuntime())


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BridgeError, match="No such file"):
        read_meminfo(tmp_path / "none")


@given(total=st.integers(0, 10**15), free=st.integers(0, 10**15))
def test_no_measure_is_out_of_bounds(
    total: int, free: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("proc") / "meminfo"
    path.write_bytes(b"MemTotal: %d kB\nMemFree: %d kB\n" % (total, free))
    document_schema.check(MemoryGatherer(path).get_measures(Sampling(), FakeRuntime()))


def test_of_this_machine() -> None:
    measures = MemoryGatherer().get_measures(Sampling(2, 0.01), ThreadRuntime())
    document_schema.check(measures)
    for item in measures.iterations:
        assert item.used_mem == item.total_mem - item.free_mem > 0
        assert item.used_swap == item.total_swap - item.free_swap
