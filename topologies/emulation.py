"""A graph running: Mininet's hosts, cables and Open vSwitch bridges, and what can be done to it.

Runs under the system's interpreter, in which Debian installs Mininet; needs root.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mininet.link import Link
from mininet.net import Mininet
from mininet.node import Host as MininetHost
from mininet.node import OVSSwitch

from topologies import openvswitch
from topologies.commands import run
from topologies.errors import NetworkError
from topologies.graphs import Graph
from topologies.names import Names

DEFAULT_VERSIONS = ("OpenFlow13",)
# How long a switch waits at most between two tries to reach its controller.
MAX_BACKOFF_MS = 1000


class OwnedSwitch(OVSSwitch):
    """A bridge that carries the mark of its owner from the moment it exists."""

    def bridgeOpts(self) -> str:
        """Return Mininet's options (it is Mininet that calls this) and ours."""
        mark = f"external_ids:{openvswitch.OWNER_KEY}={openvswitch.own_mark()}"
        return f"{super().bridgeOpts()} {mark}"


@dataclass(frozen=True)
class EmulationSettings:
    """How a graph is to run; ``versions`` of OpenFlow by dpid, as Open vSwitch names them."""

    controllers: tuple[str, ...] = ()
    versions: Mapping[int, tuple[str, ...]] | None = None
    prefix: str = ""

    def versions_of(self, dpid: int) -> tuple[str, ...]:
        """Return the versions that a switch speaks, OpenFlow 1.3 unless told otherwise."""
        return (self.versions or {}).get(dpid, DEFAULT_VERSIONS)


