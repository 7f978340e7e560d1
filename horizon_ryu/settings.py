"""Every option of Horizon: typed, documented, with its default, range and unit.

``ryu-manager --config-file horizon.conf horizon_ryu.bundle`` reads them with Ryu's own options
from one file (oslo.config). Each group is a frozen dataclass; its fields are the options, so
what is documented, what is registered and what the program uses cannot differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_type_hints

from oslo_config import cfg

from horizon_ryu.config_names import check_names
from horizon_ryu.config_values import known_value, read_value
from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.timers import (
    DiscoveryTimers,
    StatsTimers,
    Timers,
    TreeTimers,
    XenTimers,
    seconds,
)


def option(default: Any, text: str, least: float | None = None, most: float | None = None) -> Any:
    """Declare an option: its default, what it does with its unit, and its range."""
    return field(default=default, metadata={"help": text, "min": least, "max": most})


_Kind = TypeVar("_Kind", bound=Timers)


def timers_of(kind: type[_Kind], options: _Kind) -> _Kind:
    """Return the timers among an application's options, without the other options."""
    return kind(**{item.name: getattr(options, item.name) for item in fields(kind)})


@dataclass(frozen=True)
class DiscoveryOptions(DiscoveryTimers):
    """Options of Discovery."""

    total_rate: float = option(2000.0, "probes in all (frames per second)", 1, 1e6)
    new_port_rate: float = option(20_000.0, "probes of new ports (frames per second)", 1, 1e6)
    switch_rate: float = option(1000.0, "probes per switch (frames per second)", 1, 1e6)
    probe_validity: float = seconds(5.0, "in which a probe is accepted")
    key_file: str | None = option(None, "file with the key that signs probes; else a new key")
    max_ports_per_switch: int = option(16_384, "ports known per switch", 1, 1_000_000)
    max_hosts: int = option(65_536, "hosts known in all", 1, 10_000_000)
    max_hosts_per_port: int = option(2_048, "hosts known per port", 1, 1_000_000)
    max_hosts_per_switch: int = option(8_192, "hosts known per switch", 1, 10_000_000)
    host_idle: float = option(
        300.0,
        "without a frame after which a host is asked, and goes if silent (s); 0 for never",
        0,
        1e6,
    )
    max_addresses_per_host: int = option(16, "IP addresses known per host", 1, 1024)
    host_move_window: float = seconds(1.0, "in which a host's old place may contradict a move")
    join_patience: float = seconds(4.0, "for which one joining switch may hold new links back")
    join_doubt: float = seconds(10.0, "for which all that join may do so in a row")
    link_hold: float = option(
        1.0, "for which a new link is held where hosts are known (s); 0: believed at once", 0, 60
    )
    link_latency_factor: float = option(
        3.0, "times what known links take beyond which such a link is too slow; 0: none is", 0, 1e6
    )

    @property
    def timers(self) -> DiscoveryTimers:
        """The timers alone."""
        return timers_of(DiscoveryTimers, self)


@dataclass(frozen=True)
class SpanningTreeOptions(TreeTimers):
    """Options of Spanning Tree."""

    @property
    def timers(self) -> TreeTimers:
        """The timers alone."""
        return timers_of(TreeTimers, self)


@dataclass(frozen=True)
class ForwardingOptions:
    """Options of Forwarding."""

    idle_timeout: int = option(60, "after which an unused entry goes (seconds)", 1, 65_535)
    max_pairs: int = option(16_384, "pairs of hosts with entries at one time", 1, 1_000_000)


@dataclass(frozen=True)
class FlowManagerOptions:
    """Options of the Flow Manager."""

    reconcile_interval: float = seconds(4.0, "between comparisons of switches with what was asked")
    deadline: float = seconds(2.0, "that a switch has to confirm entries")
    grace: float = seconds(10.0, "after a start, before a path that is not seen counts as cut")
    max_flows: int = option(100_000, "flows kept", 1, 10_000_000)
    tag_first: int = option(3000, "first VLAN identifier that may tag a path", 1, 4094)
    tag_last: int = option(4094, "last VLAN identifier that may tag a path", 1, 4094)


@dataclass(frozen=True)
class FlowMigrationOptions:
    """Options of Flow Migration."""

    drain: float = option(0.5, "for old packets to leave before the old path goes (s)", 0, 3600)
    verify: bool = option(False, "read entries back instead of trusting barriers alone")
    settle: tuple[str, ...] = option((), "waits after barriers by model: PATTERN:SECONDS, ...")
    kept: int = option(1000, "migrations that are remembered", 1, 1_000_000)


@dataclass(frozen=True)
class StatsOptions(StatsTimers):
    """Options of Stats; intervals are between two polls of one switch."""

    deadline: float = seconds(3.0, "without a piece after which an answer is given up")
    max_flow_bytes: int = option(64 << 20, "flow entries of one switch (bytes)", 1 << 16, 1 << 32)
    max_bytes: int = option(1 << 30, "answers kept in all (bytes)", 1 << 20, 1 << 40)
    history_ports: int = option(10_000, "ports whose last 15 minutes are kept", 0, 1_000_000)
    ovsdb: str = option("unix:/var/run/openvswitch/db.sock", "Open vSwitch's database; empty: none")

    @property
    def timers(self) -> StatsTimers:
        """The timers alone."""
        return timers_of(StatsTimers, self)


