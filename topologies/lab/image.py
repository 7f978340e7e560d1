"""The disk that both hosts and all guests start from."""

from __future__ import annotations

import shutil
from pathlib import Path

from topologies.lab import archives, bridge, keys
from topologies.lab.places import FILES, Places
from topologies.lab.steps import fingerprint, is_current, remember, run

# libvirtd ends when the qemu driver's own user is missing; the others only cost time.
_UNUSED_LIBVIRT = ["qemu", "lxc", "vbox", "nwfilter", "storage", "secret", "interface"]
_COMMANDS = {
    "dom0-init": "sbin/horizon-dom0-init",
    "guest-init": "sbin/horizon-guest-init",
    "lab-service": "usr/local/bin/horizon-lab-service",
    "xen-bridge": "usr/local/bin/xen-bridge",
}
GUEST_FILES = "var/lib/horizon-lab"
"""Where Domain 0 has the kernel and the initial file system of guests."""
_LIBVIRTD = """\
listen_tls = 1
listen_tcp = 1
listen_addr = "0.0.0.0"
auth_tcp = "none"
auth_tls = "none"
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_group = "root"
"""
_SSHD = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
UsePAM no
UseDNS no
KexAlgorithms curve25519-sha256
Ciphers chacha20-poly1305@openssh.com
MaxStartups 100
"""
SPARE_MB = 200


def make(places: Places) -> bool:
    """Make the disk and what Domain 0 starts from; False if they are there already."""
    ours = [path for path in Path(__file__).parent.rglob("*") if path.suffix != ".pyc"]
    files = [path for path in ours if path.is_file()] + bridge.sources()
    roots = (places.made_from("root"), places.made_from("libraries"))
    wanted = fingerprint([path.read_text(encoding="ascii") for path in roots], files)
    if places.image.exists() and is_current(places, "image", wanted):
        return False
    keys.make(places)
    _make_stage(places)
    _make_boot_files(places)
    _make_disk(places)
    shutil.rmtree(places.stage)
    remember(places, "image", wanted)
    return True


def _make_stage(places: Places) -> None:
    stage = places.stage
    shutil.rmtree(stage, ignore_errors=True)
    # Hard links: a second, and nothing of the root is changed, since files are replaced.
    run(places, ("cp", "-al", str(places.root), str(stage)))
    _slim(stage)
    for source, target in _COMMANDS.items():
        _put(stage / target, (FILES / source).read_text(encoding="utf-8"), 0o755)
    _put(stage / "etc/libvirt/libvirtd.conf", _LIBVIRTD)
    _put(stage / "etc/ssh/sshd_config", _SSHD)
    keys.install(places, stage)
    bridge.install(places, stage)
    run(places, ("chroot", str(stage), "depmod", archives.kernel_version(stage)))


def _slim(stage: Path) -> None:
    kernel = stage / "lib/modules" / archives.kernel_version(stage) / "kernel"
    for name in (FILES / "unused-modules").read_text(encoding="ascii").split():
        shutil.rmtree(kernel / name, ignore_errors=True)
    for module in kernel.rglob("*.ko"):
        _put(module, archives.unsigned(module.read_bytes()))
    for folder in ("usr/share/qemu", "usr/share/seabios", "var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(stage / folder, ignore_errors=True)
    drivers = stage / "usr/lib/x86_64-linux-gnu/libvirt/connection-driver"
    for name in _UNUSED_LIBVIRT:
        (drivers / f"libvirt_driver_{name}.so").unlink(missing_ok=True)


def _put(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A hard link to the root's file must not be written through.
    path.unlink(missing_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def _make_boot_files(places: Places) -> None:
    boot = places.root / "boot"
    version = archives.kernel_version(places.root)
    archives.unpack_hypervisor(next(boot.glob("xen-4.17-*.gz")), places.hypervisor)
    shutil.copy(boot / f"vmlinuz-{version}", places.kernel)
    archives.make_initramfs(places, "dom0-initramfs", archives.DOM0_MODULES, places.initramfs)
    guest = places.stage / GUEST_FILES
    guest.mkdir(parents=True)
    archives.unpack_kernel(places.kernel, guest / "vmlinux")
    packed = places.folder / "guest.cpio"
    archives.make_initramfs(places, "guest-initramfs", archives.GUEST_MODULES, packed)
    shutil.copy(packed, guest / "initramfs")


def _make_disk(places: Places) -> None:
    used = int(run(places, ("du", "-sm", str(places.stage))).split()[0])
    places.image.unlink(missing_ok=True)
    run(
        places,
        (
            *("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0"),
            *("-d", str(places.stage), str(places.image), f"{used * 115 // 100 + SPARE_MB}M"),
        ),
    )
