"""libvirt that fails in part, goes away in the middle, or speaks another language."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("libvirt")

import libvirt

from fake_libvirt import SickXen
from xen_bridge.dom0.hypervisor import xen_uri
from xen_bridge.dom0.hypervisor.libvirt_errors import ours, translated
from xen_bridge.errors import HypervisorAway, HypervisorError, InvalidRequest
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


# ---- URIs


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        ("xen+ssh://xen2/system", ("xen2", None, None, True)),
        ("xen+ssh://root@xen2:2222/system", ("root@xen2", 2222, None, True)),
        ("xen+ssh://user%40corp@xen2/", ("user@corp@xen2", None, None, True)),
        ("xen+ssh://[2001:db8::1]/system", ("2001:db8::1", None, None, True)),
        ("xen+ssh://x/?keyfile=/k/a+b%20c&no_verify=1", ("x", None, "/k/a+b c", False)),
        ("xen+ssh://x/?no_verify=0;keyfile=/k", ("x", None, "/k", True)),
    ],
)
def test_ssh_goes_where_libvirt_goes(
    monkeypatch: pytest.MonkeyPatch, uri: str, wanted: tuple[object, ...]
) -> None:
    monkeypatch.setattr(xen_uri, "run_over_ssh", lambda *how: how)
    assert xen_uri.xl_runner(uri) == wanted


@pytest.mark.parametrize(
    "uri", ["xen+ssh:///system", "xen+tcp:///system", "xen+libssh2://xen2/", "xen+ext:///x"]
)
def test_where_xl_is_out_of_reach_it_is_not_run_here(uri: str) -> None:
    assert xen_uri.xl_runner(uri) is None


@pytest.mark.parametrize("uri", ["xen+ssh://x:99999/", "xen+ssh://x:y/", "xen+ssh://[::1/"])
def test_what_is_no_uri_is_said(uri: str) -> None:
    for use in (PhysicalHost, lambda uri: PhysicalHost("memory:///a").migrate("r1", uri)):
        with pytest.raises(InvalidRequest, match="is no URI"):
            use(uri)
