"""Paths of Domain 0 that new domains may be given: none but those of the list, links followed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from xen_bridge.dom0.allowed_paths import DEFAULT, AllowedPaths, allowed_path
from xen_bridge.dom0.hypervisor import domain_xml
from xen_bridge.dom0.hypervisor.memory_host import MemoryWorld
from xen_bridge.errors import InvalidRequest, PathNotAllowed, error_of
from xen_bridge.handlers import domain_handlers
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.domains import CreateDomain, NewDisk, NewInterface
from xen_bridge.virtual_management import PhysicalHost


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "r1.img").write_bytes(b"disk")
    (tmp_path / "images-of-others").mkdir()
    (tmp_path / "images-of-others" / "r1.img").write_bytes(b"disk")
    (tmp_path / "secret").write_bytes(b"secret")
    return folder


def allowing(*texts: object) -> AllowedPaths:
    return AllowedPaths(allowed_path(str(text)) for text in texts)


def disk(path: object, read_only: bool = False) -> CreateDomain:
    return CreateDomain("r1", disks=(NewDisk(str(path), "xvda", read_only),))


def given(paths: AllowedPaths, wanted: CreateDomain) -> str:
    return paths.checked(wanted).disks[0].source


# ---- files


def test_what_is_in_an_allowed_folder_is_given(images: Path) -> None:
    (images / "deep").mkdir()
    (images / "deep" / "k").write_bytes(b"kernel")
    paths = allowing(images)
    assert given(paths, disk(images / "r1.img")) == str(images / "r1.img")
    wanted = CreateDomain("r1", kernel=f"{images}/deep/k", ramdisk=f"{images}/deep/../r1.img")
    made = paths.checked(wanted)
    assert (made.kernel, made.ramdisk) == (str(images / "deep" / "k"), str(images / "r1.img"))
    assert paths.checked(CreateDomain("r1")) == CreateDomain("r1")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "/dev/sda",
        "/dev/../etc/shadow",
        "{images}/../secret",
        "{images}/none/../../secret",
        "/no/such/file",
        "{images}-of-others/r1.img",
        "{images}/link",
        "{images}/folder/secret",
        "/proc/self/root/etc/shadow",
        "/proc/1/root/etc/shadow",
    ],
)
@pytest.mark.parametrize("field", ["kernel", "ramdisk", "disk"])
def test_what_is_elsewhere_is_refused(images: Path, path: str, field: str) -> None:
    (images / "link").symlink_to(images.parent / "secret")
    (images / "folder").symlink_to(images.parent)
    wanted = path.format(images=images)
    asked = disk(wanted) if field == "disk" else CreateDomain("r1", **{field: wanted})
    with pytest.raises(PathNotAllowed) as refused:
        allowing(images).checked(asked)
    told = str(refused.value)
    assert told.startswith("disks.0.source" if field == "disk" else field)
    # Which list it is, and where: what one needs to know to have it changed.
    assert f"xen-bridge serve --allow-path: {images}" in told


def test_a_link_within_is_followed_before_it_is_given(images: Path) -> None:
    (images / "current.img").symlink_to("r1.img")
    assert given(allowing(images), disk(images / "current.img")) == str(images / "r1.img")


def test_the_allowed_folder_may_itself_be_a_link(images: Path) -> None:
    link = images.parent / "var"
    link.symlink_to(images)
    assert given(allowing(link), disk(link / "r1.img")) == str(images / "r1.img")


def test_nothing_is_allowed_by_an_empty_list(images: Path) -> None:
    with pytest.raises(PathNotAllowed, match="none"):
        AllowedPaths(()).checked(disk(images / "r1.img"))


def test_what_may_only_be_read_is_no_disk_to_be_written(images: Path) -> None:
    paths = allowing(f"{images}:ro")
    with pytest.raises(PathNotAllowed, match="may only be read"):
        paths.checked(disk(images / "r1.img"))
    assert given(paths, disk(images / "r1.img", read_only=True))
    assert paths.checked(CreateDomain("r1", kernel=f"{images}/r1.img")).kernel
    assert given(allowing(f"{images}:ro", images), disk(images / "r1.img"))


@pytest.mark.parametrize("name", ["none.img", "folder", "pipe", "link", "loop", "lost"])
def test_what_is_no_file_is_refused(images: Path, name: str) -> None:
    (images / "folder").mkdir()
    os.mkfifo(images / "pipe")
    (images / "link").symlink_to(images / "pipe")
    (images / "loop").symlink_to(images / "loop")
    (images / "lost").symlink_to("/nowhere")
    for wanted in (disk(images / name), CreateDomain("r1", kernel=str(images / name))):
        with pytest.raises(InvalidRequest):
            allowing(images).checked(wanted)


def test_one_file_may_be_allowed(images: Path) -> None:
    paths = allowing(images / "r1.img")
    assert given(paths, disk(images / "r1.img"))
    with pytest.raises(PathNotAllowed):
        paths.checked(disk(images / "other.img"))


# ---- block devices


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Devices of /dev, as links and kinds, that this machine does not have."""
    links = {"/dev/vg0/r1": "/dev/dm-3", "/dev/vg0/evil": "/dev/sda1", "/dev/my": "/dev/vdb"}
    kinds = {
        "/dev/dm-3": stat.S_IFBLK,
        "/dev/vdb": stat.S_IFBLK,
        "/dev/sda": stat.S_IFBLK,
        "/dev/vg0/null": stat.S_IFCHR,
        "/dev/sda1": stat.S_IFREG,
        "/dev": stat.S_IFDIR,
        "/dev/vg0": stat.S_IFDIR,
    }
    real = os.path.realpath

    def followed(path: Any, **more: Any) -> str:
        found = os.path.normpath(path)
        if not found.startswith("/dev"):
            return real(path, **more)
        found = links.get(found, found)
        if found not in kinds:
            raise FileNotFoundError(2, "No such file or directory")
        return found

    class Stat:
        def __init__(self, mode: int) -> None:
            self.st_mode = mode

    def stated(path: Any, **_more: Any) -> Stat:
        return Stat(kinds[followed(path)])

    monkeypatch.setattr("xen_bridge.dom0.allowed_paths.os.path.realpath", followed)
    monkeypatch.setattr("xen_bridge.dom0.allowed_paths.os.stat", stated)
    return kinds


