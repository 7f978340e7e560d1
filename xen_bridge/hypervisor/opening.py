"""From a URI to the back end that serves it."""

from __future__ import annotations

from xen_bridge.errors import InvalidInput
from xen_bridge.hypervisor.interface import Hypervisor
from xen_bridge.hypervisor.libvirt_test_host import LibvirtTestHost
from xen_bridge.hypervisor.memory_host import MemoryWorld
from xen_bridge.hypervisor.xen_host import XenHost

SCHEMES = "xen:///system, xen+tls://HOST/system, xen+ssh://HOST/system, test:///default, memory:///"


def open_hypervisor(uri: str) -> Hypervisor:
    """Return the back end of ``uri``; InvalidInput if none serves it. Connects later."""
    scheme = uri.partition(":")[0]
    if scheme == "memory":
        return MemoryWorld().host(uri.removeprefix("memory:///") or "memory")
    if scheme == "test":
        return LibvirtTestHost(uri)
    if scheme == "xen" or scheme.startswith("xen+"):
        return XenHost(uri)
    raise InvalidInput(("uri",), f"{uri!r} is none of {SCHEMES}")
