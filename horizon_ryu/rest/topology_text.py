"""The topology as JSON text, made of an item per switch, link and host (:class:`TopologyModel`).

Each item is written by its model, once, and kept until it changes: a change of one port costs one
switch, not 500.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeAlias

from pydantic import BaseModel

from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.topology import HeldLink, Host, Link, Switch, TopologyView
from horizon_ryu.formats.fragments import Fragments
from horizon_ryu.rest.topology_model import (
    held_link_model,
    host_model,
    link_model,
    switch_model,
)

SwitchState: TypeAlias = tuple[bool, tuple[str, ...]]
"""Whether a switch is connected, and which kinds of requests it leaves unanswered."""


class TopologyText:
    """Writes the topology, and keeps the items for the next time."""

    def __init__(self) -> None:
        self.switches = Fragments()
        self.links = Fragments()
        self.held_links = Fragments()
        self.hosts = Fragments()

    def json(
        self,
        view: TopologyView,
        forest: Forest | None,
        states: Mapping[int, SwitchState],
        rest: Callable[[], None],
    ) -> bytes:
        """Return what ``view`` and ``forest`` hold, as the TopologyModel of it would be written.

        ``states`` are those of the switches, by dpid. ``rest`` is called between items, to let
        others have their turns.
        """
        lists = (
            ("switches", self.switches.texts(_switches(view, states), _switch, rest)),
            ("links", self.links.texts(_links(view, forest), _link, rest)),
            ("held_links", self.held_links.texts(_held_links(view), _held_link, rest)),
            ("hosts", self.hosts.texts(_hosts(view), _host, rest)),
        )
        members = ",".join(f'"{name}":[{",".join(texts)}]' for name, texts in lists)
        return f"{{{members}}}".encode()


def _switches(
    view: TopologyView, states: Mapping[int, SwitchState]
) -> Iterable[tuple[Hashable, tuple[Switch, SwitchState]]]:
    for dpid, switch in sorted(view.switches.items()):
        yield dpid, (switch, states[dpid])


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


def _switch(switch: Switch, state: SwitchState) -> str:
    return _text(switch_model(switch, *state))


def _link(link: Link, bidirectional: bool, in_tree: bool | None) -> str:
    return _text(link_model(link, bidirectional, in_tree))


def _held_link(held: HeldLink) -> str:
    return _text(held_link_model(held))


def _host(host: Host) -> str:
    return _text(host_model(host))


def _text(model: BaseModel) -> str:
    return model.model_dump_json(by_alias=True, exclude_unset=True)
