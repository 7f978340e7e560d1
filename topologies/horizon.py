"""Our networks for Mininet's own command.

Usage, as root and from anywhere::

    mn --custom topologies/horizon.py --topo fig3_8 --switch ovs,datapath=user --controller remote
    mn --custom topologies/horizon.py --topo torus,4,4 …      (or torus,rows=4,columns=4)
    mn --custom topologies/horizon.py --topo zoo,Abilene.graphml …

Runs under the system's interpreter, in which Debian installs Mininet.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _own_path() -> Path:
    """Return where this file is: ``mn`` executes its text without setting ``__file__``."""
    frame = inspect.currentframe()
    if frame is None:
        raise RuntimeError("this Python interpreter does not tell where a file is")
    return Path(frame.f_code.co_filename).resolve()


sys.path.insert(0, str(_own_path().parent.parent))

from mininet.topo import Topo  # noqa: E402

from topologies.catalogue import BUILDERS  # noqa: E402
from topologies.graphs import Graph  # noqa: E402


class GraphTopo(Topo):
    """One of our graphs, with its dpids, ports and addresses, as a topology of Mininet."""

    def build(self, graph: Graph) -> None:
        """Add what is in ``graph``; called by Mininet's constructor."""
        names = {switch.dpid: switch.name for switch in graph.switches}
        for switch in graph.switches:
            # A switch of type 1 forwards on its own when no controller tells it otherwise.
            mode = {"failMode": "standalone"} if switch.hybrid else {}
            self.addSwitch(switch.name, dpid=f"{switch.dpid:016x}", **mode)
        for edge in graph.edges:
            self.addLink(names[edge.dpid], names[edge.peer_dpid], edge.port, edge.peer_port)
        for host in graph.hosts:
            self.addHost(host.name, ip=f"{host.ip}/8", mac=host.mac)
            self.addLink(host.name, names[host.dpid], 0, host.port)


def _topo(builder: Callable[..., Graph], *arguments: Any, **named: Any) -> GraphTopo:
    return GraphTopo(builder(*arguments, **named))


topos = {name: functools.partial(_topo, builder) for name, builder in BUILDERS.items()}