def test_a_volume_keeps_its_name(devices: dict[str, int]) -> None:
    """The device behind it may have another number after the next boot."""
    assert given(allowing("/dev/vg0"), disk("/dev/vg0/r1")) == "/dev/vg0/r1"
    assert given(allowing("/dev/vg0/"), disk("/dev/./vg0/../vg0/r1")) == "/dev/vg0/r1"
    assert given(allowing("/dev/vdb:ro"), disk("/dev/vdb", True)) == "/dev/vdb"
    assert given(allowing("/dev/vdb"), disk("/dev/my")) == "/dev/vdb"


@pytest.mark.parametrize(
    "path", ["/dev/sda", "/dev/dm-3", "/dev/vg0/../sda", "/dev/vg0/evil", "/dev/vg0/.."]
)
def test_other_devices_are_refused(devices: dict[str, int], path: str) -> None:
    with pytest.raises(PathNotAllowed):
        allowing("/dev/vg0", "/dev/vdb").checked(disk(path))


@pytest.mark.parametrize("path", ["/dev/vg0/null", "/dev/vg0/gone", "/dev/vg0"])
def test_what_is_no_block_device_is_refused(devices: dict[str, int], path: str) -> None:
    with pytest.raises(InvalidRequest):
        allowing("/dev/vg0").checked(disk(path))


def test_a_kernel_is_a_file(devices: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest, match="no file"):
        allowing("/dev/vg0").checked(CreateDomain("r1", kernel="/dev/vg0/r1"))


# ---- the list


def test_the_list_is_of_absolute_paths() -> None:
    for text in DEFAULT:
        assert str(allowed_path(text)) == text
    for text in ("", "images", ":ro", "./x"):
        with pytest.raises(InvalidRequest, match="absolute"):
            allowed_path(text)


def test_the_service_gives_what_was_checked(images: Path) -> None:
    memory = MemoryWorld().host("a")
    seen: list[CreateDomain] = []
    real = memory.define

    def define(wanted: CreateDomain) -> Any:
        seen.append(wanted)
        return real(wanted)

    memory.define = define  # type: ignore[method-assign]
    (images / "link").symlink_to("r1.img")
    host = PhysicalHost("memory:///a", memory)
    create = domain_handlers(host, allowing(images))[CreateDomain].carry_out
    create(disk(images / "link"))
    assert seen[0].disks[0].source == str(images / "r1.img")
    with pytest.raises(PathNotAllowed):
        create(CreateDomain("r2", kernel="/root/kernel"))
    assert len(host.domains()) == 2
    # Its own library does what root may do anyway.
    assert host.define(CreateDomain("r2", kernel="/root/kernel"))


def test_the_refusal_travels_as_such() -> None:
    error = PathNotAllowed("kernel: /x")
    assert type(error_of(error.status, error.title, str(error))) is PathNotAllowed


# ---- the XML


def test_nothing_of_a_domain_can_become_other_xml() -> None:
    evil = "\"'/><disk><source file='/etc/shadow'/></disk><x y=\"&lt;"
    wanted = CreateDomain(
        evil,
        kernel=evil,
        ramdisk=evil,
        arguments=evil,
        disks=(NewDisk(evil, evil),),
        interfaces=(NewInterface(evil, evil),),
    )
    root = etree.fromstring(domain_xml.build(wanted, "xen"))
    plain = etree.fromstring(
        domain_xml.build(
            CreateDomain("r", None, kernel="/k", ramdisk="/i", arguments="a",
                         disks=(NewDisk("/d", "xvda"),), interfaces=(NewInterface("b", "m"),)),
            "xen",
        )
    )  # fmt: skip
    assert [one.tag for one in root.iter()] == [one.tag for one in plain.iter()]
    assert root.findtext("os/kernel") == evil


def test_the_format_of_a_disk_is_stated() -> None:
    """Else whoever opens it may guess, and a guest may write what makes it guess qcow2."""
    root = etree.fromstring(domain_xml.build(disk("/d"), "xen"))
    assert root.find("devices/disk/driver").get("type") == "raw"


@pytest.mark.parametrize(
    "wanted",
    [
        disk("qcow2:/var/lib/xen/images/r1.img"),
        disk("phy:/dev/sda"),
        disk("tap:aio:/etc/shadow"),
        disk("/a,file=/etc/shadow"),
        disk("relative"),
        disk("/a\n/b"),
        CreateDomain("r1", kernel="file:/k"),
        CreateDomain("r1", interfaces=(NewInterface(".."),)),
        CreateDomain("r1", interfaces=(NewInterface("-h"),)),
        CreateDomain("r1", interfaces=(NewInterface("br0;reboot"),)),
        CreateDomain("r1", interfaces=(NewInterface("a/b"),)),
    ],
)
def test_words_that_mean_more_than_a_path_or_a_name_are_refused(wanted: CreateDomain) -> None:
    with pytest.raises(InvalidRequest):
        document_schema.check(wanted)
