"""Chains of nftables during the migration of a data plane: quarantine there, quiet here.

Pure but for :class:`PlaneChains`, which loads them in the namespace of the calling thread.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from xen_bridge.child_command import SBIN, ChildCommand
from xen_bridge.errors import BridgeError
from xen_bridge.planes.data_plane import DataPlanePlan, RouterPort

SECONDS = 10.0
LED = 0x487A0001
"""The mark of what is for a router elsewhere; no router's table has that number."""
NO_PLACES: Mapping[str, Sequence[str]] = MappingProxyType({})
NO_MACS: Mapping[str, bytes] = MappingProxyType({})


def quarantine(migration: str, ports: Sequence[RouterPort]) -> str:
    """Return what keeps from the ports of a router that is to come all that is meant for it.

    It answers nobody and passes nothing, whatever a bridge floods.
    """
    chains = []
    for number, port in enumerate(ports):
        mine = ", ".join(sorted({str(one.ip) for one in port.own}))
        asked = f"    arp daddr ip {{ {mine} }} drop\n" if mine else ""
        solicited = "".join(
            f"    icmpv6 type nd-neighbor-solicit @th,64,128 {int(one.ip):#x} drop\n"
            for one in port.own6
        )
        chains.append(
            f"  chain wait_{number} {{\n"
            f"    type filter hook ingress device {port.physical} priority -20; policy accept;\n"
            f"    ether daddr {port.mac.hex(':')} drop\n{asked}{solicited}  }}\n"
        )
    return _table(f"hz_q_{migration}", chains)


def marking(
    migration: str, ports: Iterable[RouterPort], places: Mapping[str, Sequence[str]]
) -> str:
    """Return what marks all that is for these ports where it comes in: at ``places`` by bridge.

    With or without the mark a frame is judged everywhere behind, so that all who see one judge it
    alike, also while that changes: chains at several devices never change at the same moment.
    """
    chains = []
    for number, port in enumerate(ports):
        hooks = [f'ingress device "{device}"' for device in places.get(port.physical, ())]
        # What Domain 0 itself sends by a bridge comes in at none of its ports.
        hooks += [f'egress device "{port.physical}"'] if hooks else []
        chains += [
            f"  chain mark_{number}_{place} {{\n"
            f"    type filter hook {hook} priority -25; policy accept;\n"
            f"    ether daddr {port.mac.hex(':')} meta mark set {LED:#x}\n  }}\n"
            for place, hook in enumerate(hooks)
        ]
    return _table(f"hz_b_{migration}", chains)


def quiet(
    migration: str,
    plan: DataPlanePlan,
    leading: Mapping[str, Sequence[str]] = NO_PLACES,
    macs: Mapping[str, bytes] = NO_MACS,
) -> str:
    """Return what has the ports of a router that has gone draw no more to themselves.

    They pass on what comes by mistake, and that is counted: with the MAC that ``macs`` has for the
    interface that a port stands on, since the router's would draw more. They answer nobody and ask
    nobody, and what is for many is heard at the other host. Bridges that are ``leading`` to the
    router by the tunnels' devices that they name have every frame go both ways: what is marked goes
    by the tunnel, and what is not is passed on here.
    """
    unasked = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } drop"
    chains = [_shut(plan.ports, leading)]
    for number, (device, port) in enumerate(zip(plan.devices, plan.ports, strict=True)):
        mac = macs.get(port.physical)
        renamed = "" if mac is None else f"    ether saddr set {mac.hex(':')}\n"
        chains.append(
            f"  counter late_{number} {{ }}\n"
            f"  chain in_{number} {{\n"
            f"    type filter hook ingress device {device} priority -10; policy accept;\n"
            f"    ether type arp drop\n    {unasked}\n"
            f"    ether daddr {port.mac.hex(':')} meta mark {LED:#x} drop\n"
            f"    ether daddr {port.mac.hex(':')} counter name late_{number} accept\n"
            f"    drop\n  }}\n"
            f"  chain out_{number} {{\n"
            f"    type filter hook egress device {device} priority 0; policy accept;\n"
            f"    ether type arp drop\n    {unasked}\n{renamed}  }}\n"
        )
    return _table(f"hz_d_{migration}", chains)


def taken(migration: str, ports: Sequence[RouterPort], leading: Mapping[str, Sequence[str]]) -> str:
    """Return what has all that is for these ports and not marked come here, and nowhere else.

    What is marked goes where ``leading`` devices of their bridges lead, and does not come here.
    """
    chains = [_shut(ports, leading)]
    chains += [
        f"  chain here_{number} {{\n"
        f"    type filter hook ingress device {port.physical} priority -20; policy accept;\n"
        f"    ether daddr {port.mac.hex(':')} meta mark {LED:#x} drop\n  }}\n"
        for number, port in enumerate(ports)
    ]
    return _table(f"hz_t_{migration}", chains)


def _shut(ports: Sequence[RouterPort], leading: Mapping[str, Sequence[str]]) -> str:
    """Return chains that keep what is for these ports in, unless it is marked.

    The mark ends there: the packet that a tunnel makes of a frame would have it too.
    """
    chains = []
    for number, port in enumerate(ports):
        mac = port.mac.hex(":")
        chains += [
            f"  chain tunnel_{number}_{place} {{\n"
            f'    type filter hook egress device "{device}" priority 0; policy accept;\n'
            f"    ether daddr {mac} meta mark {LED:#x} meta mark set 0x0 accept\n"
            f"    ether daddr {mac} drop\n  }}\n"
            for place, device in enumerate(leading.get(port.physical, ()))
        ]
    return "".join(chains)


