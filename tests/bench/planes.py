"""Planes: how fast Domain 0 passes a router's packets, against a kernel that only forwards.

Client, Domain 0 and server are network namespaces. Three routers have the same wires: one is a
plain kernel that forwards, one has its planes separated, and of one only the port devices, rules
and table are left. That one does not tell the router's own packets from others, and its errors find
no way: it shows what the kernel's own way through a port device takes, whatever the chains are.
What is sent is forwarded within the call that sends it, and all pay the same for sending. They take
many short turns, and of each the better quarter counts: who shares the machine disturbs the others.
"""

from __future__ import annotations

import ctypes
import os
import socket
import statistics
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack

from bench.table import Figure
from network_namespace import NetworkNamespace
from plane_network import NETWORKS, NETWORKS6, Router, mirrored, wired
from xen_bridge.migration.plane_chains import load_with_nft
from xen_bridge.planes.domain_zero import DomainZero

ROUNDS, PACKETS = 90, 3_200
BATCH = 64
SIZES = (64, 1_400)
"""Bytes of a frame."""
_LIBC = ctypes.CDLL(None, use_errno=True)


class _IoVector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Head(ctypes.Structure):
    """A struct msghdr of one piece; its end is padded, as it is a structure of its own."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("pieces", ctypes.POINTER(_IoVector)),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """A struct mmsghdr."""

    _fields_ = (("head", _Head), ("sent", ctypes.c_uint32))


def figures() -> Iterator[Figure]:
    """Measure all of it; nothing without the right to make namespaces."""
    if os.geteuid():
        yield Figure("forwarding, needs root", "packets/s", None, None, more_is_better=True)
        return
    with ExitStack() as stack:
        spaces = [stack.enter_context(NetworkNamespace()) for _ in range(3)]
        kernel, router, bare = (wired(space, 1, stack, has_ipv6=True) for space in spaces)
        _forward(spaces[0], kernel)
        for space, one in ((spaces[1], router), (spaces[2], bare)):
            mirrored(space, one, space.run(DomainZero().make, one.plan))
        spaces[2].run(load_with_nft, f"delete table netdev {bare.plan.nft_table}")
        for version, size in ((4, SIZES[0]), (4, SIZES[1]), (6, SIZES[0])):
            rates: list[list[float]] = [[], [], []]
            for one in (kernel, router, bare):
                _reach(one, version)
            for _ in range(ROUNDS):
                for found, one in zip(rates, (kernel, router, bare), strict=True):
                    found.append(_rate(one, version, size))
            theirs, ours, least = (statistics.quantiles(one, n=4)[2] for one in rates)
            name = f"forwarding, IPv{version}, frames of {size} bytes"
            yield Figure(name, "packets/s", ours, theirs, more_is_better=True)
            name = f"  without its chains, IPv{version}, {size} bytes"
            yield Figure(name, "packets/s", least, theirs, more_is_better=True)


def _forward(plain: NetworkNamespace, router: Router) -> None:
    """Make the namespace itself the router."""
    for number, port in enumerate(router.plan.ports):
        plain.ip("link", "set", port.physical, "address", port.mac.hex(":"))
        for address in (f"{NETWORKS[number]}.1/24", f"{NETWORKS6[number]}::1/64"):
            plain.ip("address", "add", address, "dev", port.physical, "nodad")
    plain.run(_write, "net/ipv4/ip_forward")
    plain.run(_write, "net/ipv6/conf/all/forwarding")


def _write(name: str) -> None:
    with open(f"/proc/sys/{name}", "w", encoding="ascii") as setting:
        setting.write("1")


def _reach(router: Router, version: int) -> None:
    """Have all on the way know their neighbors."""
    target = f"{NETWORKS[1]}.2" if version == 4 else f"{NETWORKS6[1]}::2"
    if not router.ping("-c3", target).stdout.count(" 0% packet loss"):
        raise RuntimeError(f"{target} cannot be reached")


def _rate(router: Router, version: int, size: int) -> float:
    """Return how many packets a second arrive of those that are sent as fast as that goes."""
    client, server = router.stations
    frame = _frame(router, version, size)
    before = _received(server)
    seconds = client.run(_send, frame)
    return (_received(server) - before) / seconds


def _received(server: NetworkNamespace) -> int:
    (row,) = server.ip_json("-s", "link", "show", "dev", "eth0")
    return int(row["stats64"]["rx"]["packets"])


def _send(frame: bytes) -> float:
    """Send PACKETS times a frame by eth0; return the seconds."""
    buffer = ctypes.create_string_buffer(frame, len(frame))
    piece = _IoVector(ctypes.addressof(buffer), len(frame))
    messages = (_Message * BATCH)(
        *(_Message(_Head(None, 0, ctypes.pointer(piece), 1, None, 0, 0), 0) for _ in range(BATCH))
    )
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as made:
        made.bind(("eth0", 0))
        start = time.perf_counter()
        for _ in range(PACKETS // BATCH):
            if (sent := _LIBC.sendmmsg(made.fileno(), messages, BATCH, 0)) < BATCH:
                raise OSError(ctypes.get_errno(), f"sendmmsg sent {sent} of {BATCH}")
        return time.perf_counter() - start


def _frame(router: Router, version: int, size: int) -> bytes:
    """Return a frame of UDP from client to server, to a port that drops it."""
    client = router.stations[0].ip_json("link", "show", "dev", "eth0")[0]["address"]
    ethernet = router.plan.ports[0].mac + bytes.fromhex(client.replace(":", ""))
    # A checksum of zero: the server drops it, as there is nobody on port 9.
    room = size - 14 - (20 if version == 4 else 40)
    udp = struct.pack("!HHHH", 9, 9, max(room, 8), 0).ljust(room, b"\0")
    if version == 6:
        ends = b"".join(socket.inet_pton(socket.AF_INET6, f"{one}::2") for one in NETWORKS6)
        head = struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + ends
        return ethernet + b"\x86\xdd" + head + udp
    ends = b"".join(socket.inet_aton(f"{one}.2") for one in NETWORKS)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + ends
    total = sum(struct.unpack("!10H", head))
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return ethernet + b"\x08\x00" + head[:10] + struct.pack("!H", checksum) + head[12:] + udp
