"""The bridges of Open vSwitch that are switches of a lab, and commands about them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from backstop import BACKSTOP
from tools.lab import Lab


def command(*words: str) -> str:
    """Run a command; return what it printed."""
    return subprocess.run(
        words, check=True, capture_output=True, text=True, timeout=BACKSTOP
    ).stdout


def ours(lab: Lab, dpid: int) -> str:
    """Return the name of a switch's bridge."""
    wanted = f"datapath_id={dpid:016x}"
    for name in command("ovs-vsctl", "list-br").split():
        found = command("ovs-vsctl", "get", "bridge", name, "datapath_id")
        if found.strip().strip('"') in wanted:
            return name
    raise AssertionError(f"no bridge {wanted} among those of {lab.switches()}")


def be_quiet(interface: str) -> None:
    """Have an interface send nothing by itself."""
    Path("/proc/sys/net/ipv6/conf", interface, "disable_ipv6").write_text("1", encoding="ascii")
