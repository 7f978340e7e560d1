"""Random groups of two tenants, on a switch that is late and refuses some of them.

Whatever happens, no group of a slice ever sends to one of another, and in the end the switch has
what each tenant is told that it has.
"""

from __future__ import annotations

import random
from collections import deque
from typing import NamedTuple

import pytest

from horizon_ryu.wire.error_codes13 import OFPET, OFPGMFC
from horizon_ryu.wire.of13.controller import FlowMod13, GroupMod
from horizon_ryu.wire.of13.structures import ActionGroup, ActionOutput13, Bucket
from horizon_ryu.wire.ofp13 import OFPMP, OFPP, OFPT
from horizon_ryu.wire.symmetric import BarrierReply, Error
from unit.slicing.objects13 import (
    ADD,
    ALL_GROUPS,
    DELETE,
    FF,
    MODIFY,
    JudgedTenant,
    ObjectLab,
    bucket,
    group_mod,
)
from unit.slicing.sliced10 import MACS_0, MACS_1, mac
from unit.slicing.sliced13 import MESSAGES13, flow_mod13, match13, output13, rules13

STEPS = 500
PORTS = {"c0": (2, 3, 4), "c1": (1, 3)}
MOVED = [*rules13("c0", [4, 3], MACS_0, 1), *rules13("c1", [1, 2], MACS_1, 9)]
FLOOD = int(OFPP.FLOOD)


class Said(NamedTuple):
    """A message on its way to the switch, and whose its group was when it left."""

    raw: bytes
    owner: str | None


class LateSwitch:
    """Has groups, carries out what it is told when it comes to it, and refuses some."""

    def __init__(self, lab: ObjectLab, rng: random.Random) -> None:
        self._lab = lab
        self._rng = rng
        self._coming: deque[Said] = deque()
        self.groups: dict[int, GroupMod] = {}
        self.owners: dict[int, str | None] = {}
        self.refused = 0

    def hear(self) -> None:
        """Take what was said since the last call."""
        for raw in self._lab.raw:
            owner = None
            if raw[1] == OFPT.GROUP_MOD:
                number = int.from_bytes(raw[12:16], "big")
                owner = self._owner(number)
            self._coming.append(Said(raw, owner))
        self._lab.raw.clear()
        self._lab.got.clear()

    def _owner(self, number: int) -> str | None:
        groups = self._lab.datapath.groups
        found = [name for name in PORTS if groups.tenant_id(name, number) is not None]
        floods = [name for name in PORTS if groups._floods.get(name) == number]
        return next(iter(found + floods), self.owners.get(number))

    def work(self, most: int) -> None:
        """Carry out some messages."""
        while self._coming and most:
            most -= 1
            said = self._coming.popleft()
            xid = int.from_bytes(said.raw[4:8], "big")
            if said.raw[1] == OFPT.BARRIER_REQUEST:
                self._lab.answer(BarrierReply(), xid)
            elif said.raw[1] == OFPT.GROUP_MOD:
                self._group(said, xid)
            self.hear()

    def _group(self, said: Said, xid: int) -> None:
        mod: GroupMod = MESSAGES13.decode(said.raw).message
        if mod.command == DELETE:
            gone = list(self.groups) if mod.group_id == ALL_GROUPS else [mod.group_id]
            for number in gone:
                self.groups.pop(number, None)
            return
        asked = self._lab.datapath._link.xids.find(xid)
        is_tenants = asked is not None and isinstance(asked.tenant, JudgedTenant)
        # One that was refused is not there to be changed.
        unknown = mod.command == MODIFY and mod.group_id not in self.groups
        if unknown or (is_tenants and self._rng.random() < 0.3):
            self.refused += 1
            self._lab.answer(Error(OFPET.GROUP_MOD_FAILED, OFPGMFC.OUT_OF_GROUPS, bytes(64)), xid)
            return
        assert (mod.command == ADD) == (mod.group_id not in self.groups)
        self.groups[mod.group_id] = mod
        self.owners[mod.group_id] = said.owner
        self.check()

    def check(self) -> None:
        """No group sends to a group of another slice."""
        for number, mod in self.groups.items():
            for other in chained(mod.buckets):
                assert other not in self.groups or self.owners[other] == self.owners[number]


