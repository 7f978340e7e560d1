"""Judge: why the planes of a router are not separated, by what its Hello says that its kernel does.

Pure. A kind that this version does not know is a reason too: it may be a firewall of another sort.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from xen_bridge.errors import InvalidRequest
from xen_bridge.planes.skipped import SkippedKind, refusal
from xen_bridge.protocol.documents.hello import RouterHello

Judge = Callable[[RouterHello], tuple[str, ...]]
"""Says why the planes of a router are not to be separated; nothing if they may be."""


def judge_of(allowed: Collection[str]) -> Judge:
    """Return a judge that lets Domain 0 skip the kinds ``allowed``."""

    def judge(hello: RouterHello) -> tuple[str, ...]:
        known: list[SkippedKind] = []
        reasons: list[str] = []
        for one in hello.kinds:
            try:
                known.append(SkippedKind(one.kind, one.evidence))
            except InvalidRequest:
                reasons.append(f"its kernel does what Domain 0 does not know: {one.kind}")
        refused = refusal(known, allowed)
        return (*(() if refused is None else (refused,)), *reasons)

    return judge
