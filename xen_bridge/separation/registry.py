"""Registry of the separated routers of one host: the one place that allots, makes and removes.

Every call may block, and may be made from any native thread. What it returns is immutable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from xen_bridge.planes.data_plane import DataPlanePlan, RouterPort
from xen_bridge.protocol.documents.planes import SeparatedPlane
from xen_bridge.separation.separated import SeparatedRouter


class SeparatedRouters(Protocol):
    """What others may ask of the registry. Raises BridgeError.

    ``router`` is the name by which the host knows a router's agent (``xen-bridge router add``).
    """

    def view(self) -> tuple[SeparatedPlane, ...]:
        """Return all routers as they are known to be, without asking the kernel, by name.

        ``faults`` are those that the last check found, and changes that the kernel refused.
        """

    def check(self) -> tuple[SeparatedPlane, ...]:
        """Return all routers, after asking the kernel whether all of their planes is there."""

    def snapshot(self, router: str) -> SeparatedRouter:
        """Return a router whole: plan, FIB and node. SubjectNotFound if it is not separated."""

    def pin(self, router: str) -> None:
        """Keep its data plane whatever becomes of its domain, also over restarts, until unpinned.

        A migration pins at the source before the domain leaves: what is not pinned is removed as
        soon as its domain is gone.
        """

    def unpin(self, router: str) -> None:
        """Have its data plane follow its domain again: it is removed if that is not here."""

    def adopt(self, separated: SeparatedRouter, ports: Sequence[RouterPort]) -> DataPlanePlan:
        """Make the data plane of a router that comes from elsewhere, its routes with it; pinned.

        ``ports`` are its interfaces here, in the order of ``separated.interfaces``; their ``vif``
        must be there, and may be another than the one it will have (see :meth:`rebind`). Returns
        the plan, in a slot of this host. Its domain need not be here before :meth:`unpin`.
        RequestConflict if a router of that name is separated already. All of it, or nothing.
        """

    def rebind(self, router: str, ports: Sequence[RouterPort]) -> DataPlanePlan:
        """Bind an adopted router to other virtual interfaces; its packets pass meanwhile.

        Only ``vif`` and ``addresses`` may differ from what the ports were.
        """

    def release(self, router: str) -> None:
        """Remove its data plane, all of it, and forget it; nothing if there is none."""
