"""Plane audit: what the kernel has of a data plane, compared with its plan.

Pure. Of chains and sets of nftables it is counted how much they hold, not what: nft writes it
otherwise than it was given.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from xen_bridge.netlink.addresses import LinkAddress
from xen_bridge.netlink.routes import KernelRoute
from xen_bridge.planes.data_plane import DataPlanePlan

_CHAIN = re.compile(r"\s*chain (\w+) \{")
_SET = re.compile(r"set (\w+) \{[^{}]*?(?:elements = \{([^}]*)\}|\})")


def chain_faults(plan: DataPlanePlan, whole: bool, listed: str) -> Iterator[str]:
    """Yield which chains and sets are missing, or hold more or less; ``listed`` is nft's text."""
    wanted, there = plan.nft(whole), _rules(listed)
    for name, count in _rules(wanted).items():
        if name not in there:
            yield f"chain {name} is missing"
        elif there[name] != count:
            yield f"chain {name} has {there[name]} rules, not {count}"
    sizes = _sets(listed)
    for name, size in _sets(wanted).items():
        if sizes.get(name, 0) != size:
            yield f"set {name} has {sizes.get(name, 0)} addresses, not {size}"


def route_faults(
    plan: DataPlanePlan, indices: Mapping[str, int], routes: Iterable[KernelRoute]
) -> Iterator[str]:
    """Yield for which addresses nobody would answer who resolves them."""
    there = {_identity(one) for one in routes}
    for route in plan.local_routes(dict(indices)):
        if _identity(route) not in there:
            yield f"local route {route.destination} is missing"


def address_faults(
    plan: DataPlanePlan, indices: Mapping[str, int], addresses: Iterable[LinkAddress]
) -> Iterator[str]:
    """Yield which addresses port devices lack."""
    there = {(one.index, f"{one.address}/{one.prefix}") for one in addresses}
    for name, port in zip(plan.devices, plan.ports, strict=True):
        for address in port.of_device:
            if (indices[name], address) not in there:
                yield f"address {address} of {name} is missing"


def settings_of(plan: DataPlanePlan) -> dict[str, str]:
    """Return all settings that a plan needs, as they are when it is made."""
    found = dict(plan.host_sysctls())
    for number in range(len(plan.ports)):
        found |= plan.sysctls(number)
    return found | dict(plan.late_sysctls())


def _identity(route: KernelRoute) -> tuple[str, int, Collection[int | None]]:
    return route.destination, route.type, tuple(hop.oif for hop in route.nexthops)


def _rules(text: str) -> dict[str, int]:
    """Return how many rules each chain has, of nft's text or ours."""
    found: Counter[str] = Counter()
    chain = None
    for line in text.splitlines():
        begins = _CHAIN.match(line)
        if begins:
            chain = begins[1]
            found[chain] = 0
        elif line.strip() == "}":
            chain = None
        elif chain is not None and line.strip() and not line.strip().startswith("type "):
            found[chain] += 1
    return dict(found)


def _sets(text: str) -> dict[str, int]:
    return {one[1]: len(one[2].split(",")) if one[2] else 0 for one in _SET.finditer(text)}