@dataclass(frozen=True)
class XenOptions(XenTimers):
    """Options of Xen hosts."""

    identity: str | None = option(
        None, "folder of the key that hosts know, made if missing; else xen-identity by the store"
    )
    deadline: float = seconds(60.0, "that a host has for a question or a change")
    create_deadline: float = seconds(200.0, "that a host has to make or end a domain")
    max_hosts: int = option(1000, "hosts registered", 1, 100_000)
    max_calls: int = option(32, "calls to one host at a time", 1, 1000)
    migration_interval: float = seconds(0.1, "between two questions how far a migration is")
    migrations_kept: int = option(1000, "migrations of routers remembered", 1, 100_000)

    @property
    def timers(self) -> XenTimers:
        """The timers alone."""
        return timers_of(XenTimers, self)


@dataclass(frozen=True)
class SlicingOptions:
    """Options of Slicing."""

    listen: str = option("127.0.0.1:6633", "where switches connect to the slicer (HOST:PORT)")
    instance: str = option("horizon", "its name in LLDP: each slicer of a network has its own")
    folder: str | None = option(
        None, "private folder of its engine's socket and log; else slicer by the store"
    )
    stats_window: float = option(
        1.0, "for which a switch's answer about its entries serves all tenants (seconds)", 0, 300
    )
    empty_answers: bool = option(
        True, "statistics of 1.0 with nothing in them are told; FlowVisor left them out"
    )
    tenant_ca: str | None = option(None, "authorities of controllers at tls:host:port (PEM)")
    tenant_certificate: str | None = option(None, "what the slicer shows to these (PEM)")
    tenant_key: str | None = option(None, "the key of that (PEM)")
    certificate: str | None = option(None, "what it shows to switches, then over TLS (PEM)")
    key: str | None = option(None, "the key of that (PEM)")
    client_ca: str | None = option(None, "authorities of the certificates of switches (PEM)")


@dataclass(frozen=True)
class GuardOptions:
    """Options of the connections to switches."""

    handshake_deadline: float = seconds(5.0, "for the OpenFlow handshake")
    echo_interval: float = seconds(5.0, "between two echo requests")
    max_unanswered_echoes: int = option(3, "echo requests a living switch may leave open", 1, 100)
    connections: int = option(8192, "connections in all, if descriptors suffice", 1, 100_000)
    connections_per_address: int = option(2048, "connections per address", 1, 100_000)
    output_bytes: int = option(8 << 20, "waiting to be sent to one switch (bytes)", 65_536, 1 << 30)
    allowed_dpids: tuple[str, ...] = option((), "dpids that may connect (hex); none named: all")
    certificates: tuple[str, ...] = option(
        (), "pins: DPID=SHA256 of the client certificates that may be a dpid, with commas between"
    )
    challenge: float = seconds(2.0, "that a switch has to answer when somebody claims its dpid")
    packet_ins_per_port: float = option(20_000.0, "packet-ins per port and second", 1, 1e7)
    packet_ins_per_switch: float = option(100_000.0, "packet-ins per switch and second", 1, 1e7)
    watchdog: float = option(30.0, "hung before it ends itself; 0 for never (seconds)", 0, 3600)


@dataclass(frozen=True)
class RestOptions:
    """Options of the REST API; address and port are Ryu's wsapi-host and wsapi-port."""

    tokens_file: str | None = option(None, "file of bearer tokens; needed off loopback")
    max_body: int = option(1 << 20, "of a request (bytes)", 1024, 1 << 26)
    slicer_url: str | None = option(
        None, "REST of the slicer that /v1/slices is forwarded to, as http://127.0.0.1:8090"
    )
    event_buffer: int = option(4096, "events kept for clients that come back", 16, 1_000_000)


@dataclass(frozen=True)
class StoreOptions:
    """Where what must survive a restart is kept."""

    url: str = option("sqlite:///horizon.sqlite", "any SQLAlchemy URL")


@dataclass(frozen=True)
class LogOptions:
    """How logs are written."""

    format: str = option("text", "text, or json with one object per line")
    level: str = option("INFO", "DEBUG, INFO, WARNING or ERROR")


@dataclass(frozen=True)
class Settings:
    """All options, by group; each group is a section of the file."""

    discovery: DiscoveryOptions = field(default_factory=DiscoveryOptions)
    spanning_tree: SpanningTreeOptions = field(default_factory=SpanningTreeOptions)
    forwarding: ForwardingOptions = field(default_factory=ForwardingOptions)
    flow_manager: FlowManagerOptions = field(default_factory=FlowManagerOptions)
    flow_migration: FlowMigrationOptions = field(default_factory=FlowMigrationOptions)
    stats: StatsOptions = field(default_factory=StatsOptions)
    xen: XenOptions = field(default_factory=XenOptions)
    slicing: SlicingOptions = field(default_factory=SlicingOptions)
    guard: GuardOptions = field(default_factory=GuardOptions)
    rest: RestOptions = field(default_factory=RestOptions)
    store: StoreOptions = field(default_factory=StoreOptions)
    log: LogOptions = field(default_factory=LogOptions)


