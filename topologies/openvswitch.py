"""Open vSwitch on this machine: its daemons, its bridges, and whose they are.

Every bridge of ours carries its owner, so that what a killed process left behind can be told from
what another one is using.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from topologies.commands import attempt, run
from topologies.errors import NetworkError

OWNER_KEY = "horizon-owner"
_SCRIPT = "/usr/share/openvswitch/scripts/ovs-ctl"
_MODULE = Path("/sys/module/openvswitch")
_ANSWER_SECONDS = 10.0
_OWNER = re.compile(r"\d+-\d+")


def ensure_running() -> None:
    """Start the two daemons if they do not run; works without systemd and in containers.

    NetworkError when Open vSwitch is not installed or does not come up.
    """
    if _answers():
        return
    if not Path(_SCRIPT).exists():
        raise NetworkError("Open vSwitch is not installed: run 'make setup' as root")
    _, words = attempt([_SCRIPT, "start", "--system-id=random"])
    if not _switch_daemon_answers():
        # ovs-ctl insists on the kernel's module; the daemon itself does without.
        options = ["--no-chdir", "--pidfile", "--detach", "--log-file", "-vconsole:off"]
        attempt(["ovs-vswitchd", *options])
    deadline = time.monotonic() + _ANSWER_SECONDS
    while not _answers():
        if time.monotonic() > deadline:
            raise NetworkError(f"Open vSwitch does not start: {words.strip()[-500:]}")
        time.sleep(0.1)


def _answers() -> bool:
    return _switch_daemon_answers() and _succeeds("ovs-vsctl", "--timeout=2", "show")


def _switch_daemon_answers() -> bool:
    return _succeeds("ovs-appctl", "--timeout=2", "-t", "ovs-vswitchd", "version")


def _succeeds(*command: str) -> bool:
    try:
        return attempt(command)[0] == 0
    except NetworkError:
        return False


def has_kernel_datapath() -> bool:
    """Return whether the kernel can forward for Open vSwitch, loading its module if it must."""
    return _MODULE.exists() or (_succeeds("modprobe", "-q", "openvswitch") and _MODULE.exists())


def vsctl(*arguments: str) -> str:
    """Run ``ovs-vsctl`` and return its output."""
    return run(["ovs-vsctl", "--timeout=20", *arguments])


def bridges() -> list[str]:
    """Return the names of all bridges, whoever owns them."""
    return vsctl("list-br").split()


def own_mark() -> str:
    """Return what marks this process: its id and when it started, for ids are used again."""
    return f"{os.getpid()}-{_started(os.getpid())}"


def _started(pid: int) -> int:
    """Return the start of a process in clock ticks since boot, or -1 when it is dead.

    Fields 3 and 22 of /proc/pid/stat, see proc(5). A zombie is dead: it may stay one for long.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        # The name of the command, in parentheses, may hold blanks and parentheses itself.
        state, *fields = text.rpartition(")")[2].split()
        return -1 if state in ("Z", "X") else int(fields[18])
    except (OSError, IndexError, ValueError):
        return -1


def owner_of(bridge: str) -> str:
    """Return the mark of the process that made ``bridge``; empty when it is none of ours."""
    mark = vsctl("br-get-external-id", bridge, OWNER_KEY).strip()
    return mark if _OWNER.fullmatch(mark) else ""


def is_alive(mark: str) -> bool:
    """Return whether the process marked ``mark`` still runs."""
    pid, _, started = mark.partition("-")
    return _started(int(pid)) == int(started)


def reclaim() -> list[str]:
    """Remove the bridges, with their cables, whose owner has died; return their names."""
    dead = [name for name in bridges() if (mark := owner_of(name)) and not is_alive(mark)]
    interfaces = [port for name in dead for port in vsctl("list-ports", name).split()]
    remove(dead, interfaces)
    return dead


def limit_entries(bridge: str, limit: int | None) -> None:
    """Refuse flow entries beyond ``limit`` in the bridge's first table; None: no limit."""
    if limit is None:
        vsctl("clear", "Bridge", bridge, "flow_tables")
        return
    table = ["--id=@limited", "create", "Flow_Table", f"flow_limit={limit}"]
    chosen = ["set", "Bridge", bridge, "flow_tables:0=@limited"]
    vsctl("--", *table, "overflow_policy=refuse", "--", *chosen)


def remove(names: Sequence[str], interfaces: Sequence[str]) -> None:
    """Remove bridges and network interfaces; those that are gone already do not matter."""
    if names:
        vsctl(*(word for name in names for word in ("--", "--if-exists", "del-br", name)))
    for interface in interfaces:
        # Deleting one end of a cable deletes the other.
        if Path("/sys/class/net", interface).exists():
            attempt(["ip", "link", "delete", interface])
