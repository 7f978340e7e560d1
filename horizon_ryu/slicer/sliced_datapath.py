"""Sliced datapath: one switch, its tenants, and every message between them, whatever the version.

Nothing here waits or reads: whole messages, which guards have judged, come in, and what follows is
said to the switch and to tenants (report 3.1; rules of FlowVisor where it was right).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, ClassVar, Protocol, runtime_checkable

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.limits import Limited, RateLimiter
from horizon_ryu.core.slicing.slice_settings import SliceSettings
from horizon_ryu.core.slicing.switch_objects import SwitchObject
from horizon_ryu.core.slicing.tenant_table import TenantEntry, TenantTables
from horizon_ryu.slicer.entry_reports import SwitchEntry
from horizon_ryu.slicer.held_messages import HeldMessages
from horizon_ryu.slicer.portions import Carry, NewestWork, Work
from horizon_ryu.slicer.presence import SlicePresence, TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import SlicedLink, error_message, with_xid
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET
from horizon_ryu.wire.layout import WireError
from horizon_ryu.wire.ofp13 import OFPT
from horizon_ryu.wire.session.switch import FeaturesReply
from horizon_ryu.wire.symmetric import BarrierRequest, Error

_IGNORED = frozenset({int(OFPT.ERROR), int(OFPT.ECHO_REPLY), int(OFPT.ECHO_REQUEST)})
"""What the session with a tenant has dealt with; the same numbers in both versions."""

_ALL_MESSAGES = Limited.MESSAGES
MORE = 1
"""Flag of a part of statistics that is not the last."""

FromTenant = Callable[[TenantConnection, bytes, float], None]
"""Deals with a message of a tenant; TenantRefusal."""
FromSwitch = Callable[[bytes, float], None]


def flags_of(statistics: bytes) -> int:
    """Return the flags of an answer of statistics, the same place in both versions."""
    return int.from_bytes(statistics[10:12], "big")


@runtime_checkable
class OwnQuestion(Protocol):
    """A part of the slicer that has asked the switch something, as tenants do."""

    def answered(self, asked: Asked, message: bytes, now: float) -> None:
        """Take the switch's answer, or one part of it."""

    def refused(self, asked: Asked, message: bytes, now: float) -> None:
        """Take the error that the switch has answered with."""


class _Barrier:
    """A barrier of the slicer's own."""

    def __init__(self, done: Callable[[], object]) -> None:
        self._done = done

    def answered(self, _asked: Asked, _message: bytes, _now: float) -> None:
        """Tell that everything before it is done."""
        self._done()

    def refused(self, _asked: Asked, _message: bytes, _now: float) -> None:
        """Tell the same: a switch without barriers does things in their order."""
        self._done()


