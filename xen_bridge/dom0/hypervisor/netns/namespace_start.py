"""Starts of domains: the first process, its name for ``ip -n``, its links into bridges."""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from xen_bridge.child_command import SBIN, ChildCommand
from xen_bridge.dom0.hypervisor.moving import Graces
from xen_bridge.dom0.hypervisor.netns.processes import end, read_process
from xen_bridge.dom0.hypervisor.netns.router_setup import inside
from xen_bridge.errors import HypervisorError
from xen_bridge.netlink.port_mac import port_mac
from xen_bridge.protocol.documents.domains import CreateDomain

_NAMES = Path("/run/netns")
_INIT = Path(__file__).with_name("domain_init.py")
_SECONDS = 20.0


class StartingDomain:
    """A first process that waits for the word; without it, it ends with this program."""

    def __init__(self) -> None:
        """Start it; HypervisorError if it may not make namespaces."""
        self._child = subprocess.Popen(
            (sys.executable, "-I", "-S", str(_INIT)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        line = self._line()
        self._child.wait()
        found = read_process(int(line)) if line.isdecimal() else None
        if found is None:
            why = (self._child.stderr.read() if self._child.stderr else b"").decode().strip()
            self.close()
            raise HypervisorError(f"no namespace can be made: {why[:200]}")
        self.pid, self.start_ticks = found.pid, found.start_ticks

    def _line(self) -> str:
        out = self._child.stdout
        if out is None or not select.select([out], [], [], _SECONDS)[0]:
            return ""
        return os.read(out.fileno(), 400).decode(errors="replace").strip()

    def go(self, definition: CreateDomain, graces: Graces = ()) -> None:
        """Let it run what it is to run; HypervisorError if that cannot be run."""
        program = [definition.kernel, *shlex.split(definition.arguments or "")]
        words = {
            "name": definition.name,
            "program": program if definition.kernel else [],
            **inside(definition, graces),
        }
        if self._child.stdin is not None:
            with suppress(BrokenPipeError):
                self._child.stdin.write(json.dumps(words).encode() + b"\n")
                self._child.stdin.flush()
        answer = self._line()
        if answer != "ok":
            raise HypervisorError(f"{definition.name} does not start: {answer or 'no answer'}")

    def close(self) -> None:
        """Close what it was spoken to through: unless it was told to go, it ends."""
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe is not None:
                pipe.close()

    def end(self) -> None:
        """End it, and return when it has."""
        end(self.pid, self.start_ticks)


class NamespaceLinks:
    """Names and links of domains, in the network namespace that this program is in."""

    def __init__(self) -> None:
        self._command = ChildCommand()

    def ip(self, *words: str) -> None:
        """Run ``ip``; HypervisorError with what it says."""
        environment = {"PATH": f"{os.environ.get('PATH', os.defpath)}:{SBIN}"}
        done = self._command.run(("ip", *words), _SECONDS, environment)
        if done.returncode:
            why = done.stderr.decode(errors="replace").strip()
            raise HypervisorError(f"ip {' '.join(words[:6])}: {why[:200]}")

    def name(self, name: str, pid: int) -> None:
        """Let the namespace of a process go by ``name``, for ``ip -n`` and ``ip netns exec``.

        A link, not a mount: that would be seen in this program's mount namespace only.
        """
        _NAMES.mkdir(mode=0o755, exist_ok=True)
        self.forget(name)
        (_NAMES / name).symlink_to(f"/proc/{pid}/ns/net")

    def forget(self, name: str) -> None:
        """Take a name away."""
        if (_NAMES / name).is_symlink():
            (_NAMES / name).unlink(missing_ok=True)

    def forget_all_of(self, prefix: str, pid: int) -> None:
        """Take away the names that begin so and lead to a process which is elsewhere now."""
        for path in _NAMES.glob(f"{prefix}*"):
            if path.is_symlink() and os.readlink(path) == f"/proc/{pid}/ns/net":
                path.unlink(missing_ok=True)

    def connect(
        self,
        definition: CreateDomain,
        name: str,
        number: int,
        pid: int,
        bound: Collection[str] = (),
    ) -> None:
        """Give the domain of ``pid`` its interfaces, up, each with its other end in its bridge.

        But those with the MACs ``bound``, which are in none.
        """
        self.ip("-n", name, "link", "set", "lo", "up")
        for index, item in enumerate(definition.interfaces):
            ours, theirs = target(number, index), f"eth{index}"
            peer = ("peer", "name", theirs, "address", item.mac or "", "netns", str(pid))
            own = ("address", port_mac().hex(":"))
            self.ip("link", "add", "name", ours, *own, "type", "veth", *peer)
            master = () if item.mac in bound else ("master", item.bridge)
            self.ip("link", "set", ours, *master, "up")
            self.ip("-n", name, "link", "set", theirs, "up")
            for address in item.addresses:
                self.ip("-n", name, "address", "add", address, "dev", theirs, *_at_once(address))
        for route in definition.routes:
            self.ip("-n", name, "route", "add", route.to, "via", route.via)

    def disconnect(self, number: int, count: int) -> None:
        """Remove the links of a domain that ended: the kernel does so too, but later."""
        for index in range(count):
            with suppress(HypervisorError):
                self.ip("link", "del", target(number, index))

    def pass_frames(self, number: int, count: int, does_pass: bool) -> None:
        """Let the links of a domain pass frames, or none; the domain sees its carrier go."""
        for index in range(count):
            self.ip("link", "set", target(number, index), "up" if does_pass else "down")


def _at_once(address: str) -> tuple[str, ...]:
    """Return what lets an IPv6 address be used at once: nobody asks whether it is another's."""
    return ("nodad",) if ":" in address else ()


def target(number: int, index: int) -> str:
    """Return the name of the outer end of an interface."""
    return f"hzv{number}.{index}"