def copied(migration: str, ways: Iterable[tuple[str, str]]) -> str:
    """Return what copies all that is given to a machine, by its ``ways``: from which link to which.

    For a machine that may stand still before that is known.
    """
    chains = [
        f"  chain copy_{number} {{\n"
        f"    type filter hook egress device {vif} priority 0; policy accept;\n"
        f"    dup to {to}\n  }}\n"
        for number, (vif, to) in enumerate(ways)
    ]
    return _table(f"hz_c_{migration}", chains)


def removal(name: str, family: str = "netdev") -> str:
    """Return what removes a table, whether or not it is there."""
    return f"table {family} {name} {{ }}\ndelete table {family} {name}\n"


def _table(name: str, chains: Iterable[str]) -> str:
    return f"{removal(name)}table netdev {name} {{\n{''.join(chains)}}}\n"


class PlaneChains:
    """The tables of one migration in the kernel. Raises BridgeError."""

    def __init__(self, migration: str) -> None:
        self._migration = migration

    def quarantine(self, ports: Sequence[RouterPort], places: Mapping[str, Sequence[str]]) -> None:
        """Keep everything from ports that are to come; ``places`` are the ports of bridges."""
        self._mark(ports, places)
        load_with_nft(quarantine(self._migration, ports))

    def admit(self) -> None:
        """End the quarantine."""
        load_with_nft(removal(f"hz_q_{self._migration}") + removal(f"hz_b_{self._migration}"))

    def _mark(self, ports: Sequence[RouterPort], places: Mapping[str, Sequence[str]]) -> None:
        """Mark what is for these ports and no other; so are all frames when this returns."""
        load_with_nft(marking(self._migration, ports, places))
        _see_off_frames()

    def copy(self, ways: Iterable[tuple[str, str]]) -> None:
        """Copy what is given to a machine from one link to another."""
        load_with_nft(copied(self._migration, ways))

    def end_copy(self) -> None:
        """Copy it no more."""
        load_with_nft(removal(f"hz_c_{self._migration}"))

    def take(self, ports: Sequence[RouterPort], leading: Mapping[str, Sequence[str]]) -> None:
        """End the quarantine, and have nothing for these ports go out by ports of their bridges."""
        ended = removal(f"hz_q_{self._migration}")
        load_with_nft(ended + taken(self._migration, ports, leading))
        load_with_nft(removal(f"hz_b_{self._migration}"))

    def end_take(self) -> None:
        """Have the ports of bridges carry everything."""
        _see_off_frames()
        load_with_nft(removal(f"hz_t_{self._migration}"))

    def hush(
        self,
        plan: DataPlanePlan,
        leading: Mapping[str, Sequence[str]] = NO_PLACES,
        macs: Mapping[str, bytes] = NO_MACS,
    ) -> None:
        """Have the ports here draw nothing more to themselves; all as of :func:`quiet`."""
        load_with_nft(quiet(self._migration, plan, leading, macs))

    def lead(self, ports: Sequence[RouterPort], places: Mapping[str, Sequence[str]]) -> None:
        """Have what comes in at ``places`` for ports that are hushed go by their tunnels."""
        self._mark(ports, places)

    def end_hush(self) -> None:
        """Remove that again."""
        load_with_nft("".join(removal(f"hz_{one}_{self._migration}") for one in "dwb"))

    def late(self) -> int:
        """Return how many packets came here by mistake so far."""
        told = list_with_nft("table", "netdev", f"hz_d_{self._migration}")
        return sum(counted(told).values())


def counted(told: bytes) -> dict[str, int]:
    """Return the packets that each counter has, by name, as ``nft -j`` lists them.

    Raises BridgeError where it does not.
    """
    try:
        rows = [row["counter"] for row in json.loads(told)["nftables"] if "counter" in row]
        return {str(row["name"]): int(row["packets"]) for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise BridgeError("what nft counts cannot be read") from error


def _see_off_frames() -> None:
    """Return when no processor has a frame in hand any more that it took up before.

    The kernel waits for that when a socket of this kind is closed (packet(7), ``synchronize_net``).
    """
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


def load_with_nft(text: str) -> None:
    """Have nft load a text, all of it or nothing. Raises BridgeError."""
    _run((text,))


def list_with_nft(*words: str) -> bytes:
    """Return what nft lists, as JSON. Raises BridgeError."""
    return _run(("-j", "list", *words))


def _run(words: tuple[str, ...]) -> bytes:
    environment = {"PATH": f"{os.environ.get('PATH', os.defpath)}:{SBIN}"}
    done = ChildCommand().run(("nft", *words), SECONDS, environment)
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip()
        raise BridgeError(f"nft: {why[:200]}")
    return done.stdout


def port_of(mac: str, physical: str, addresses: Sequence[str], vif: str) -> RouterPort:
    """Return a port as another host told of it; InvalidRequest where it cannot be one."""
    return RouterPort(vif, physical, bytes.fromhex(mac.replace(":", "")), tuple(addresses))


def bare(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return addresses without their prefix lengths."""
    return tuple(str(ipaddress.ip_interface(one).ip) for one in addresses)
