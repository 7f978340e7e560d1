"""Two sliced switches that are told the same: one goes the short way where there is one."""

from __future__ import annotations

from typing import Any

from horizon_ryu.core.slicing.rule import FlowspaceRule
from unit.slicing.sliced10 import Sliced


def counted(sliced: Sliced) -> list[bool]:
    """Have it noted which flow-mods went the short way."""
    tables: Any = sliced.datapath._tables
    taken: list[bool] = []
    add_known = tables._add_known

    def noted(*about: Any) -> bool:
        taken.append(add_known(*about))
        return taken[-1]

    tables._add_known = noted
    return taken


class BothWays:
    """The same switch twice; ``taken``: which of its flow-mods went the short way."""

    def __init__(self, short: Sliced, long: Sliced) -> None:
        self.short, self.long = short, long
        long.datapath._tables._add_known = lambda *_: False
        self.taken = counted(short)

    def __iter__(self) -> Any:
        return iter((self.short, self.long))

    def set_rules(self, rules: list[FlowspaceRule]) -> None:
        for one in self:
            one.datapath.set_flowspace(one.flowspace(rules), one.now)

    def ask(self, name: str, message: bytes, now: float) -> None:
        """Have a tenant say something, and compare what comes of it."""
        for one in self:
            one.now = now
            one.datapath.from_tenant(one[name], message, now)
        self.compare()
        assert self.short[name].raw == self.long[name].raw

    def compare(self) -> None:
        """Compare what was said to the switches."""
        assert self.short.raw == self.long.raw

    def forget(self) -> None:
        """Forget what was said to the switches."""
        for one in self:
            one.raw.clear()

    def compare_entries(self) -> None:
        for name in ("c0", "c1"):
            short, long = (list(one.datapath.entries(name)) for one in self)
            assert short == long
