"""Text of nftables: the words that a data plane's chains are made of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

_QUIET = "{ mld-listener-query, mld-listener-report, mld-listener-done, 143, 133 }"
_ERRORS = "{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem }"
FEW = 4
"""Values that a packet is compared with one by one; a search among more is faster."""


def ingress_hook(device: str) -> str:
    """Return what has a chain asked for each frame that comes by a device."""
    return f"type filter hook ingress device {device} priority 0; policy accept;"


def named_set(name: str, kind: str, elements: Iterable[str]) -> str:
    """Return the definition of a set of a table."""
    told = ", ".join(sorted(elements))
    inside = f"elements = {{ {told} }}" if told else ""
    return f"  set {name} {{ type {kind}; {inside} }}\n"


def none_of(what: str, values: Sequence[str]) -> str:
    """Return what says that a packet has none of these values."""
    if len(values) > FEW:
        return f" {what} != {{ {', '.join(values)} }}"
    return "".join(f" {what} != {one}" for one in values)


def output_chain(sources: Mapping[str, Sequence[str]]) -> str:
    """Return what keeps Domain 0's own IPv6 still, and gives its errors the router's address.

    ``sources`` are by the device that they leave by. Only what Domain 0 itself sends passes here; a
    link-local address is of no use to those beyond the link.
    """
    lines = []
    for device, addresses in sources.items():
        lines.append(f"oifname {device} icmpv6 type {_QUIET} drop")
        from_link = f"oifname {device} ip6 saddr fe80::/10"
        lines += [f"{from_link} icmpv6 type {_ERRORS} ip6 saddr set {one}" for one in addresses]
    inside = "".join(f"    {line}\n" for line in lines)
    return f"""  chain output {{
    type filter hook output priority 0; policy accept;
{inside}  }}
"""