class SlicedDatapath(ABC):
    """One switch that several slices share."""

    VERSION: ClassVar[int]
    KINDS: ClassVar[Mapping[int, str]]
    """The names under which messages of tenants are counted, by their types."""

    def __init__(self, link: SlicedLink) -> None:
        self.dpid = link.dpid
        self._link = link
        self._tenants_say: Mapping[int, FromTenant] = {}
        self._switch_says: Mapping[int, FromSwitch] = {}
        self._counted_as = {kind: f"tenant.{name}" for kind, name in self.KINDS.items()}
        self._held = HeldMessages(self._release)
        self._moves = NewestWork(lambda: link.carry)
        link.at_length = self._at_length

    def listen(self, tell: Callable[..., None]) -> None:
        """Have what happens told: the name of an event, and what it is about."""
        self._link.tell = tell

    def count_elsewhere(self, elsewhere: Callable[[str], int]) -> None:
        """Have the entries that a slice has on other switches counted against its limit."""
        self._link.elsewhere = elsewhere

    def carry_by(self, carry: Carry) -> None:
        """Have what takes long done by ``carry``, and not at a stretch."""
        self._link.carry = carry

    def leave_out_empty_answers(self) -> None:  # noqa: B027 - FlowVisor had 1.0 alone
        """Tell tenants nothing where there is nothing to tell, as FlowVisor did."""

    @property
    def is_at_work(self) -> bool:
        """Whether the switch is still to be told of what has changed."""
        return self._moves.is_under_way or self._link.is_behind

    @property
    def is_moving(self) -> bool:
        """Whether the entries of tenants are on the way to another flowspace."""
        return self._moves.is_under_way

    def moved(self, done: Callable[[], object]) -> None:
        """Have ``done`` called when no entries are on their way: at once, or before long."""
        if self.is_moving:
            self._moves.then(done)
        else:
            done()  # though others wait: it is one of these that asks for it

    def _move(self, work: Work, held: Collection[str] | None) -> None:
        """Have entries moved, when none are on their way; tenants of slices are held for it.

        ``held`` None: those of all slices.
        """
        self._held.hold(held)
        self._moves.begin(chain(work, self._releasing()))

    def _at_length(self, tenant: TenantConnection, work: Work) -> None:
        """Do what takes long for a tenant: what it says next waits for that."""
        if self._held.is_dealing:
            self._held.before_next(work)
        elif self.is_moving:
            self._held.add(tenant.slice_name)
            self._held.put(tenant, work)
        else:
            self._move(work, (tenant.slice_name,))

    def _releasing(self) -> Work:
        """Deal with what tenants have said meanwhile; what waits for entries to move goes first."""
        yield from self._held.releasing(lambda: not self._moves.is_waited_for)
        if self._held.is_on:
            self._moves.then(self._release_others)

    def _release_others(self) -> None:
        if self._held.is_on:
            self._moves.begin(self._releasing())

    @abstractmethod
    def begin(
        self, kept: Iterable[TenantEntry] | None = None, objects: Iterable[SwitchObject] = ()
    ) -> list[TenantEntry]:
        """Begin with an empty switch, unless what it has is to be taken over.

        ``kept`` is what tenants had there, the oldest first, and ``objects`` what that names.
        Returns those entries that have no place any more.
        """

    def end_takeover(self, now: float) -> None:  # noqa: B027 - most have nothing to wait for
        """Wait no longer for what the switch has not told of itself."""

    @abstractmethod
    def set_flowspace(self, flowspace: SwitchFlowspace, now: float) -> None:
        """Take another flowspace: entries and ports of tenants follow it."""

    @abstractmethod
    def features(self, slice_name: str) -> FeaturesReply:
        """Return the features of the switch as a slice sees it."""

    @property
    def tables(self) -> TenantTables:
        """What tenants have here."""
        return self._link.sliced

    @property
    def flowspace(self) -> SwitchFlowspace:
        """Whose frames are whose here."""
        return self._link.sliced.flowspace

    # ---- slices and their connections

    def set_slice(
        self, settings: SliceSettings, shared: RateLimiter, own: RateLimiter | None
    ) -> None:
        """Have a slice here, or give it other settings."""
        presence = self._link.presences.get(settings.name)
        if presence is None:
            self._link.presences[settings.name] = SlicePresence(settings, shared, own)
        else:
            presence.settings, presence.shared, presence.own = settings, shared, own

    def remove_slice(self, name: str, now: float) -> None:
        """Have a slice here no more, when its entries have gone with its flowspace."""
        self.moved(lambda: self._remove_slice(name, now))

    def _remove_slice(self, name: str, now: float) -> None:
        self._link.presences.pop(name, None)
        self._link.sliced.forget(name)

    def slices(self) -> tuple[str, ...]:
        """Return the names of the slices that are here."""
        return tuple(self._link.presences)

    def presence(self, name: str) -> SlicePresence | None:
        """Return what a slice has here; None if it is not here."""
        return self._link.presences.get(name)

    def connect(self, tenant: TenantConnection) -> None:
        """Let a tenant take part from now on."""
        presence = self._link.presence(tenant)
        tenant.latency = presence.latency
        presence.connections.append(tenant)

    def disconnect(self, tenant: TenantConnection) -> None:
        """Let a tenant take part no more; its entries stay."""
        presence = self._link.presences.get(tenant.slice_name)
        if presence is not None and tenant in presence.connections:
            presence.connections.remove(tenant)
        self._link.xids.forget(tenant)
        self._held.forget(tenant)

    def entries(self, name: str) -> Iterator[TenantEntry]:
        """Yield what the tenants of a slice have installed here."""
        return iter(self._link.sliced.table(name))

    @abstractmethod
    def unowned(self, now: float) -> int:
        """Return how many frames have been dropped that were nobody's, as far as is known.

        The switch may be asked for it: then it is known the next time.
        """

    @abstractmethod
    def became(self, entry: TenantEntry) -> list[SwitchEntry]:
        """Return the entries of the switch that a tenant's has become."""

    def entry_count(self, name: str) -> int:
        """Return how many entries the switch has for a slice: one for each of its tenants'."""
        return len(self._link.sliced.table(name))

    def entry_quota(self, name: str) -> int | None:
        """Return how many it may have here; None without a limit."""
        return self._link.entry_quota(name)

    @abstractmethod
    def ports_seen(self, name: str) -> tuple[Any, ...]:
        """Return the ports that a slice has here, as the switch has described them."""

    def confirm(self, done: Callable[[], object]) -> None:
        """Have ``done`` called when the switch has done all that it was told before."""
        barrier = codec_of(self.VERSION).messages.encode(0, BarrierRequest())
        self.moved(lambda: self._link.forward(_Barrier(done), barrier))

    # ---- messages

    @abstractmethod
    def _check_role(self, tenant: TenantConnection, message: bytes) -> None:
        """Return if a controller may send a message, as what it is; TenantRefusal."""

    def from_tenant(self, tenant: TenantConnection, message: bytes, now: float) -> None:
        """Deal with a message of a tenant: what is refused is answered with an error."""
        if self._held.is_on and self._held.holds(tenant):
            self._hold(tenant, message, now)
            return
        kind = message[1]
        if kind in _IGNORED:
            return
        presence = self._link.presences[tenant.slice_name]
        presence.counted[self._counted_as.get(kind) or f"tenant.{kind}"] += 1
        try:
            if not presence.admit(_ALL_MESSAGES, now):
                raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.EPERM, _ALL_MESSAGES.value)
            self._check_role(tenant, message)
            take = self._tenants_say.get(kind)
            if take is None:
                raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BAD_TYPE, "unknown type")
            take(tenant, message, now)
        except TenantRefusal as refusal:
            self._link.refuse(tenant, message, refusal)
        except WireError:
            malformed = TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BAD_LEN, "malformed")
            self._link.refuse(tenant, message, malformed)

    def count_refused(self, tenant: TenantConnection, message: bytes, now: float) -> None:
        """Count a message of a tenant that names what the version lacks, and was answered so."""
        presence = self._link.presences[tenant.slice_name]
        presence.counted[self._counted_as[message[1]]] += 1
        presence.refused["unknown element"] += 1
        presence.admit(_ALL_MESSAGES, now)

    def _hold(self, tenant: TenantConnection, message: bytes, now: float) -> None:
        """Keep a message until the entries of its slice have moved."""
        if not self._held.put(tenant, message, now):
            busy = TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.EPERM, "too much is held")
            self._link.refuse(tenant, message, busy)

    def _release(self, tenant: TenantConnection, message: bytes, now: float) -> None:
        """Deal with a message that has waited, if its tenant has not gone meanwhile."""
        if tenant in self._link.connected(tenant.slice_name):
            self.from_tenant(tenant, message, now)

    def from_switch(self, message: bytes, now: float) -> None:
        """Deal with a message of the switch: it goes to whom it concerns, and to nobody else."""
        take = self._switch_says.get(message[1])
        if take is not None:
            take(message, now)

    def _is_own(self, asked: Asked, message: bytes, now: float) -> bool:
        """Give an answer to the part of the slicer that has asked; False if a tenant has."""
        if isinstance(asked.tenant, TenantConnection):
            return False
        if isinstance(asked.tenant, OwnQuestion):
            asked.tenant.answered(asked, message, now)
        return True

    def _answer(self, message: bytes, now: float) -> None:
        """Take an answer as it is to whoever has asked."""
        asked = self._link.answer(message)
        if asked is not None and not self._is_own(asked, message, now):
            asked.tenant.say(with_xid(message, asked.xid))

    def _error(self, message: bytes, now: float) -> None:
        """Tell whoever's message it was, a tenant with that message as it was sent."""
        asked = self._link.answer(message)
        if asked is None or not self._is_news(asked, now):
            return
        if isinstance(asked.tenant, TenantConnection):
            error: Error = codec_of(self.VERSION).messages.decode(message).message
            self._link.presence(asked.tenant).counted["switch.error"] += 1
            asked.tenant.say(error_message(self.VERSION, error.type, error.code, asked.message))
        elif isinstance(asked.tenant, OwnQuestion):
            asked.tenant.refused(asked, message, now)

    @abstractmethod
    def _is_news(self, asked: Asked, now: float) -> bool:
        """Take back what was noted of a change that the switch refused; False if told before."""