_RYUS = "DEFAULT"
"""Section of Ryu's own options."""
_CHOICES = {
    ("log", "format"): ("text", "json"),
    ("log", "level"): ("DEBUG", "INFO", "WARNING", "ERROR"),
}


_NEEDED: Mapping[type, str] = MappingProxyType(
    {int: "a number", float: "a number", bool: "true or false"}
)
"""What an option of a kind is not without: nothing after its = is no value."""


@cache
def _hints(group: type) -> Mapping[str, Any]:
    """Return the types of the fields of a group: to read them is most of what a check takes."""
    return MappingProxyType(get_type_hints(group))


def _groups() -> Iterator[tuple[str, type]]:
    yield from _hints(Settings).items()


def _kind(group: type, item: Field[Any]) -> type:
    """Return the type of a field without its None."""
    hint = _hints(group)[item.name]
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    kind: Any = kinds[0] if type(None) in get_args(hint) else hint
    return tuple if kind == tuple[str, ...] else kind


def _as_oslo(name: str, group: type, item: Field[Any]) -> cfg.Opt:
    kind = _kind(group, item)
    meta = item.metadata
    if kind is tuple:
        return cfg.ListOpt(item.name, default=[], help=meta["help"])
    if kind is bool:
        return cfg.BoolOpt(item.name, default=item.default, help=meta["help"])
    if kind is str:
        choices = _CHOICES.get((name, item.name))
        return cfg.StrOpt(item.name, default=item.default, help=meta["help"], choices=choices)
    made = cfg.IntOpt if kind is int else cfg.FloatOpt
    return made(
        item.name, default=item.default, help=meta["help"], min=meta["min"], max=meta["max"]
    )


@cache
def _options() -> Mapping[str, tuple[cfg.Opt, ...]]:
    """Return our options by their groups; they know nothing of who reads them."""
    return MappingProxyType(
        {
            name: tuple(_as_oslo(name, group, one) for one in fields(group))
            for name, group in _groups()
        }
    )


def register(conf: cfg.ConfigOpts) -> None:
    """Make the options known to ``conf``; calling it again changes nothing."""
    for name, options in _options().items():
        conf.register_opts(options, group=name)


def load(conf: cfg.ConfigOpts) -> Settings:
    """Return the options that ``conf`` has read; InvalidInput names group and option.

    Ryu's options, and those of other applications, are checked as well: what nobody has
    registered with ``conf`` does not exist, and what has the wrong type is refused.
    """
    register(conf)
    known = _known(conf)
    for path in _files(conf):
        check_names(path, known)
    groups = {name: group(**_values(conf, name, group)) for name, group in _groups()}
    _check_foreign(conf)
    return Settings(**groups)


def _files(conf: cfg.ConfigOpts) -> Iterator[Path]:
    """Yield the files that ``conf`` has read: those named, and those of the folders named."""
    yield from map(Path, conf.config_file or ())
    for folder in conf.config_dir or ():
        yield from sorted(Path(folder).glob("*.conf"))


def _known(conf: cfg.ConfigOpts) -> dict[str, set[str]]:
    """Return the names of all options that are registered, by section."""
    known: dict[str, set[str]] = {_RYUS: set()}
    for name in conf:
        value = known_value(conf, name)
        if isinstance(value, cfg.ConfigOpts.GroupAttr):
            known[name] = set(value)
        else:
            known[_RYUS].add(name)
    return known


def _check_foreign(conf: cfg.ConfigOpts) -> None:
    """Raise InvalidInput for a value of Ryu, or of another application, of the wrong type."""
    ours = _hints(Settings)
    for section, names in _known(conf).items():
        if section not in ours:
            for name in sorted(names):
                read_value(conf if section == _RYUS else conf[section], section, name)


def _values(conf: cfg.ConfigOpts, name: str, group: type) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for item in fields(group):
        value = read_value(conf[name], name, item.name)
        if value is None and _kind(group, item) in _NEEDED:
            raise InvalidInput((name, item.name), f"needs {_NEEDED[_kind(group, item)]}")
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidInput((name, item.name), "must be a finite number")
        values[item.name] = tuple(value) if isinstance(value, list) else value
    return values


def sample() -> str:
    """Return a configuration file that sets every option to its default, with what it does."""
    parts = ["# Every option of Horizon with its default. Ryu's own options go into [DEFAULT].\n"]
    for name, group in _groups():
        parts.append(f"\n[{name}]\n")
        for item in fields(group):
            value = "" if item.default in (None, ()) else item.default
            parts.append(f"# {item.metadata['help']}{_range(item)}\n# {item.name} = {value}\n")
    return "".join(parts)


def _range(item: Field[Any]) -> str:
    least, most = item.metadata["min"], item.metadata["max"]
    return "" if least is None else f"; {least:g} to {most:g}"
