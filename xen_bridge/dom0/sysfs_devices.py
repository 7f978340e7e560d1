"""PCI devices, virtual functions and vif queues as the kernel shows them in sysfs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from xen_bridge.errors import HypervisorError, InvalidRequest, RequestUnsupported, SubjectNotFound
from xen_bridge.protocol.documents.devices import ADDRESS, Device, Kind, VifQueues

XEN_DRIVERS = ("pciback", "xen-pciback")
"""The drivers that hold a device for domains; the name depends on the kernel's age."""
MAX_DIGITS = 9
_VIF = re.compile(r"vif[0-9]+\.[0-9]+")


class SysfsDevices:
    """Reads and writes below ``root``, which is ``/sys`` but in tests."""

    def __init__(self, root: Path = Path("/sys")) -> None:
        self._devices = root / "bus" / "pci" / "devices"
        self._net = root / "class" / "net"
        self._queues = root / "module" / "xen_netback" / "parameters" / "max_queues"

    # ---- devices

    def devices(self) -> tuple[Device, ...]:
        """Return all PCI devices, by address."""
        try:
            names = sorted(os.listdir(self._devices))
        except OSError:
            return ()
        found = (self._device(name) for name in names if re.fullmatch(ADDRESS, name))
        return tuple(device for device in found if device is not None)

    def device(self, address: str) -> Device:
        """Return one device; SubjectNotFound if there is none at that address."""
        found = self._device(address) if re.fullmatch(ADDRESS, address) else None
        if found is None:
            raise SubjectNotFound(f"no PCI device {address}")
        return found

    def _device(self, address: str) -> Device | None:
        place = self._devices / address
        if not os.path.isdir(place):
            return None
        driver = _link_name(place / "driver")
        physical = _address(_link_name(place / "physfn"))
        most = _number(place / "sriov_totalvfs")
        kind: Kind = "virtual_function" if physical else "physical_function" if most else "plain"
        return Device(
            address=address,
            kind=kind,
            vendor=_hex(place / "vendor"),
            product=_hex(place / "device"),
            device_class=_hex(place / "class"),
            driver=driver,
            interface=next(iter(_names(place / "net")), None),
            assignable=driver in XEN_DRIVERS,
            physical=physical,
            functions=_number(place / "sriov_numvfs"),
            max_functions=most,
        )

    def functions(self, address: str) -> tuple[str, ...]:
        """Return the addresses of a physical function's virtual ones."""
        if not re.fullmatch(ADDRESS, address):
            return ()
        place = self._devices / address
        links = (place / name for name in _names(place) if name.startswith("virtfn"))
        return tuple(sorted(name for link in links if (name := _link_name(link))))

    def set_functions(self, address: str, count: int) -> None:
        """Have a physical function make ``count`` virtual ones.

        Raises RequestUnsupported for a device that makes none, InvalidRequest beyond its maximum.
        The kernel changes the number by way of 0 only. If it refuses the new one, or makes fewer,
        the old one is put back, and HypervisorError tells so.
        """
        device = self.device(address)
        if not device.max_functions:
            raise RequestUnsupported(f"{address} cannot make virtual functions")
        if not 0 <= count <= device.max_functions:
            raise InvalidRequest(("count",), f"{address} makes at most {device.max_functions}")
        if count == device.functions:
            return
        place = self._devices / address / "sriov_numvfs"
        try:
            _write_functions(place, device.functions, count)
        except HypervisorError as error:
            raise HypervisorError(f"{error}; {_put_back(place, device.functions)}") from error

    # ---- queues

    def max_queues(self) -> int | None:
        """Return how many queues a new vif may have; None without the driver."""
        return _number(self._queues) if self._queues.exists() else None

    def set_max_queues(self, count: int) -> None:
        """Let new vifs have at most ``count`` queues; RequestUnsupported without the driver."""
        if not self._queues.exists():
            raise RequestUnsupported("the driver xen_netback is not loaded here")
        _write(self._queues, str(count))

    def vif_queues(self) -> tuple[VifQueues, ...]:
        """Return the queues of every vif."""
        return tuple(self._vifs())

    def _vifs(self) -> Iterator[VifQueues]:
        for name in sorted(_names(self._net)):
            if _VIF.fullmatch(name):
                queues = _names(self._net / name / "queues")
                yield VifQueues(
                    name=name,
                    receive=sum(1 for queue in queues if queue.startswith("rx-")),
                    transmit=sum(1 for queue in queues if queue.startswith("tx-")),
                )


def _write_functions(place: Path, before: int, count: int) -> None:
    if before and count:
        _write(place, "0")
    _write(place, str(count))
    made = _number(place)
    if made != count:
        raise HypervisorError(f"the kernel made {made} virtual functions of {count}")


def _put_back(place: Path, count: int) -> str:
    """Have a physical function make as many as before; return what became of that."""
    try:
        if _number(place) != count:
            _write_functions(place, _number(place), count)
    except HypervisorError as error:
        return f"there are {_number(place)} now, since {count} cannot be put back: {error}"
    return f"there are {count}, as before"


def _write(place: Path, text: str) -> None:
    try:
        place.write_text(text, encoding="ascii")
    except OSError as error:
        raise HypervisorError(f"{place.name} of {place.parent.name}: {error.strerror}") from error


def _names(place: Path) -> list[str]:
    try:
        return sorted(os.listdir(place))
    except OSError:
        return []


def _link_name(place: Path) -> str | None:
    try:
        return os.path.basename(os.readlink(place))
    except OSError:
        return None


def _text(place: Path) -> str:
    try:
        return place.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _number(place: Path) -> int:
    text = _text(place)
    return int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else 0


def _hex(place: Path) -> str | None:
    return _text(place).removeprefix("0x") or None


def _address(name: str | None) -> str | None:
    return name if name is not None and re.fullmatch(ADDRESS, name) else None
