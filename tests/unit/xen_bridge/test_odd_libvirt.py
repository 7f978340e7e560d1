"""libvirt that fails in part, goes away in the middle, or speaks another language."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("libvirt")

import libvirt

from fake_libvirt import SickXen
from xen_bridge.dom0.hypervisor.libvirt_errors import ours, translated
from xen_bridge.errors import HypervisorAway, HypervisorError
from xen_bridge.gatherers.summary import HostLoad
from xen_bridge.protocol import messages
from xen_bridge.protocol.documents.domains import Node, PhysicalHostInfo
from xen_bridge.protocol.messages import Message
from xen_bridge.virtual_management import PhysicalHost


def error_of(code: int, domain: int, text: str) -> Any:
    error = libvirt.libvirtError(text)
    error.err = (code, domain, text, 2, "", "", "", 0, 0)
    return error


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (libvirt.VIR_ERR_SYSTEM_ERROR, "Verbindungsaufbau abgelehnt"),
        (libvirt.VIR_ERR_SYSTEM_ERROR, "End of file while reading data: Input/output error"),
        (libvirt.VIR_ERR_SYSTEM_ERROR, "Cannot write data: Broken pipe"),
        (libvirt.VIR_ERR_INTERNAL_ERROR, "internal error: client socket is closed"),
    ],
)
def test_a_lost_connection_is_known_in_every_language(code: int, text: str) -> None:
    assert type(ours(error_of(code, libvirt.VIR_FROM_RPC, text))) is HypervisorAway
    # What the hypervisor itself reports is no loss of it.
    assert type(ours(error_of(code, libvirt.VIR_FROM_LIBXL, "x"))) is HypervisorError


def test_a_daemon_that_dies_in_the_middle_of_a_listing_is_away() -> None:
    xen = SickXen()
    text = "End of file while reading data: Input/output error"
    xen.sick.sick["info"] = error_of(libvirt.VIR_ERR_SYSTEM_ERROR, libvirt.VIR_FROM_RPC, text)
    with pytest.raises(HypervisorAway, match="End of file"):
        PhysicalHost("xen:///system", xen).domains()


def failing(xen: SickXen, monkeypatch: pytest.MonkeyPatch, call: str, error: Exception) -> None:
    def fails(*_args: object) -> Any:
        raise error

    monkeypatch.setattr(xen.fake, call, fails, raising=False)


ODD = (
    error_of(libvirt.VIR_ERR_INTERNAL_ERROR, 0, "failed to determine host name"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
)


@pytest.mark.parametrize("error", ODD, ids=["libvirt", "not UTF-8"])
@pytest.mark.parametrize("call", ["getHostname", "getVersion", "getType", "getFreeMemory"])
def test_one_fact_of_a_host_that_cannot_be_read_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, call: str, error: Exception
) -> None:
    xen = SickXen()
    failing(xen, monkeypatch, call, error)
    host = PhysicalHost("xen:///system", xen)
    answer = Node(host.host(), host.domains(affinity=False))
    read = messages.read(messages.write(Message("AAAA", 7, answer))).body
    told: PhysicalHostInfo = read.host
    assert (told.cpus, told.memory_kb, len(read.domains)) == (2, 1023 * 1024, 3)
    assert told.name
    assert (told.free_memory_kb is None) == (call == "getFreeMemory")
    assert host.set_sched_parameters_weight(300, "healthy") is None


def test_an_empty_name_of_a_host_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    xen = SickXen()
    monkeypatch.setattr(xen.fake, "getHostname", lambda: "", raising=False)
    assert xen.host().name


def test_free_memory_that_nobody_tells_is_no_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    xen = SickXen()
    failing(xen, monkeypatch, "getFreeMemory", ODD[0])
    with pytest.raises(HypervisorError, match="how much memory is free"):
        HostLoad(xen).memory_percent()


def test_a_host_that_goes_away_meanwhile_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    xen = SickXen()
    lost = error_of(libvirt.VIR_ERR_SYSTEM_ERROR, libvirt.VIR_FROM_RPC, "Cannot recv data")
    failing(xen, monkeypatch, "getFreeMemory", lost)
    with pytest.raises(HypervisorAway), translated():
        xen.host()
