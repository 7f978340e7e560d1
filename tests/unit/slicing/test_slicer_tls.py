"""TLS of the slicer, with certificates as an operator would make them."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.settings import SlicingOptions
from horizon_ryu.slicer.tls_contexts import TlsFiles, slicer_tls
from horizon_ryu.slicer_files import statistics_words, tls_words
from horizon_ryu.wire.of10.asynchronous import PacketIn10
from unit.slicing.test_engine import SECONDS, Lab, in_lab, packet_in

_NEW = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of keys: of an authority, who it vouches for, and of a stranger's."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("keys")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    for authority in ("ca", "stranger-ca"):
        files = ("-keyout", f"{authority}.key", "-out", f"{authority}.crt")
        openssl(*_NEW, "-x509", "-days", "2", "-subj", f"/CN={authority}", *files)
    for name, host, authority in (
        ("controller", "localhost", "ca"),
        ("elsewhere", "elsewhere.example", "ca"),
        ("slicer", "localhost", "ca"),
        ("switch", "switch", "ca"),
        ("stranger", "localhost", "stranger-ca"),
    ):
        (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{host}\n")
        openssl(*_NEW, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signer = ("-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial")
        made = ("-extfile", f"{name}.ext", "-days", "2", "-out", f"{name}.crt")
        openssl("x509", "-req", "-in", f"{name}.csr", *signer, *made)
    return folder


def files(keys: Path, **names: str) -> TlsFiles:
    return TlsFiles(**{option: str(keys / name) for option, name in names.items()})


TENANTS = {
    "tenant_ca": "ca.crt",
    "tenant_certificate": "slicer.crt",
    "tenant_key": "slicer.key",
}
SWITCHES = {"certificate": "slicer.crt", "key": "slicer.key", "client_ca": "ca.crt"}


def of_controller(keys: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / f"{name}.crt", keys / f"{name}.key")
    context.load_verify_locations(keys / "ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def of_switch(keys: Path, name: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(keys / "ca.crt")
    if name is not None:
        context.load_cert_chain(keys / f"{name}.crt", keys / f"{name}.key")
    return context


def test_a_tenant_over_tls_has_its_slice(keys: Path) -> None:
    async def test(found: Lab) -> None:
        await found.controller("s", of_controller(keys, "controller"), "localhost")
        found.configure(2, s=[1])
        switch = await found.switch()
        tenant = await found.tenant("s")
        switch.say(packet_in(1))
        assert (await tenant.message(PacketIn10)).in_port == 1

    in_lab(test, tls=slicer_tls(files(keys, **TENANTS)))


@pytest.mark.parametrize("name", ["elsewhere", "stranger"])
def test_who_is_not_the_tenants_controller_is_told_nothing(keys: Path, name: str) -> None:
    async def test(found: Lab) -> None:
        await found.controller("s", of_controller(keys, name), "localhost")
        found.configure(2, s=[1], b=[3])
        await found.switch()
        await found.tenant("b")

        def is_told() -> bool:
            return any(
                event == "tenant_unreachable" and about["slice"] == "s"
                for event, about in found.events
            )

        await found.until(is_told)
        assert not any(peer.is_ready.is_set() for peer in found.controllers["s"])
        (reason, *_) = [
            about["reason"]
            for event, about in found.events
            if event == "tenant_unreachable" and about["slice"] == "s"
        ]
        assert "certificate verify failed" in reason

    in_lab(test, tls=slicer_tls(files(keys, **TENANTS)))


def test_switches_connect_over_tls_with_a_certificate_of_the_authority(keys: Path) -> None:
    async def test(found: Lab) -> None:
        switch = await found.switch(1, of_switch(keys, "switch"))
        a = await found.tenant("a")
        switch.say(packet_in(1))
        assert (await a.message(PacketIn10)).in_port == 1
        for context in (None, of_switch(keys, None), of_switch(keys, "stranger")):
            try:
                refused = await found.switch(2, context)
            except (ssl.SSLError, OSError):
                continue
            async with asyncio.timeout(SECONDS):
                await refused.is_lost.wait()
        assert list(found.engine.switches) == [1]

    in_lab(test, tls=slicer_tls(files(keys, **SWITCHES)))


@pytest.mark.parametrize(
    ("given", "loc"),
    [
        ({"tenant_certificate": "slicer.crt", "tenant_key": "slicer.key"}, "tenant_ca"),
        ({"tenant_ca": "ca.crt", "tenant_certificate": "slicer.crt"}, "tenant_key"),
        ({"certificate": "slicer.crt"}, "key"),
        ({"key": "slicer.key"}, "certificate"),
        ({"client_ca": "ca.crt"}, "certificate"),
        ({"certificate": "slicer.crt", "key": "switch.key"}, "certificate"),
        ({"tenant_ca": "nothing"}, "tenant_ca"),
        ({"tenant_ca": "ca.ext"}, "tenant_ca"),
    ],
)
def test_files_that_do_not_do_are_named(keys: Path, given: dict[str, Any], loc: str) -> None:
    (keys / "ca.ext").write_text("no certificate\n")
    with pytest.raises(InvalidInput) as refused:
        slicer_tls(files(keys, **given))
    assert refused.value.loc == (loc,)


def test_the_engine_is_started_with_the_files_of_the_application() -> None:
    options = SlicingOptions(tenant_ca="/a/ca", client_ca="/b/ca")
    assert tls_words(options) == ["--tenant-ca", "/a/ca", "--client-ca", "/b/ca"]


def test_how_statistics_are_told_reaches_the_engine() -> None:
    assert statistics_words(SlicingOptions()) == ["--stats-window", "1.0"]
    as_flowvisor = SlicingOptions(stats_window=30.0, empty_answers=False)
    assert statistics_words(as_flowvisor) == ["--stats-window", "30.0", "--no-empty-answers"]