class Emulation:
    """One network. ``start`` once, ``close`` always: also after a start that failed halfway."""

    def __init__(self, graph: Graph, settings: EmulationSettings) -> None:
        self.graph = graph
        self.names = Names(graph, settings.prefix)
        self._settings = settings
        self._kernel = False
        self._hosts: dict[str, Any] = {}
        self._switches: dict[int, Any] = {}
        self._claimed = False

    @property
    def datapath(self) -> str:
        """What forwards: ``system`` (the kernel) or ``netdev`` (user space)."""
        return "system" if self._kernel else "netdev"

    def start(self, say: Callable[[str], None]) -> None:
        """Build everything and connect the switches to their controllers.

        NetworkError when that cannot be, or when another network has bridges of these names.
        """
        openvswitch.ensure_running()
        self._kernel = openvswitch.has_kernel_datapath()
        self._claim()
        net = Mininet(topo=None, controller=None, link=Link, build=False)
        say(f"{len(self.graph.hosts)} hosts, {len(self.graph.switches)} switches")
        self._add_nodes(net)
        say(f"{len(self.graph.edges) + len(self.graph.hosts)} cables")
        self._add_cables(net)
        net.build()
        for described in self.graph.hosts:
            self._quieten(self._hosts[described.name], described.interface)
        say(f"bridges ({self.datapath})")
        for dpid in self._switches:
            self._start_bridge(dpid)

    def _claim(self) -> None:
        openvswitch.reclaim()
        taken = sorted(set(openvswitch.bridges()) & set(self.names.bridge.values()))
        if taken:
            raise NetworkError(f"there are bridges of these names already: {', '.join(taken)}")
        self._claimed = True

    def _add_nodes(self, net: Any) -> None:
        for host in self.graph.hosts:
            self._hosts[host.name] = net.addHost(
                self.names.host[host.name], cls=MininetHost, ip=f"{host.ip}/8", mac=host.mac
            )
        for switch in self.graph.switches:
            self._switches[switch.dpid] = net.addSwitch(
                self.names.bridge[switch.dpid],
                cls=OwnedSwitch,
                dpid=f"{switch.dpid:016x}",
                datapath="kernel" if self._kernel else "user",
                protocols=",".join(self._settings.versions_of(switch.dpid)),
                reconnectms=0,
            )

    def _add_cables(self, net: Any) -> None:
        for edge in self.graph.edges:
            one, other = self._switches[edge.dpid], self._switches[edge.peer_dpid]
            net.addLink(one, other, edge.port, edge.peer_port)
        for host in self.graph.hosts:
            # Made inside the host, so this name needs no prefix.
            net.addLink(
                self._hosts[host.name],
                self._switches[host.dpid],
                0,
                host.port,
                intfName1=host.interface,
            )
        for interface in self.names.ports.values():
            # The near end of a cable must not speak for itself: what arrives is what was sent.
            _write(Path("/proc/sys/net/ipv6/conf", interface, "disable_ipv6"), "1")

    def _quieten(self, host: Any, interface: str) -> None:
        """No IPv6 chatter, and checksums made by the host.

        A user-space switch sees frames before the checksums that a card would have filled in.
        """
        for scope in ("all", "default"):
            self.on_host(host, ["sysctl", "-qw", f"net.ipv6.conf.{scope}.disable_ipv6=1"])
        self.on_host(host, ["ethtool", "-K", interface, "tx", "off"])

    def on_host(self, host: Any, command: Sequence[str]) -> None:
        """Run a command of ours on a Mininet host; NetworkError when it fails."""
        run(["mnexec", "-a", str(host.pid), *command])

    def _start_bridge(self, dpid: int) -> None:
        self._switches[dpid].start([])
        bridge = self.names.bridge[dpid]
        if self.graph.switch(dpid).hybrid:
            version = self._settings.versions_of(dpid)[0]
            flow = "priority=0,actions=NORMAL"
            run(["ovs-ofctl", "-O", version, "add-flow", bridge, flow])
        self._set_controllers(bridge)

    def _set_controllers(self, bridge: str) -> None:
        words: list[str] = []
        for number, address in enumerate(self._settings.controllers):
            # A URL holds colons, which a value of ovs-vsctl may hold only within quotes.
            words += ["--", f"--id=@c{number}", "create", "Controller", f'target="{address}"']
            words += [f"max_backoff={MAX_BACKOFF_MS}", "connection_mode=out-of-band"]
        if words:
            names = ",".join(f"@c{number}" for number in range(len(self._settings.controllers)))
            openvswitch.vsctl(*words, "--", "set", "Bridge", bridge, f"controller=[{names}]")

    def pid_of(self, host: str) -> int:
        """Return the process whose namespaces are those of ``host``; NetworkError if unknown."""
        if host not in self._hosts:
            raise NetworkError(f"there is no host {host!r}")
        return int(self._hosts[host].pid)

    def set_cable(self, dpid: int, port: int, up: bool) -> None:
        """Plug or unplug both ends of the cable at a switch port."""
        if (dpid, port) not in self.names.ports:
            raise NetworkError(f"switch {dpid} has no port {port}")
        ends = [self.names.ports[dpid, port], self.names.far_end.get((dpid, port))]
        for interface in ends:
            if interface is not None:
                run(["ip", "link", "set", interface, "up" if up else "down"])

    def set_switch(self, dpid: int, up: bool) -> None:
        """Switch a bridge off, with what its neighbours see of its ports, or on again."""
        if dpid not in self._switches:
            raise NetworkError(f"there is no switch {dpid}")
        bridge = self.names.bridge[dpid]
        exists = bridge in openvswitch.bridges()
        if not up:
            openvswitch.vsctl("--if-exists", "del-br", bridge)
        for interface in self.names.of_switch(dpid):
            run(["ip", "link", "set", interface, "up" if up else "down"])
        if up and not exists:
            self._start_bridge(dpid)

    def ofctl(self, dpid: int, command: str, *arguments: str) -> str:
        """Return the output of one ``ovs-ofctl`` command on a switch."""
        if dpid not in self.names.bridge:
            raise NetworkError(f"there is no switch {dpid}")
        version = self._settings.versions_of(dpid)[0]
        return run(["ovs-ofctl", "-O", version, command, self.names.bridge[dpid], *arguments])

    def limit_entries(self, dpid: int, limit: int | None) -> None:
        """Have a switch refuse flow entries beyond ``limit`` in its first table; None: no limit."""
        if dpid not in self.names.bridge:
            raise NetworkError(f"there is no switch {dpid}")
        openvswitch.limit_entries(self.names.bridge[dpid], limit)

    def close(self) -> None:
        """Remove everything, in any state, by name and not by what Mininet believes it made."""
        for node in (*self._hosts.values(), *self._switches.values()):
            node.terminate()
        if self._claimed:
            openvswitch.remove(list(self.names.bridge.values()), list(self.names.ports.values()))
        self._hosts.clear()
        self._switches.clear()


def _write(path: Path, text: str) -> None:
    if path.exists():
        path.write_text(text, encoding="ascii")
