"""An agent is small: a virtual router has little memory, and nothing in it is for Domain 0."""

from __future__ import annotations

import subprocess
import sys

_LOADS = """
import sys
import xen_bridge.command, xen_bridge.router_node
xen_bridge.command._on_eventlet(1)
print(*sys.modules)
"""


def test_an_agent_loads_nothing_of_domain_0_and_no_resolver() -> None:
    done = subprocess.run((sys.executable, "-c", _LOADS), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "xen_bridge.agent.separation_agent" in loaded
    ours = {name for name in loaded if name.startswith("xen_bridge.")}
    others = ("xen_bridge.migration", "xen_bridge.dom0.hypervisor", "xen_bridge.leaving")
    assert not [name for name in ours if name.startswith(others)]
    assert not [name for name in loaded if name == "libvirt" or name.startswith("dns.")]
