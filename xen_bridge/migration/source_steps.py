"""Steps of the source: what each does, and how it is taken back.

Each may be done, or taken back, a second time after an interruption.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from xen_bridge.dom0.hypervisor.moving import DomainMover, MoveOrder
from xen_bridge.errors import BridgeError, HypervisorError, RequestConflict, SubjectNotFound
from xen_bridge.migration.outgoing import (
    MOVE,
    Command,
    DoStep,
    Event,
    Locate,
    Located,
    OutgoingMigration,
    StepDone,
    UndoStep,
)
from xen_bridge.migration.peer import Connect, PeerConnection
from xen_bridge.protocol.documents.migration_advise import (
    LEASE_SECONDS,
    AbortIncoming,
    AdviseMigration,
    IncomingSite,
    PrepareIncoming,
)
from xen_bridge.virtual_management import PhysicalHost


class SourceSteps:
    """Carries out commands of one migration. Not for several threads at once."""

    def __init__(
        self,
        host: PhysicalHost,
        mover: DomainMover,
        connect: Connect,
        is_aborted: Callable[[], bool],
    ) -> None:
        self._host = host
        self._mover = mover
        self._connect = connect
        self._is_aborted = is_aborted
        self._peer: PeerConnection | None = None

    def close(self) -> None:
        """Close the connection to the destination."""
        if self._peer is not None:
            self._peer.close()

    def carry_out(self, record: OutgoingMigration, command: Command) -> Event:
        """Carry out a command other than to wait. Raises a BridgeError."""
        if isinstance(command, Locate):
            return Located(self._mover.settle(order_of(record)))
        if isinstance(command, DoStep):
            steps: dict[str, Callable[[OutgoingMigration], StepDone]] = {
                "prepare": self._prepare,
                MOVE: self._move,
                "finish": self._finish,
                "forget": self._forget,
            }
            return steps[command.step](record)
        if isinstance(command, UndoStep):
            self._undo(record, command.step)
        return StepDone()

    def _ask(self, record: OutgoingMigration, body: object) -> object:
        if self._peer is None:
            self._peer = self._connect(record.order)
        return self._peer.ask(body)

    # ---- forward

    def _prepare(self, record: OutgoingMigration) -> StepDone:
        order = record.order
        wanted = PrepareIncoming(
            id=order.id,
            definition=record.definition,
            affinity=record.affinity,
            mode=order.mode,
        )
        answer = self._ask(record, wanted)
        site = answer.facts if isinstance(answer, IncomingSite) else ()
        self._mover.check_site(record.status.uuid, {one.name: one.value for one in site})
        return StepDone(site=site)

    def _move(self, record: OutgoingMigration) -> StepDone:
        order = record.order
        with self._renewing(record) as lost:

            def may_go_on(stood: float) -> None:
                if self._is_aborted():
                    raise RequestConflict("it was to be aborted")
                most = order.abort_if_pause_over_s
                if most is not None and stood > most:
                    raise HypervisorError(f"the domain stood still for more than {most:g} s")
                if lost:
                    raise RequestConflict(f"the destination gave it up: {lost[0]}")

            stood = self._mover.move(order_of(record), order.pause_s or 0.0, may_go_on)
        return StepDone(pause_s=stood, detail=f"stood still for {stood:.3f} s")

    def _finish(self, record: OutgoingMigration) -> StepDone:
        self._ask(record, AdviseMigration(record.order.id, "finish"))
        return StepDone()

    def _forget(self, record: OutgoingMigration) -> StepDone:
        self._mover.forget_outgoing(order_of(record))
        self._host.forget_settings(record.status.uuid)
        return StepDone()

    @contextmanager
    def _renewing(self, record: OutgoingMigration) -> Iterator[list[str]]:
        """Have the destination hear of a migration while a step lasts.

        Yields a list that holds why it knows nothing of it any more, once it does not.
        """
        over, lost = threading.Event(), list[str]()
        thread = threading.Thread(
            target=self._renew, args=(record, over, lost), name="renewing", daemon=True
        )
        thread.start()
        try:
            yield lost
        finally:
            over.set()
            thread.join()

    def _renew(self, record: OutgoingMigration, over: threading.Event, lost: list[str]) -> None:
        peer: PeerConnection | None = None
        try:
            while not over.wait(LEASE_SECONDS / 6):
                try:
                    peer = peer or self._connect(record.order)
                    peer.ask(AdviseMigration(record.order.id, "renew"), None, LEASE_SECONDS / 6)
                except (SubjectNotFound, RequestConflict) as error:
                    lost.append(str(error))
                    return
                except BridgeError:
                    # Whether it has given it up is seen when the domain is handed over.
                    continue
        finally:
            if peer is not None:
                peer.close()

    # ---- back

    def _undo(self, record: OutgoingMigration, step: str) -> None:
        if step == "prepare":
            self._ask(record, AbortIncoming(record.order.id))
        elif step == MOVE and self._mover.settle(order_of(record)):
            raise HypervisorError("the domain is at the destination")


def order_of(record: OutgoingMigration) -> MoveOrder:
    """Return a migration as the back end is told of it."""
    return MoveOrder(record.order.id, record.status.uuid, record.facts)
