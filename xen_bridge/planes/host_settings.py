"""Host settings: those of Domain 0's kernel (sysctl(8)) that data planes need.

All of the network namespace of the calling thread. Raises BridgeError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from xen_bridge.errors import BridgeError

SETTINGS = Path("/proc/sys/net")
LOWERED = ("rp_filter", "send_redirects")
"""Settings of which a device has the higher of its own and that of ``all``."""
FORCE = "force_forwarding"
"""Lets one device forward IPv6; since Linux 6.17."""


def write(settings: Iterable[tuple[str, str]]) -> None:
    """Make settings: names below net/, and values."""
    for name, value in settings:
        try:
            (SETTINGS / name).write_text(value, encoding="ascii")
        except FileNotFoundError:
            # A kernel without IPv6 has none of its settings, and an older one not all.
            if not name.startswith("ipv6/"):
                raise BridgeError(f"the kernel has no setting {name}") from None
        except OSError as error:
            raise BridgeError(f"setting {name} cannot be made: {error.strerror}") from error


def differences(settings: Mapping[str, str]) -> Iterator[str]:
    """Yield which settings are others, as sentences; what this kernel does not have is none."""
    for name, value in settings.items():
        try:
            found = (SETTINGS / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if found != value:
            yield f"setting {name} is {found}, not {value}"


def lower() -> None:
    """Give every device what it had by ``all``, and ``all`` nothing: so a port can be without."""
    folder = SETTINGS / "ipv4" / "conf"
    for setting in LOWERED:
        common = _number(folder / "all" / setting)
        if not common:
            continue
        for path in sorted(folder.iterdir()):
            if path.name != "all" and _number(path / setting) < common:
                write([(f"ipv4/conf/{path.name}/{setting}", str(common))])
        write([(f"ipv4/conf/all/{setting}", "0")])


def has_ipv6(device: str) -> bool:
    """Tell whether a device speaks IPv6."""
    path = SETTINGS / "ipv6" / "conf" / device / "disable_ipv6"
    return path.exists() and not _number(path)


def forwards_ipv6() -> bool:
    """Tell whether this host forwards IPv6 by all of its devices."""
    path = SETTINGS / "ipv6" / "conf" / "all" / "forwarding"
    return path.exists() and bool(_number(path))


def force_forwarding(device: str) -> bool:
    """Let one device forward IPv6; return whether this kernel can."""
    path = SETTINGS / "ipv6" / "conf" / device / FORCE
    if path.exists():
        write([(f"ipv6/conf/{device}/{FORCE}", "1")])
    return path.exists()


def forward_ipv6() -> None:
    """Let all devices forward IPv6; those that heed advertisements of routers still do."""
    folder = SETTINGS / "ipv6" / "conf"
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if _number(path / "accept_ra") == 1:
            write([(f"ipv6/conf/{path.name}/accept_ra", "2")])
    write([("ipv6/conf/all/forwarding", "1")])


def _number(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise BridgeError(f"{path} cannot be read: {error}") from error
