"""Plane probe: whether this host's kernel has what separated planes are made of, and why not.

All of it is made once, in a network namespace of its own that ends with the look: a macvlan, a rule
for what comes by it, a chain that passes frames on and doubles them.
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace

from xen_bridge.child_command import SBIN, ChildCommand
from xen_bridge.errors import BridgeError
from xen_bridge.protocol.documents.domains import PhysicalHostInfo

SECONDS = 10.0
PLANE_SEPARATION = "plane_separation"
"""Capability of a host, whatever its hypervisor's back end is."""
_PIECES = """set -e
ip link add pp0 type veth peer name pp1
ip link add link pp0 name pp2 type macvlan mode bridge
ip rule add priority 1001 iif pp2 unreachable
ip link add pp3 type bridge
nft 'table netdev pp { chain in { type filter hook ingress device pp2 priority 0; policy accept;
  ether type arp dup to pp0; fwd to pp1; }; }'
nft 'table netdev pq { chain out { type filter hook egress device pp2 priority 0; policy accept;
  ether type arp drop; }; }'
"""


class PlaneProbe:
    """Looks when it is asked first. Any native thread may ask."""

    def __init__(self, pieces: str = _PIECES) -> None:
        self._command = ("unshare", "--net", "sh", "-c", pieces)
        self._lock = threading.Lock()
        self._is_known = False
        self._problem: str | None = None

    def problem(self) -> str | None:
        """Return why no router's planes can be separated here; None if they can."""
        with self._lock:
            if not self._is_known:
                self._problem, self._is_known = self._look(), True
            return self._problem

    def described(self, host: PhysicalHostInfo) -> PhysicalHostInfo:
        """Return what is told of this host, with whether planes can be separated here."""
        problem = self.problem()
        more = (PLANE_SEPARATION,) if problem is None else ()
        known = tuple(sorted((*host.capabilities, *more)))
        return replace(host, capabilities=known, planes_problem=problem)

    def _look(self) -> str | None:
        environment = {"PATH": f"{os.environ.get('PATH', os.defpath)}:{SBIN}"}
        try:
            done = ChildCommand().run(self._command, SECONDS, environment)
        except BridgeError as error:
            return str(error) or error.title
        if not done.returncode:
            return None
        said = [line.strip() for line in done.stderr.decode(errors="replace").splitlines()]
        return next((line for line in said if line), f"exit status {done.returncode}")[:200]
