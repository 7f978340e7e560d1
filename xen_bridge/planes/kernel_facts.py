"""Kernel facts: what the kernel of the calling thread's namespace does with packets, read from it.

By netlink and /proc; no tool needs to be installed. What cannot be read is among the facts, too:
it may be a firewall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from xen_bridge.errors import BridgeError
from xen_bridge.netlink import netfilter, traffic_control, xtables
from xen_bridge.netlink.policies import xfrm_policies
from xen_bridge.netlink.tables import Netlink
from xen_bridge.planes.skipped import KernelFacts

SETTINGS = Path("/proc/sys/net")
THREAD = Path("/proc/thread-self/net")
"""/proc/net is of the process's first thread."""
MULTICAST = (("ip_mr_vif", "interface"), ("ip6_mr_vif", "interface"))
MULTICAST_ROUTES = ("ip_mr_cache", "ip6_mr_cache")
Found = TypeVar("Found")


def read_facts() -> KernelFacts:
    """Return what the kernel has, of the namespace of the calling thread."""
    unreadable: list[str] = []

    def read(what: Callable[[], Iterable[Found]]) -> tuple[Found, ...]:
        try:
            return tuple(what())
        except BridgeError as error:
            unreadable.append(str(error))
            return ()

    netlink = Netlink()
    try:
        return KernelFacts(
            links=read(netlink.links),
            reverse_path=dict(_reverse_path()),
            nft=read(netfilter.chains),
            xtables=read(xtables.chains),
            arp_tables=read(xtables.arp_tables),
            rules=read(netlink.rules),
            qdiscs=read(traffic_control.qdiscs),
            default_qdisc=_text(SETTINGS / "core" / "default_qdisc") or "pfifo_fast",
            multicast=tuple(_multicast()),
            labels=tuple(_labels()),
            policies=dict(read(lambda: xfrm_policies().items())),
            unreadable=tuple(unreadable),
        )
    finally:
        netlink.close()


def _reverse_path() -> Iterator[tuple[str, int]]:
    """Yield interfaces with the higher of their own setting and that of all."""
    folder = SETTINGS / "ipv4" / "conf"
    common = _number(folder / "all" / "rp_filter")
    for path in _entries(folder):
        if path.name not in ("all", "default"):
            yield path.name, max(common, _number(path / "rp_filter"))


def _multicast() -> Iterator[str]:
    for name, what in MULTICAST:
        for line in _lines(THREAD / name):
            yield f"{what} {line.split()[1]}" if len(line.split()) > 1 else f"{what} {line}"
    for name in MULTICAST_ROUTES:
        count = len(_lines(THREAD / name))
        if count:
            yield f"{count} routes of {name.partition('_')[0]}"


def _labels() -> Iterator[str]:
    folder = SETTINGS / "mpls"
    for path in _entries(folder / "conf"):
        if _number(path / "input"):
            yield f"labels are taken on {path.name}"
    if _number(folder / "platform_labels"):
        yield f"{_number(folder / 'platform_labels')} labels may be used"


def _lines(path: Path) -> list[str]:
    """Return the lines behind the first, which names columns."""
    return _text(path).splitlines()[1:]


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _number(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isascii() and text.isdecimal() else 0


def _text(path: Path) -> str:
    """Return what a file of /proc says; nothing where this kernel has none, or it went."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
