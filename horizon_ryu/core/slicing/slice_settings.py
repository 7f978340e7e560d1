"""Settings of a slice: everything about it but its flowspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from horizon_ryu.core.slicing.limits import SliceLimits


class ControllerRole(StrEnum):
    """What a controller of a slice may do: everything the slice may, or only look on."""

    CONTROL = "control"
    MONITOR = "monitor"


class DropPolicy(StrEnum):
    """What is dropped in the switch when no controller of a slice is there.

    ``EXACT``: frames like the one that came; ``RULE``: all of the rule that it belongs to.
    """

    EXACT = "exact"
    RULE = "rule"


class BandwidthMode(StrEnum):
    """How the frames of a slice are told apart where links are shared (report 4.2)."""

    VLAN_PCP = "vlan_pcp"
    IP_TOS = "ip_tos"
    QUEUE = "queue"
    METER = "meter"


@dataclass(frozen=True, slots=True)
class BandwidthShare:
    """The mark or queue of a slice; rates in kbit/s and bursts in kbit are for meters."""

    mode: BandwidthMode
    value: int | None = None
    rate_kbps: int | None = None
    burst_kb: int | None = None


@dataclass(frozen=True, slots=True)
class TenantController:
    """Where a controller of a slice listens: ``tcp:host:port`` or ``tls:host:port``."""

    url: str
    role: ControllerRole = ControllerRole.CONTROL


@dataclass(frozen=True, slots=True)
class SliceSettings:
    """One slice.

    ``allows_vendor``: experimenters whose messages and actions pass; ``allows_config``: the slice
    may change what a switch does with fragments; ``native_flood``: FLOOD and NORMAL stay as they
    are. None of them is safe beside other slices.
    """

    name: str
    controllers: tuple[TenantController, ...]
    limits: SliceLimits = field(default_factory=SliceLimits)
    per_switch: Mapping[int, SliceLimits] = field(default_factory=lambda: MappingProxyType({}))
    bandwidth: BandwidthShare | None = None
    drop_policy: DropPolicy = DropPolicy.EXACT
    enabled: bool = True
    receives_lldp: bool = True
    allows_vendor: frozenset[int] = frozenset()
    allows_config: bool = False
    native_flood: bool = False
