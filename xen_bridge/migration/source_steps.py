"""Steps of the source: what each does, and how it is taken back.

Each may be done, or taken back, a second time after an interruption.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from xen_bridge.dom0.hypervisor.moving import (
    DomainMover,
    Graces,
    MoveHooks,
    MoveOrder,
    RestartingMover,
)
from xen_bridge.errors import BridgeError, HypervisorError, RequestConflict, SubjectNotFound
from xen_bridge.migration.commands import (
    Command,
    DoStep,
    Event,
    Locate,
    Located,
    StepDone,
    UndoStep,
)
from xen_bridge.migration.departure import PlaneDeparture
from xen_bridge.migration.held_sessions import SessionHolder, no_agent
from xen_bridge.migration.outgoing import MOVE, OutgoingMigration
from xen_bridge.migration.peer import Connect, PeerConnection, incoming_of
from xen_bridge.migration.tunnel_ends import TunnelEnds
from xen_bridge.protocol.documents.migration import MigrateDomain
from xen_bridge.protocol.documents.migration_advise import (
    LEASE_SECONDS,
    AbortIncoming,
    AdvisedStep,
    AdviseMigration,
    IncomingSite,
    IncomingStatus,
)
from xen_bridge.virtual_management import PhysicalHost

ANNOUNCED_AFTER = (0.0, 0.05, 0.1, 0.2)
"""Seconds from one announcement to the next: some frames may be lost."""
PLANE_SECONDS = 180.0
"""For a destination to make a plane: 100,000 routes take it a while when it is busy."""
SAMPLE_SECONDS, STILL_SAMPLES, ANNOUNCE_AGAIN, MAX_SAMPLES = 0.1, 2, 10, 600


class SourceSteps:
    """Carries out commands of one migration. Not for several threads at once."""

    def __init__(
        self,
        host: PhysicalHost,
        mover: DomainMover,
        connect: Connect,
        is_aborted: Callable[[], bool],
        departure: PlaneDeparture | None = None,
        sessions: SessionHolder | None = None,
        tunnels: TunnelEnds | None = None,
    ) -> None:
        """``departure`` is for a router whose data plane goes along."""
        self._tunnels = tunnels
        self._departure = departure
        self._sessions = sessions or SessionHolder(no_agent)
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
            return Located(self._settled(record))
        if isinstance(command, DoStep):
            steps: dict[str, Callable[[OutgoingMigration], StepDone]] = {
                "prepare": self._prepare,
                "data_plane": self._offer_plane,
                "bind": self._bind,
                "announce": self._announce,
                "drain": self._drain,
                MOVE: self._move,
                "finish": self._finish,
                "forget": self._forget,
            }
            return steps[command.step](record)
        if isinstance(command, UndoStep):
            return self._undo(record, command.step)
        return StepDone()

    def _settled(self, record: OutgoingMigration) -> bool:
        """Make whole what an interrupted move left; tell whether the domain is there."""
        order, mover = order_of(record), self._mover
        if isinstance(mover, RestartingMover) and mover.is_asked(order):
            # Told to give it up, the destination does, or says that the domain has come.
            try:
                self._ask(record, AbortIncoming(record.order.id))
                order = replace(order, is_there=False)
            except RequestConflict:
                order = replace(order, is_there=True)
            except BridgeError:
                if record.given_up not in ("here", "there"):
                    raise
                order = replace(order, is_there=record.given_up == "there")
        return mover.settle(order)

    def _ask(self, record: OutgoingMigration, body: object, seconds: float | None = None) -> object:
        if self._peer is None:
            self._peer = self._connect(record.order)
        return self._peer.ask(body, None, seconds)

    # ---- forward

    def _prepare(self, record: OutgoingMigration) -> StepDone:
        planes_on = () if self._departure is None else self._departure.stands_on()
        wanted = incoming_of(record.order, record.definition, record.affinity, planes_on)
        if self._tunnels is not None:
            wanted = self._tunnels.with_kinds(wanted)
        answer = self._ask(record, wanted)
        site = answer if isinstance(answer, IncomingSite) else IncomingSite()
        self._mover.check_site(record.status.uuid, {one.name: one.value for one in site.facts})
        if self._tunnels is not None:
            self._tunnels.depart(record.order, wanted, site.tunnels)
        told = ", ".join(one.bridge for one in site.tunnels)
        return StepDone(site=site.facts, detail=f"{told} by a tunnel" if told else None)

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
                if self._departure is not None:
                    self._departure.keep_recent()

            def arrived() -> None:
                if self._departure is not None:
                    # What the machine says first is to leave there. It is tried again later.
                    with suppress(BridgeError):
                        self._tell_news(record)
                    with suppress(BridgeError):
                        self._advise(record, "bind")

            held = self._sessions.hold(order, record.status)
            leaving = self._departure
            stopped, may_stop = (
                (_nothing, _nothing) if leaving is None else (leaving.park, leaving.copy)
            )

            def start_there(graces: Graces) -> None:
                self._ask(record, AdviseMigration(order.id, "start", graces))

            noted = [] if held is None else [held]
            hooks = MoveHooks(may_go_on, stopped, arrived, may_stop, start_there, noted.append)
            stood = self._mover.move(order_of(record), order.pause_s or 0.0, hooks)
        told = [f"stood still for {stood:.3f} s", *noted]
        return StepDone(pause_s=stood, detail="; ".join(told))

    # ---- the data plane

    def _offer_plane(self, record: OutgoingMigration) -> StepDone:
        for offer in self._leaving().offers():
            self._ask(record, offer, PLANE_SECONDS)
        return StepDone()

    def _tell_news(self, record: OutgoingMigration) -> None:
        for news in self._leaving().news():
            self._ask(record, news, PLANE_SECONDS)

    def _bind(self, record: OutgoingMigration) -> StepDone:
        self._tell_news(record)
        self._advise(record, "bind")
        ends = () if self._tunnels is None else self._tunnels.of(record.status.uuid)
        self._leaving().hush([one.bridge for one in ends if not one.is_away])
        return StepDone(detail=self._relayed(record))

    def _announce(self, record: OutgoingMigration) -> StepDone:
        for seconds in ANNOUNCED_AFTER:
            time.sleep(seconds)
            self._advise(record, "announce")
            self._tell_news(record)
            self._relayed(record)
        return StepDone()

    def _drain(self, record: OutgoingMigration) -> StepDone:
        """Wait until no packet comes here any more; what still does draws none."""
        leaving, still, turns = self._leaving(), 0, 0
        late = leaving.late()
        while still < STILL_SAMPLES:
            turns += 1
            time.sleep(SAMPLE_SECONDS)
            self._relayed(record)
            now = leaving.late()
            if now != late:
                # Perhaps from somebody behind a bridge of this host.
                leaving.lead_locals()
            still = still + 1 if now == late else 0
            late = now
            if turns % ANNOUNCE_AGAIN == 0:
                self._advise(record, "announce")
            if turns > MAX_SAMPLES:
                raise HypervisorError(f"packets still come here, {late} so far")
        told = f"{late} packets came late, and were passed on here"
        if crowded := leaving.crowded_out():
            told += f"; {crowded} frames for the router found no room to wait"
        return StepDone(detail=told, lost_here=leaving.lost())

    def _relayed(self, record: OutgoingMigration) -> str:
        mover = self._mover
        is_anew = isinstance(mover, RestartingMover) and mover.restarts(record.facts)
        count = self._leaving().relay(lambda body: self._ask(record, body), is_anew)
        return f"{count} frames were passed on"

    def _leaving(self) -> PlaneDeparture:
        if self._departure is None:
            raise HypervisorError("this node separates no planes")
        return self._departure

    def _advise(self, record: OutgoingMigration, step: AdvisedStep) -> object:
        has_come = record.status.is_committed
        return self._ask(record, AdviseMigration(record.order.id, step, has_come=has_come))

    # ---- the end

    def _finish(self, record: OutgoingMigration) -> StepDone:
        told = self._advise(record, "finish")
        return StepDone(lost_there=told.lost if isinstance(told, IncomingStatus) else None)

    def _forget(self, record: OutgoingMigration) -> StepDone:
        self._sessions.release(record.status)
        if self._departure is not None:
            if record.given_up is None and not record.ended_there:
                self._relayed(record)
            self._departure.end()
        self._mover.forget_outgoing(order_of(record))
        if self._tunnels is not None:
            self._tunnels.drop(record.status.uuid, away=True)
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
                    # Two hosts that are busy with a domain's memory are slow to answer.
                    peer.ask(AdviseMigration(record.order.id, "renew"), None, LEASE_SECONDS / 2)
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

    def _undo(self, record: OutgoingMigration, step: str) -> StepDone:
        if step == "prepare":
            if self._tunnels is not None:
                self._tunnels.drop(record.status.uuid, away=False)
            self._ask(record, AbortIncoming(record.order.id))
        elif step == MOVE:
            if self._settled(record):
                raise HypervisorError("the domain is at the destination")
            if self._departure is not None:
                self._departure.unpark()
            self._sessions.release(record.status)
        elif step == "data_plane" and self._departure is not None:
            return StepDone(lost_here=self._departure.unpin())
        return StepDone()


def _nothing() -> None:
    """Do nothing."""


def order_of(record: OutgoingMigration) -> MoveOrder:
    """Return a migration as the back end is told of it."""
    return MoveOrder(
        record.order.id,
        record.status.uuid,
        record.facts,
        is_separated(record.order),
        given_up=record.given_up,
    )


def is_separated(order: MigrateDomain) -> bool:
    """Return whether a data plane goes along."""
    return order.mode == "plane-separation"
