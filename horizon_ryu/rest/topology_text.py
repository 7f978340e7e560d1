"""The topology as JSON text, made of an item per switch, link and host (:class:`TopologyModel`).

Each item is written by its model, once, and kept until it changes: a change of one port costs one
switch, not 500, and of that switch one port.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from pydantic import BaseModel

from horizon_ryu.core.event_cursor import Cursor
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.topology import (
    HeldLink,
    Host,
    Link,
    Port,
    PortRef,
    Segment,
    Switch,
    TopologyView,
)
from horizon_ryu.formats.fragments import Fragments
from horizon_ryu.rest.topology_model import (
    held_link_model,
    host_model,
    joint_model,
    link_model,
    port_model,
    switch_model,
)

SwitchState: TypeAlias = tuple[bool, tuple[str, ...]]
"""Whether a switch is connected, and which kinds of requests it leaves unanswered."""


class Labels(NamedTuple):
    """What is said of the picture: ``names`` of switches, ``stamp`` of its last event."""

    names: Mapping[int, str] = MappingProxyType({})
    stamp: Cursor | None = None


UNLABELLED = Labels()

_NO_PORTS = '"ports":[]'


class TopologyText:
    """Writes the topology, and keeps the items for the next time."""

    def __init__(self) -> None:
        self.switches = Fragments()
        self.ports: dict[int, Fragments] = {}
        """Those of each switch."""
        self.links = Fragments()
        self.segments_in_vlans = Fragments()
        self.held_links = Fragments()
        self.hosts = Fragments()
        self.segments = Fragments()

    def json(
        self,
        view: TopologyView,
        forest: Forest | None,
        states: Mapping[int, SwitchState],
        rest: Callable[[], None],
        labels: Labels = UNLABELLED,
    ) -> bytes:
        """Return what ``view`` and ``forest`` hold, as the TopologyModel of it would be written.

        ``states`` are those of the switches, by dpid. ``rest`` is called between items, to let
        others have their turns. ``labels`` are what else is said of them.
        """
        self.ports = {dpid: self.ports.get(dpid, Fragments()) for dpid in view.switches}
        write_switch = partial(self._switch, rest)
        lists = [
            (
                "switches",
                self.switches.texts(_switches(view, states, labels.names), write_switch, rest),
            ),
            ("links", self.links.texts(_links(view, forest), _link, rest)),
            ("hosts", self.hosts.texts(_hosts(view), _host, rest)),
        ]
        if view.segments:
            texts = self.segments.texts(_segments(view, forest), _segment, rest)
            lists.append(("segments", texts))
        if view.vlan_segments:
            found = self.segments_in_vlans.texts(_vlan_segments(view, forest), _segment, rest)
            lists.append(("vlan_segments", found))
        if view.held:
            lists.append(("held_links", self.held_links.texts(_held_links(view), _held_link, rest)))
        members = ",".join(f'"{name}":[{",".join(texts)}]' for name, texts in lists)
        if labels.stamp is not None:
            members = f'"seq":{labels.stamp.seq},"epoch":"{labels.stamp.epoch}",{members}'
        return f"{{{members}}}".encode()

    def _switch(
        self, rest: Callable[[], None], switch: Switch, state: SwitchState, name: str | None
    ) -> str:
        """Return a switch as its model would be written, its ports one by one."""
        ports = self.ports[switch.dpid].texts(_ports(switch), _port, rest)
        frame = _text(switch_model(replace(switch, ports={}), *state, name))
        return frame.replace(_NO_PORTS, f'"ports":[{",".join(ports)}]', 1)


def _switches(
    view: TopologyView, states: Mapping[int, SwitchState], names: Mapping[int, str]
) -> Iterable[tuple[Hashable, tuple[Switch, SwitchState, str | None]]]:
    for dpid, switch in sorted(view.switches.items()):
        yield dpid, (switch, states[dpid], names.get(dpid))


def _links(
    view: TopologyView, forest: Forest | None
) -> Iterable[tuple[Hashable, tuple[Link, bool, bool | None]]]:
    for src, link in sorted(view.links.items()):
        in_tree = None if forest is None else forest.contains(link)
        yield src, (link, view.is_bidirectional(link), in_tree)


def _held_links(view: TopologyView) -> Iterable[tuple[Hashable, tuple[HeldLink]]]:
    for held in sorted(view.held):
        yield held.link, (held,)


def _hosts(view: TopologyView) -> Iterable[tuple[Hashable, tuple[Host]]]:
    for key, host in sorted(view.hosts.items()):
        yield key, (host,)


def _segments(
    view: TopologyView, forest: Forest | None
) -> Iterable[tuple[Hashable, tuple[Segment, frozenset[PortRef] | None]]]:
    attached = None if forest is None else forest.attached
    for segment in sorted(set(view.segments.values())):
        is_open = None if attached is None else attached.intersection(segment.ports)
        yield segment, (segment, is_open)


def _vlan_segments(
    view: TopologyView, forest: Forest | None
) -> Iterable[tuple[Hashable, tuple[Segment, frozenset[PortRef] | None]]]:
    for segment in view.vlan_segments:
        is_open = None if forest is None else forest.open_in_vlan(segment)
        yield segment, (segment, is_open)


def _segment(segment: Segment, open_ports: frozenset[PortRef] | None) -> str:
    return _text(joint_model(segment, open_ports))


def _ports(switch: Switch) -> Iterable[tuple[Hashable, tuple[Port]]]:
    for number, port in sorted(switch.ports.items()):
        yield number, (port,)


def _port(port: Port) -> str:
    return _text(port_model(port))


def _link(link: Link, bidirectional: bool, in_tree: bool | None) -> str:
    return _text(link_model(link, bidirectional, in_tree))


def _held_link(held: HeldLink) -> str:
    return _text(held_link_model(held))


def _host(host: Host) -> str:
    return _text(host_model(host))


def _text(model: BaseModel) -> str:
    return model.model_dump_json(by_alias=True, exclude_unset=True)
