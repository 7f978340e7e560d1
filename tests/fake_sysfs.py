"""A sysfs tree with an SR-IOV network card, a disk controller, a bridge and a vif."""

from __future__ import annotations

from pathlib import Path

PF, VF, DISK, BRIDGE = "0000:03:00.0", "0000:03:10.0", "0000:00:1f.2", "0000:00:1c.0"


def build(root: Path) -> Path:
    """Make the tree below ``root`` and return it."""
    _device(root, PF, "0x020000", "igb", sriov_totalvfs="7", sriov_numvfs="1")
    _device(root, VF, "0x020000", "igbvf")
    _device(root, DISK, "0x010601", "ahci")
    _device(root, BRIDGE, "0x060400", "pcieport")
    devices = root / "bus/pci/devices"
    (devices / VF / "physfn").symlink_to(devices / PF)
    (devices / PF / "virtfn0").symlink_to(devices / VF)
    (devices / PF / "net/eth3").mkdir(parents=True)
    for queue in ("rx-0", "rx-1", "tx-0", "tx-1"):
        (root / "class/net/vif5.0/queues" / queue).mkdir(parents=True)
    (root / "class/net/eth3").mkdir()
    parameters = root / "module/xen_netback/parameters"
    parameters.mkdir(parents=True)
    (parameters / "max_queues").write_text("4\n")
    return root


def _device(root: Path, address: str, kind: str, driver: str, **numbers: str) -> None:
    place = root / "bus/pci/devices" / address
    place.mkdir(parents=True)
    home = root / "bus/pci/drivers" / driver
    home.mkdir(parents=True, exist_ok=True)
    (place / "driver").symlink_to(home)
    for name, text in {"vendor": "0x8086", "device": "0x10c9", "class": kind, **numbers}.items():
        (place / name).write_text(text + "\n")


def bind(root: Path, address: str, driver: str) -> None:
    """Give a device another driver, as the kernel would."""
    home = root / "bus/pci/drivers" / driver
    home.mkdir(parents=True, exist_ok=True)
    link = root / "bus/pci/devices" / address / "driver"
    link.unlink()
    link.symlink_to(home)
