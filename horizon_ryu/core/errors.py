"""The exception tree of Horizon.

::

    HorizonError
    ├── InvalidInput        a value from outside is refused; names the field
    ├── NotFound            the thing named does not exist
    ├── NoRoute             no path of the network passes where it is asked to
    ├── Conflict            it exists already, or another operation holds it
    ├── NotYours            whoever asks may not have that
    ├── EngineAway          the slicer's engine does not answer
    ├── SwitchError         a switch refused, or is at fault
    │   ├── SwitchAway      it is not connected
    │   └── SwitchDeadline  it did not answer in time
    │       └── RequestUnanswered  it lives, but leaves such requests unanswered
    ├── HostError           a Xen host refused, or is at fault
    │   ├── HostAway        it cannot be reached
    │   │   └── HostUnreached  and was asked nothing
    │   ├── HostForbids     it lets nobody do that
    │   └── HostDeadline    it did not answer in time
    ├── StoreError          the store cannot be read or written
    │   └── StoreFull       it has no room left
    ├── UnknownRyu          Ryu is not the release that parts of ours replace
    ├── Unsupported         what stands behind it cannot do that
    └── LimitExceeded       a cap on a queue, table or cache was reached
"""

from __future__ import annotations


class HorizonError(Exception):
    """Root of every error that Horizon raises on purpose."""


class InvalidInput(HorizonError):
    """A value from outside is refused: ``loc`` is the path to the field, ``msg`` the reason.

    ``others`` are what else is wrong, where all of a list is told.
    """

    def __init__(
        self, loc: tuple[str | int, ...], msg: str, others: tuple[InvalidInput, ...] = ()
    ) -> None:
        super().__init__(f"{'.'.join(map(str, loc))}: {msg}")
        self.loc = loc
        self.msg = msg
        self.others = others


class NotFound(HorizonError):
    """The thing named does not exist."""


class NoRoute(HorizonError):
    """No path leads where it is asked to; ``dpid`` is the switch that it cannot pass or reach."""

    def __init__(self, dpid: int, msg: str) -> None:
        super().__init__(f"switch {dpid:016x}: {msg}")
        self.dpid = dpid
        self.msg = msg


class Conflict(HorizonError):
    """The thing exists already, or another operation holds it."""


class NotYours(HorizonError):
    """Whoever asks may not have that, whatever it says; the message says why."""


class EngineAway(HorizonError):
    """The slicer's engine does not answer; the message says what becomes of what was asked."""


class SwitchError(HorizonError):
    """A switch refused a message or is at fault; ``dpid`` says which.

    ``index`` is the place of the message among those sent together; None: it concerns them all.
    """

    def __init__(self, dpid: int, msg: str, index: int | None = None) -> None:
        super().__init__(f"switch {dpid:016x}: {msg}")
        self.dpid = dpid
        self.msg = msg
        self.index = index


class SwitchAway(SwitchError):
    """The switch is not connected."""

    def __init__(self, dpid: int) -> None:
        super().__init__(dpid, "not connected")


class SwitchDeadline(SwitchError):
    """The switch did not answer within the deadline."""


class RequestUnanswered(SwitchDeadline):
    """The switch lives, but has never answered such a request, of the kind ``kind``."""

    def __init__(self, dpid: int, kind: str, index: int | None = None) -> None:
        super().__init__(dpid, f"it lives, but does not answer: {kind}", index)
        self.kind = kind


class HostError(HorizonError):
    """A Xen host refused or is at fault; ``host`` is the name it is registered under."""

    def __init__(self, host: str, msg: str) -> None:
        super().__init__(f"host {host}: {msg}")
        self.host = host
        self.msg = msg


class HostAway(HostError):
    """The host, or what is asked of it there, cannot be reached."""


class HostUnreached(HostAway):
    """There was no connection to the host, so that it was asked nothing."""


class HostForbids(HostError):
    """The host lets nobody do what was asked, as it is configured."""


class HostDeadline(HostError):
    """The host did not answer within the deadline."""


class StoreError(HorizonError):
    """The store, which keeps what must survive a restart, cannot be used; the message says why."""


class StoreFull(StoreError):
    """The store has no room left for what is to be written."""


class UnknownRyu(HorizonError):
    """Ryu is not the release that parts of ours are written for."""


class Unsupported(HorizonError):
    """What stands behind the resource cannot do what was asked; the message says what."""


class LimitExceeded(HorizonError):
    """A cap on a queue, table or cache was reached."""
