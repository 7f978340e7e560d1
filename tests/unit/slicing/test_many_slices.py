"""Slices that come and go without end: a switch keeps nothing of those that are gone."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from horizon_ryu.core.slicing.limits import RateLimiter, SliceLimits
from horizon_ryu.core.slicing.slice_settings import SliceSettings
from horizon_ryu.wire.symmetric import BarrierReply, BarrierRequest
from unit.slicing.sliced10 import Sliced, flow_mod, mac, match, output, rules_of
from unit.slicing.sliced13 import Sliced13, flow_mod13, match13, output13, rules13
from unit.slicing.steps import Steps

STATION = "00:00:00:00:00:77"


def names_kept(root: Any) -> set[str]:
    """Return the names of jobs that books have which can be reached from an object of ours.

    Messages name some, too: they go when they are old.
    """
    seen: set[int] = set()
    found: set[str] = set()
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type):
            continue
        seen.add(id(one))
        if isinstance(one, dict | set):
            found.update(key for key in one if isinstance(key, str) and key.startswith("job"))
        if type(one).__module__ != "builtins" or isinstance(one, dict | list | tuple | set):
            waiting += [*gc.get_referents(one), *getattr(one, "__dict__", {}).values()]
    return found


class Listening:
    """Whoever is told what becomes of the tables, as an engine's journal is."""

    def __getattr__(self, _name: str) -> Any:
        return lambda *_told: None


def without_one(lab: Sliced, steps: Steps, name: str, say: Any) -> None:
    """Have a slice come, say something, and go, by a flowspace that its entries still follow."""
    limits = SliceLimits()
    settings = SliceSettings(name, (), limits)
    before = lab.rules
    made = rules13 if isinstance(lab, Sliced13) else rules_of
    lab.rules = [*before, *made(name, [3], (STATION,), 1000)]
    lab.datapath.set_slice(settings, RateLimiter(limits, lab.now), None)
    lab.datapath.set_flowspace(lab.flowspace(lab.rules), lab.now)
    steps.all()
    tenant = lab.join(name)
    assert lab.ask(tenant, say)
    del lab.tenants[name]
    lab.datapath.disconnect(tenant)
    lab.rules = before
    lab.datapath.set_flowspace(lab.flowspace(lab.rules), lab.now)
    lab.datapath.remove_slice(name, lab.now)
    steps.all()
    for sent in lab.got:
        if isinstance(sent.message, BarrierRequest):
            lab.answer(BarrierReply(), sent.xid)
    lab.news()


@pytest.mark.parametrize("is_at_once", [True, False])
@pytest.mark.parametrize(
    ("lab", "say"),
    [
        (Sliced, flow_mod(match(dl_src=mac(STATION)), output(3))),
        (Sliced13, flow_mod13(match13(eth_src=mac(STATION)), output13(3))),
    ],
)
def test_nothing_is_kept_of_slices_that_are_gone(
    lab: type[Sliced], say: Any, is_at_once: bool
) -> None:
    made, steps = lab(), Steps()
    if not is_at_once:
        made.datapath.carry_by(steps.carry)
    made.datapath.tables.listen(Listening())
    for number in range(30):
        without_one(made, steps, f"job{number}", say)
    assert names_kept(made.datapath) <= {"job29"}
