"""Chains of nftables, as the kernel has them (linux/netfilter/nf_tables.h).

Asked of the kernel, not of ``nft``: rules work also where that is not installed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from xen_bridge.errors import RequestUnsupported
from xen_bridge.netlink import wire
from xen_bridge.netlink.dump import NetlinkSocket

NETLINK_NETFILTER = 12
NFNLGRP_NFTABLES = 7
NFGENMSG = struct.Struct("=BBH")
"""Family, version, resource."""
_GET_CHAINS = 10 << 8 | 4
"""NFNL_SUBSYS_NFTABLES and NFT_MSG_GETCHAIN."""
_TABLE, _NAME, _HOOK, _POLICY, _USE, _TYPE = 1, 3, 4, 5, 6, 7
_HOOK_NUMBER = 1
_NF_DROP = 0
_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting", "ingress")
_HOOKS_OF = {"arp": ("input", "output", "forward"), "netdev": ("ingress", "egress")}


@dataclass(frozen=True, slots=True)
class NftChain:
    """A chain that the kernel passes packets through: family, hook and type by nft's names."""

    family: str
    table: str
    name: str
    hook: str
    type: str
    rules: int
    drops: bool
    """Whether its policy is to drop."""


def read_chain(data: bytes) -> NftChain | None:
    """Return the chain that a message tells of; None for one that no hook leads to."""
    if len(data) < NFGENMSG.size:
        return None
    number = NFGENMSG.unpack_from(data)[0]
    found = wire.attributes(data, NFGENMSG.size)
    if _HOOK not in found:
        return None
    family = _FAMILIES.get(number, f"family {number}")
    hook = _big_endian(wire.attributes(found[_HOOK]).get(_HOOK_NUMBER))
    names = _HOOKS_OF.get(family, _HOOKS)
    return NftChain(
        family,
        wire.text(found.get(_TABLE, b"")),
        wire.text(found.get(_NAME, b"")),
        names[hook] if hook < len(names) else f"hook {hook}",
        wire.text(found.get(_TYPE, b"")),
        _big_endian(found.get(_USE)),
        _POLICY in found and _big_endian(found[_POLICY]) == _NF_DROP,
    )


def chains() -> list[NftChain]:
    """Return the chains of all families, of the thread's namespace; none without nftables.

    Raises BridgeError.
    """
    asked = NetlinkSocket(NETLINK_NETFILTER)
    try:
        found = map(read_chain, asked.dump(_GET_CHAINS, NFGENMSG.pack(0, 0, 0)))
        return [one for one in found if one is not None]
    except RequestUnsupported:
        return []
    finally:
        asked.close()


def _big_endian(data: bytes | None) -> int:
    return int.from_bytes(data or b"", "big")