def chained(buckets: tuple[Bucket, ...]) -> list[int]:
    return [
        action.group_id
        for one in buckets
        for action in one.actions
        if isinstance(action, ActionGroup)
    ]


def random_bucket(rng: random.Random, name: str) -> Bucket:
    actions = rng.choice(
        (
            (output13(rng.choice((*PORTS[name], 1))),),
            (output13(FLOOD),),
            (ActionGroup(rng.randrange(6)),),
            (),
        )
    )
    port, group = rng.choice(((0xFFFFFFFF, 0xFFFFFFFF), (2, 0xFFFFFFFF), (0xFFFFFFFF, 3)))
    return bucket(*actions, port=port, group=group)


def random_message(rng: random.Random, name: str) -> GroupMod | FlowMod13:
    number = rng.randrange(6)
    if rng.random() < 0.15:
        source = MACS_0 if name == "c0" else MACS_1
        match = match13(in_port=PORTS[name][0], eth_src=mac(source[0]))
        return flow_mod13(match, ActionGroup(number), priority=rng.randrange(3))
    if rng.random() < 0.25:
        return group_mod(rng.choice((number, ALL_GROUPS)), command=DELETE)
    buckets = [random_bucket(rng, name) for _ in range(rng.randrange(3))]
    return group_mod(
        number, *buckets, command=rng.choice((ADD, MODIFY)), kind=rng.choice((0, 0, 1, FF))
    )


def told(lab: ObjectLab, tenant: JudgedTenant) -> dict[int, tuple[Bucket, ...]]:
    tenant.got.clear()
    tenant.question(int(OFPMP.GROUP_DESC))
    return {one.group_id: one.buckets for one in tenant.told()}


def outputs(buckets: tuple[Bucket, ...]) -> list[int]:
    return [
        action.port
        for one in buckets
        for action in one.actions
        if isinstance(action, ActionOutput13) and action.port != FLOOD
    ]


@pytest.mark.parametrize("seed", range(20))
def test_random_groups_stay_apart_and_are_what_tenants_are_told(seed: int) -> None:
    rng = random.Random(seed)
    lab = ObjectLab()
    before = lab.datapath.flowspace
    switch = LateSwitch(lab, rng)
    switch.hear()
    for _ in range(STEPS):
        name = rng.choice(tuple(PORTS))
        tenant = lab.a if name == "c0" else lab.b
        raw = MESSAGES13.encode(rng.randrange(1 << 32), random_message(rng, name))
        lab.datapath.from_tenant(tenant, raw, lab.now)
        if not rng.randrange(40):
            lab.move_to(MOVED)
        elif not rng.randrange(40):
            lab.datapath.set_flowspace(before, lab.now)
        switch.hear()
        switch.work(rng.randrange(4))
    lab.datapath.set_flowspace(before, lab.now)
    switch.hear()
    switch.work(1_000_000)
    assert switch.refused > 3
    groups, seen = lab.datapath.groups, set(lab.datapath.groups._floods.values())
    for name, tenant in (("c0", lab.a), ("c1", lab.b)):
        for number, buckets in told(lab, tenant).items():
            real = groups.real(name, number)
            assert real is not None
            seen.add(real)
            has = switch.groups[real].buckets
            assert set(outputs(has)) <= set(outputs(buckets)) & set(PORTS[name])
            assert all(other in switch.groups for other in chained(has))
    assert seen == set(switch.groups), "nothing else is left on the switch"
    for name in PORTS:
        lab.datapath.remove_slice(name, lab.now)
    switch.hear()
    switch.work(1_000_000)
    assert not switch.groups
