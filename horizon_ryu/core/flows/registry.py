"""Registry of flows: those that are kept, the entries they need, which of them are changing.

The one place where the state of flows lives; the stored rows follow it. Everything here is
bookkeeping without I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType

from horizon_ryu.core.errors import Conflict, NotFound
from horizon_ryu.core.flows.entries import DesiredEntry, EntryKey, entries_of, keys_of
from horizon_ryu.core.flows.flow import EntrySpec, Flow, FlowState, PathSpec, flow_id
from horizon_ryu.core.flows.needs import NOTHING, needs_of
from horizon_ryu.core.flows.overlap import overlaps
from horizon_ryu.core.flows.tables import TableUse, find_gap, is_chained, table_use
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import FlowMod

_NOTHING: Mapping[EntryKey, FlowMod] = MappingProxyType({})


class FlowRegistry:
    """Every flow by number, and indices: by entry, switch, link, and by what they depend on."""

    def __init__(self) -> None:
        self._flows: dict[int, Flow] = {}
        self._entries: dict[int, tuple[DesiredEntry, ...]] = {}
        self._changing: dict[int, Flow | None] = {}
        self._moving: dict[int, Flow] = {}
        self._claimed: dict[int, Collection[EntryKey]] = {}
        self._owners: dict[EntryKey, int] = {}
        self._wanted: dict[int, dict[EntryKey, FlowMod]] = {}
        self._over_link: dict[PortRef, set[int]] = {}
        self._with_switch: dict[int, set[int]] = {}
        self._broken: set[int] = set()
        self._needing: dict[int, set[int]] = {}
        self._chained: dict[int, set[int]] = {}
        self._table_use: dict[int, TableUse] = {}

    # ---- asked

    def flows(self) -> tuple[Flow, ...]:
        """Return every flow, in order of number."""
        return tuple(self._flows[number] for number in sorted(self._flows))

    def __len__(self) -> int:
        return len(self._flows)

    def __contains__(self, number: object) -> bool:
        return number in self._flows

    def unused(self, count: int, random_number: Callable[[], int]) -> list[int]:
        """Return ``count`` different numbers that no flow has."""
        found: dict[int, None] = {}
        while len(found) < count:
            number = random_number()
            if number not in self._flows:
                found[number] = None
        return list(found)

    def get(self, number: int) -> Flow:
        """Return a flow; NotFound if there is none of that number."""
        flow = self._flows.get(number)
        if flow is None:
            raise NotFound(f"no flow {flow_id(number)}")
        return flow

    def wanted(self, dpid: int) -> Mapping[EntryKey, FlowMod]:
        """Return the entries that a switch should have, those of changing flows left out."""
        return self._wanted.get(dpid, _NOTHING)

    def is_wanted(self, key: EntryKey) -> bool:
        """Tell whether an entry of this key should be there, and nothing is changing it."""
        return key in self._wanted.get(key.dpid, _NOTHING)

    def is_claimed(self, key: EntryKey) -> bool:
        """Tell whether some flow, changing or not, claims the entries of this key."""
        return key in self._owners

    def switches(self) -> frozenset[int]:
        """Return every switch that should have entries."""
        return frozenset(dpid for dpid, entries in self._wanted.items() if entries)

    def over_link(self, src: PortRef) -> tuple[Flow, ...]:
        """Return the flows whose frames leave by this port."""
        return self._known(self._over_link.get(src, ()))

    def with_switch(self, dpid: int) -> tuple[Flow, ...]:
        """Return the flows that have an entry on this switch."""
        return self._known(self._with_switch.get(dpid, ()))

    def broken(self) -> tuple[Flow, ...]:
        """Return the flows whose path is cut, and those that are pending."""
        return self._known(self._broken)

    def needing(self, dpid: int) -> tuple[Flow, ...]:
        """Return the flows that need groups or meters which this switch has already."""
        return self._known(self._needing.get(dpid, ()))

    def gap(self, flow: Flow) -> str | None:
        """Return why ``flow`` forwards nothing as long as others of its switch are missing."""
        if not is_chained(flow.spec):
            return None
        dpid = flow.first_dpid
        use = self._table_use.get(dpid)
        if use is None:
            there = self._known(self._chained.get(dpid, ()))
            use = self._table_use[dpid] = table_use(each.spec for each in there)
        return find_gap(flow.spec, use)

    def _known(self, numbers: Iterable[int]) -> tuple[Flow, ...]:
        return tuple(self._flows[number] for number in sorted(numbers))

    def is_changing(self, number: int) -> bool:
        """Tell whether a change of this flow is under way."""
        return number in self._changing

    def changing(self) -> tuple[int, ...]:
        """Return the numbers of the flows of which a change is under way, new ones included."""
        return tuple(self._changing)

    def tags(self) -> frozenset[int]:
        """Return the VLAN identifiers in use: tags of ours, and those that flows name."""
        used: set[int] = set()
        for flow in (*self._flows.values(), *filter(None, self._changing.values())):
            used |= flow.tags
            if flow.spec.match.dl_vlan is not None:
                used.add(flow.spec.match.dl_vlan)
        return frozenset(used)

    def meters(self, dpid: int) -> frozenset[int]:
        """Return the meters in use on a switch."""
        flows = (*self._flows.values(), *filter(None, self._changing.values()))
        there = [flow for flow in flows if flow.first_dpid == dpid]
        return frozenset(meter for flow in there if (meter := flow.meter or flow.spec.meter))

    def matching(self, spec: PathSpec) -> tuple[Flow, ...]:
        """Return the flows with the match and the source of ``spec``."""
        return tuple(
            flow
            for flow in self.over_source(spec.src)
            if isinstance(flow.spec, PathSpec) and flow.spec.match == spec.match
        )

    def over_source(self, src: PortRef) -> tuple[Flow, ...]:
        """Return the end-to-end flows whose frames come in at ``src``."""
        return tuple(
            flow
            for flow in self.with_switch(src.dpid)
            if isinstance(flow.spec, PathSpec) and flow.spec.src == src
        )

    def check_unclaimed(self, number: int, keys: Iterable[EntryKey]) -> None:
        """Raise Conflict if an entry with one of ``keys`` belongs to a flow of another number."""
        for key in keys:
            owner = self._owners.get(key, number)
            if owner != number:
                raise Conflict(
                    f"flow {flow_id(owner)} has an entry with the same match and priority on "
                    f"switch {dpid_to_text(key.dpid)}; change that one, or use another priority"
                )

    # ---- changed

    def restore(self, flow: Flow) -> None:
        """Keep a flow that was kept before, as a store says; Conflict if its entries are taken."""
        self.check_unclaimed(flow.number, keys_of(flow))
        self._flows[flow.number] = flow
        self._index(flow)

    def update(self, flow: Flow) -> None:
        """Keep ``flow`` in place of the one with its number; NotFound, Conflict."""
        self._unindex(self.get(flow.number))
        self._flows[flow.number] = flow
        self._index(flow)

    def claim(self, number: int, target: Flow | None, keys: Collection[EntryKey]) -> None:
        """Note that a flow is being made, or changed into ``target`` (None: removed).

        Until :meth:`release`, its entries and those of ``keys`` are neither restored nor taken
        for orphans. Conflict if another flow has such an entry, or if another change of this
        flow, or of one on its switches whose match overlaps, is under way.
        """
        flow = self._flows.get(number)
        subject = flow or target
        if subject is not None:
            self._check_quiet(subject)
        self.check_unclaimed(number, keys)
        self._changing[number] = target
        self._claimed[number] = keys
        for key in keys:
            self._owners[key] = number
        if flow is not None:
            self._moving[number] = flow
            self._unwant(flow)

    def release(self, number: int, result: Flow | None) -> None:
        """Note that the change is over and ``result`` (None: nothing) is what should be there."""
        before = self._flows.pop(number, None)
        if before is not None:
            self._unindex(before)
        del self._changing[number]
        self._moving.pop(number, None)
        claimed = self._claimed.pop(number)
        # A new flow, most of the time: what it claimed is what it keeps.
        if result is None or claimed is not result.memo.get("keys"):
            for key in claimed:
                if self._owners.get(key) == number:
                    del self._owners[key]
        if result is not None:
            self._flows[number] = result
            self._index(result)

    def _check_quiet(self, flow: Flow) -> None:
        if flow.number in self._changing:
            raise Conflict(f"a change of flow {flow.id} is under way; wait until it is done")
        for other in self._moving.values():
            if _may_share_frames(flow, other):
                raise Conflict(
                    f"flow {other.id}, whose match overlaps, is being changed; "
                    "wait until that is done"
                )

    # ---- indices

    def _index(self, flow: Flow) -> None:
        number = flow.number
        entries = self._entries[number] = entries_of(flow)
        for entry in entries:
            dpid = entry.key.dpid
            self._owners[entry.key] = number
            self._wanted.setdefault(dpid, {})[entry.key] = entry.mod
            self._with_switch.setdefault(dpid, set()).add(number)
        if flow.state is not FlowState.ACTIVE:
            self._broken.add(number)
        if isinstance(flow.spec, EntrySpec) or flow.spec.meter is not None:
            self._index_dependencies(flow)
        for hop in flow.hops[:-1]:
            self._over_link.setdefault(PortRef(hop.dpid, hop.out_port), set()).add(number)

    def _index_dependencies(self, flow: Flow) -> None:
        number = flow.number
        if needs_of(flow.spec) is not NOTHING:
            self._needing.setdefault(flow.first_dpid, set()).add(number)
        if is_chained(flow.spec) and flow.state is not FlowState.PENDING:
            self._chained.setdefault(flow.first_dpid, set()).add(number)
            self._table_use.pop(flow.first_dpid, None)

    def _unindex(self, flow: Flow) -> None:
        number = flow.number
        for key, *_ in self._entries.pop(number):
            if self._owners.get(key) == number:
                del self._owners[key]
            self._wanted[key.dpid].pop(key, None)
            _drop(self._with_switch, key.dpid, number)
        self._broken.discard(number)
        if isinstance(flow.spec, EntrySpec) or flow.spec.meter is not None:
            _drop(self._needing, flow.first_dpid, number)
            _drop(self._chained, flow.first_dpid, number)
            self._table_use.pop(flow.first_dpid, None)
        for hop in flow.hops[:-1]:
            _drop(self._over_link, PortRef(hop.dpid, hop.out_port), number)

    def _unwant(self, flow: Flow) -> None:
        for key, *_ in self._entries[flow.number]:
            self._wanted[key.dpid].pop(key, None)


def _may_share_frames(one: Flow, other: Flow) -> bool:
    """Tell whether a frame can belong to both; those of two paths begin at one port each."""
    spec, beside = one.spec, other.spec
    if isinstance(spec, PathSpec) and isinstance(beside, PathSpec) and spec.src != beside.src:
        return False
    return overlaps(spec.match, beside.match) and not one.dpids.isdisjoint(other.dpids)


def _drop(index: dict[PortRef, set[int]] | dict[int, set[int]], key: object, number: int) -> None:
    numbers = index.get(key)  # type: ignore[call-overload]
    if numbers is not None:
        numbers.discard(number)
        if not numbers:
            del index[key]  # type: ignore[arg-type]
