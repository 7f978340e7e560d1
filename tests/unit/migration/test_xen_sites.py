"""What a Xen host tells of itself as a destination, and what its peers make of it."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from xen_bridge.dom0.hypervisor.opening import open_hypervisor
from xen_bridge.dom0.hypervisor.xen.disk_identity import (
    MAX_DISKS,
    check_same,
    facts_of,
    identity_of,
)
from xen_bridge.dom0.hypervisor.xen.migration_uri import MigrationUri
from xen_bridge.dom0.hypervisor.xen.save_helpers import saving
from xen_bridge.dom0.hypervisor.xen.xen_site import XenSite, missing_bridges, unconnected
from xen_bridge.errors import HypervisorAway, InvalidRequest
from xen_bridge.protocol.documents.domains import CreateDomain, NewDisk, NewInterface

GOOD = {
    "uri": "xen+tls://two/system",
    "boot": "b2",
    "libvirt": "l2",
    "xen": "4.17.5",
    "disk_0": "content abc",
}


def test_facts_are_read_as_they_are_told() -> None:
    assert XenSite.read(GOOD).facts() == GOOD


@pytest.mark.parametrize("fact", ["uri", "boot", "libvirt", "xen"])
def test_what_is_no_host_of_xen_is_refused(fact: str) -> None:
    with pytest.raises(InvalidRequest, match="is no host of Xen"):
        XenSite.read({name: value for name, value in GOOD.items() if name != fact})


@pytest.mark.parametrize(
    "uri",
    [
        "xen:///system",
        "xen://two/system",
        "xen+ext://two/system",
        "xen+unix://two/system",
        "qemu+tls://two/system",
        "xen+ssh://-oProxyCommand=reboot/system",
        "xen+ssh://two/system?command=/bin/sh",
        "xen+tls://two/system?pkipath=/tmp",
        "xen+tcp://two:0/system",
        "xen+tcp://two:70000/system",
        "xen+tcp://two/system\n",
        "xen+tcp://tw o/system",
        "xen+tcp:///system",
    ],
)
def test_a_uri_that_could_mean_more_than_a_host_is_refused(uri: str) -> None:
    with pytest.raises(InvalidRequest, match="destination"):
        XenSite.read({**GOOD, "uri": uri})


@pytest.mark.parametrize(
    ("uri", "host", "port", "is_secret"),
    [
        ("xen+tcp://two/system", "two", 16509, False),
        ("xen+tls://two.example:1/system", "two.example", 1, True),
        ("xen+ssh://root@[2001:db8::2]/system", "2001:db8::2", 22, True),
    ],
)
def test_the_parts_of_a_uri(uri: str, host: str, port: int, is_secret: bool) -> None:
    read = MigrationUri.read(uri)
    assert (read.host, read.port, read.is_secret) == (host, port, is_secret)


def test_nobody_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        MigrationUri.read(f"xen+tcp://127.0.0.1:{port}/system").check_reached()
    with pytest.raises(HypervisorAway, match="nobody listens"):
        MigrationUri.read(f"xen+tcp://127.0.0.1:{port}/system").check_reached()


def test_neither_here_nor_to_an_older_xen() -> None:
    site = XenSite.read(GOOD)
    site.check_from("b1", "4.17.7")
    site.check_from("b1", "4.16.1")
    with pytest.raises(InvalidRequest, match="is this host itself"):
        site.check_from("b2", "4.17.5")
    with pytest.raises(InvalidRequest, match=r"runs Xen 4\.17\.5, this host 4\.18\.0"):
        site.check_from("b1", "4.18.0")
    with pytest.raises(InvalidRequest, match=r"runs Xen 4\.9\.1"):
        XenSite.read({**GOOD, "xen": "4.9.1"}).check_from("b1", "4.10.0")


def test_a_migration_uri_is_for_xen() -> None:
    with pytest.raises(InvalidRequest, match="migration-uri: is for Xen"):
        open_hypervisor("netns:///one", "xen+tls://two/system")
    with pytest.raises(InvalidRequest, match="migration-uri: 'xen:///system' is none of"):
        open_hypervisor("xen:///system", "xen:///system")


def test_bridges_that_are_missing(tmp_path: Path) -> None:
    (tmp_path / "xenbr0").mkdir()
    interfaces = (NewInterface("xenbr0"), NewInterface("xenbr1"), NewInterface("xenbr1"))
    wanted = CreateDomain("r1", interfaces=interfaces)
    assert missing_bridges(wanted, tmp_path) == ("xenbr1",)


# ---- disks


@pytest.fixture
def disk(tmp_path: Path) -> NewDisk:
    path = tmp_path / "disk"
    path.write_bytes(bytes(300_000))
    return NewDisk(str(path), "xvda", read_only=True)


def test_a_disk_that_is_read_is_known_by_what_is_in_it(disk: NewDisk, tmp_path: Path) -> None:
    other = replace(disk, source=str(tmp_path / "other"))
    Path(other.source).write_bytes(bytes(300_000))
    here, there = facts_of((disk,)), facts_of((other,))
    check_same((disk,), here, there)
    for place in (0, 150_000, 299_999):
        data = bytearray(300_000)
        data[place] = 1
        Path(other.source).write_bytes(data)
        with pytest.raises(InvalidRequest, match="is another disk there: not shared"):
            check_same((disk,), here, facts_of((other,)))
    Path(other.source).write_bytes(bytes(300_001))
    with pytest.raises(InvalidRequest, match="is another disk there"):
        check_same((disk,), here, facts_of((other,)))
    with pytest.raises(InvalidRequest, match="is another disk there"):
        check_same((disk,), here, {})


def test_a_disk_that_is_written_is_not_taken_for_shared(disk: NewDisk) -> None:
    """However alike: both hosts have such a file, each its own."""
    written = replace(disk, read_only=False)
    assert identity_of(written) == "file unknown"
    with pytest.raises(InvalidRequest, match="on this host alone"):
        check_same((written,), facts_of((written,)), facts_of((written,)))


def test_disks_that_are_not_there_or_too_many(disk: NewDisk) -> None:
    with pytest.raises(InvalidRequest, match="No such file"):
        facts_of((replace(disk, source=disk.source + "x"),))
    with pytest.raises(InvalidRequest, match="more than"):
        facts_of((disk,) * (MAX_DISKS + 1))


# ---- what sends a domain


def test_the_helper_that_sends_a_domain_is_found_by_its_id(tmp_path: Path) -> None:
    """The command lines are those of Xen 4.17; file descriptors may look like other domains."""
    lines = {
        "101": "/usr/lib/xen-4.17/bin/libxl-save-helper --save-domain 44 31 1 1 136 0",
        "102": "/usr/lib/xen-4.17/bin/libxl-save-helper --save-domain 1 44 31 1 136 0",
        "103": "/usr/lib/xen-4.17/bin/libxl-save-helper --restore-domain 43 31 1 1 0 2 0 768 0",
        "104": "vi libxl-save-helper --save-domain 44 31 1",
    }
    for number, line in lines.items():
        (tmp_path / number).mkdir()
        (tmp_path / number / "cmdline").write_bytes(line.replace(" ", "\0").encode() + b"\0")
    (tmp_path / "105").mkdir()
    (tmp_path / "self").mkdir()
    assert list(saving(1, tmp_path)) == [101]
    assert list(saving(31, tmp_path)) == [102]
    assert list(saving(44, tmp_path)) == []


def test_an_interface_is_connected_when_the_guest_has_taken_it_up(tmp_path: Path) -> None:
    for name, carrier in (("vif5.0", "1"), ("vif5.1", "0")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "carrier").write_text(f"{carrier}\n", encoding="ascii")
    assert unconnected(("vif5.0", "vif5.1", "vif5.2"), tmp_path) == ("vif5.1", "vif5.2")
