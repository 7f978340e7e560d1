"""Opening of a back end by its URI."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from xen_bridge.dom0.hypervisor.interface import Hypervisor
from xen_bridge.dom0.hypervisor.libvirt_test_host import LibvirtTestHost
from xen_bridge.dom0.hypervisor.memory_host import MemoryHost, MemoryWorld
from xen_bridge.dom0.hypervisor.netns.restarting_host import netns_host
from xen_bridge.dom0.hypervisor.xen.xen_mover import moving_xen_host
from xen_bridge.dom0.hypervisor.xen_uri import XenUri
from xen_bridge.errors import InvalidRequest

SCHEMES = (
    "xen:///system, xen+tls://HOST/system, xen+ssh://HOST/system, netns:///NAME, test:///default, "
    "memory:///"
)
XEN, NAMESPACES = "xen:///system", "netns:///"
MAX_DELAY = 60.0


def default_uri(sysfs: Path = Path("/sys"), proc: Path = Path("/proc")) -> str:
    """Return what a machine has that nobody named a hypervisor for: Xen if it runs here.

    Else network namespaces, which every Linux machine has.
    """
    try:
        is_xen = (sysfs / "hypervisor" / "type").read_text(encoding="ascii").strip() == "xen"
    except OSError:
        is_xen = (proc / "xen").is_dir()
    return XEN if is_xen else NAMESPACES


def open_hypervisor(uri: str, migration_uri: str | None = None) -> Hypervisor:
    """Return the back end of ``uri``; InvalidRequest if none serves it. Connects later.

    ``migration_uri`` is where its peers reach its libvirt, on Xen alone.
    """
    # Without these a name may be another machine's, by libvirt's own list of aliases.
    scheme = uri.partition(":")[0] if "://" in uri else ""
    if scheme == "xen" or scheme.startswith("xen+"):
        return moving_xen_host(uri, migration_uri)
    if migration_uri is not None:
        raise InvalidRequest(("migration-uri",), f"is for Xen, and {uri} is none")
    if scheme == "memory":
        return _memory(uri)
    if scheme == "netns":
        return netns_host(uri)
    if scheme == "test":
        return LibvirtTestHost(uri)
    raise InvalidRequest(("uri",), f"{uri!r} is none of {SCHEMES}")


def check_is_here(uri: str) -> None:
    """Raise InvalidRequest unless ``uri`` names this machine's own hypervisor.

    A node is one machine: of another's, the domains would be told beside this one's memory and
    devices.
    """
    named = XenUri.read(uri)
    if not named.is_here:
        whose = named.host or f"whatever is at the end of {named.transport}"
        raise InvalidRequest(
            ("uri",),
            f"{uri!r} is the hypervisor of {whose}, whose devices and memory cannot be told from "
            "here: run xen-bridge there, and serve xen:///system",
        )


def _memory(uri: str) -> MemoryHost:
    """Return a host in memory; ``memory:///NAME?seconds=0.2`` takes that long for its domains."""
    parts = urlsplit(uri)
    host = MemoryWorld().host(parts.path.strip("/") or "memory")
    for text in parse_qs(parts.query).get("seconds", ()):
        try:
            seconds = float(text)
        except ValueError:
            raise InvalidRequest(("uri",), f"{text!r} is not a number of seconds") from None
        if not 0 <= seconds <= MAX_DELAY:
            raise InvalidRequest(("uri",), f"seconds are 0 to {MAX_DELAY:g}")
        host.fail("domains", partial(time.sleep, seconds))
    return host
