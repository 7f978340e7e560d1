"""Initial file systems, and the plain kernel that guests start from."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import struct
from collections.abc import Iterable
from pathlib import Path

from topologies.lab.places import FILES, Places
from topologies.lab.steps import LabError, run

DOM0_MODULES = ("virtio_pci", "virtio_blk", "ext4")
GUEST_MODULES = ("xen-blkfront", "xen-netfront", "ext4")

_SIGNED = b"~Module signature appended~\n"
_SIGNATURE_INFO = 12
"""Bytes of the structure behind a signature, which ends with its length."""


def kernel_version(root: Path) -> str:
    """Return the version of the kernel that ``root`` has."""
    return sorted(path.name for path in (root / "lib" / "modules").iterdir())[-1]


def make_initramfs(places: Places, init: str, modules: Iterable[str], target: Path) -> None:
    """Write an initial file system that runs ``init`` and knows ``modules`` and theirs."""
    root = places.root
    tree = places.folder / f"{target.name}.tree"
    shutil.rmtree(tree, ignore_errors=True)
    for folder in ("bin", "dev", "proc", "sys", "root", "modules"):
        (tree / folder).mkdir(parents=True)
    shutil.copy(root / "bin" / "busybox", tree / "bin" / "busybox")
    shutil.copy(FILES / init, tree / "init")
    (tree / "init").chmod(0o755)
    _device(tree / "dev" / "console", 5, 1)
    _device(tree / "dev" / "null", 1, 3)
    needed = list(dict.fromkeys(_needed(places, modules)))
    for path in needed:
        module = unsigned((root / path.lstrip("/")).read_bytes())
        (tree / "modules" / Path(path).name).write_bytes(module)
    names = "".join(f"{Path(path).name}\n" for path in needed)
    (tree / "modules.list").write_text(names, encoding="ascii")
    _write_cpio(places, tree, target)


def _device(path: Path, major: int, minor: int) -> None:
    os.mknod(path, 0o600 | 0o020000, os.makedev(major, minor))


def _needed(places: Places, modules: Iterable[str]) -> Iterable[str]:
    """Yield the files of ``modules`` and of those they need, in the order to load them."""
    version = kernel_version(places.root)
    for module in modules:
        listed = run(
            places,
            ("chroot", str(places.root), "modprobe", "-S", version, "--show-depends", module),
        )
        for line in listed.splitlines():
            words = line.split()
            if words[:1] == ["insmod"]:
                yield words[1]


def unsigned(module: bytes) -> bytes:
    """Return a kernel module without its signature, if it has one (module-signing, kernel docs).

    Nobody insists on it, and to check one takes an emulated processor longer than all else.
    """
    if not module.endswith(_SIGNED):
        return module
    end = len(module) - len(_SIGNED)
    length = int.from_bytes(module[end - 4 : end], "big")
    return module[: end - _SIGNATURE_INFO - length]


def _write_cpio(places: Places, tree: Path, target: Path) -> None:
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    # Not compressed: unpacking is slow on an emulated processor, and it is small.
    run(places, ("cpio", "--quiet", "-o", "-H", "newc", "-D", str(tree), "-O", str(target)), names)


def unpack_kernel(source: Path, target: Path) -> None:
    """Write the plain ELF kernel that a compressed Linux kernel carries (boot protocol 2.08).

    Unpacking it once here spares every guest doing so on an emulated processor.
    """
    data = source.read_bytes()
    setup_sectors = data[0x1F1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = data[start : start + length]
    if not payload.startswith(b"\xfd7zXZ\0"):
        raise LabError(f"{source.name} is not compressed with xz")
    target.write_bytes(lzma.LZMADecompressor().decompress(payload))


def unpack_hypervisor(source: Path, target: Path) -> None:
    """Write Xen as the plain ELF that QEMU's multiboot loader wants."""
    with gzip.open(source) as packed:
        target.write_bytes(packed.read())
