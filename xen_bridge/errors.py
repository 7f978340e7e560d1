"""The exception tree of the bridge. Each class has the HTTP status that tells a peer of it.

::

    BridgeError
    ├── Unparsable          400  the message is not one
    ├── Forbidden           403  the sender may not
    │   └── PathNotAllowed  403  nobody may be given that path of this host
    ├── SubjectNotFound     404  the thing named does not exist
    ├── RequestConflict     409  it exists already, or its state forbids that
    ├── TooLarge            413  the message exceeds its limit
    ├── InvalidRequest      422  a value is refused; names the field
    ├── HypervisorError     424  the hypervisor refused or failed
    │   ├── HypervisorAway  424  it cannot be reached
    │   └── DomainEnded     424  the domain has come, and has ended since
    ├── PeerAway            424  another node cannot be reached
    │   └── PeerUnreached   424  and was asked nothing: there was no connection
    ├── Overloaded          429  too much is under way
    ├── RequestUnsupported  501  this back end cannot do that
    └── Deadline            504  it did not end in time
"""

from __future__ import annotations

from typing import ClassVar


class BridgeError(Exception):
    """Root of every error that the bridge raises on purpose."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"


class Unparsable(BridgeError):
    """The bytes are not a message."""

    status = 400
    title = "The message cannot be parsed"


class Forbidden(BridgeError):
    """The sender may not do this, or is not who the message says."""

    status = 403
    title = "Not allowed"


class PathNotAllowed(Forbidden):
    """A path of this host is not in its list of those that domains may be given."""

    title = "The path is not allowed on this host"


class SubjectNotFound(BridgeError):
    """The thing named does not exist."""

    status = 404
    title = "Not found"


class RequestConflict(BridgeError):
    """The thing exists already, or its state forbids what was asked."""

    status = 409
    title = "Conflict"


class TooLarge(BridgeError):
    """The message exceeds its limit."""

    status = 413
    title = "The message is too large"


class InvalidRequest(BridgeError):
    """A value from outside is refused: ``loc`` is the path to the field, ``msg`` the reason."""

    status = 422
    title = "Invalid input"

    def __init__(self, loc: tuple[str, ...], msg: str) -> None:
        super().__init__(f"{'.'.join(loc)}: {msg}")
        self.loc = loc
        self.msg = msg


class HypervisorError(BridgeError):
    """The hypervisor refused or failed."""

    status = 424
    title = "The hypervisor refused or failed"


class HypervisorAway(HypervisorError):
    """The hypervisor, or the daemon before it, cannot be reached."""

    title = "The hypervisor is away"


class DomainEnded(HypervisorError):
    """A domain that came from another host does not run here any more."""

    title = "The domain has ended"


class PeerAway(BridgeError):
    """Another node cannot be reached, or is not who it should be."""

    status = 424
    title = "The node is away"


class PeerUnreached(PeerAway):
    """There was no connection to the node, so that it was asked nothing."""


class Overloaded(BridgeError):
    """Too much is under way already."""

    status = 429
    title = "A limit was reached"


class RequestUnsupported(BridgeError):
    """This back end cannot do what was asked; the message says which capability is missing."""

    status = 501
    title = "Not supported by this hypervisor"


class Deadline(BridgeError):
    """It did not end in time."""

    status = 504
    title = "It did not end in time"


KINDS: tuple[type[BridgeError], ...] = (
    Unparsable,
    PathNotAllowed,
    Forbidden,
    SubjectNotFound,
    RequestConflict,
    TooLarge,
    PeerAway,
    HypervisorAway,
    DomainEnded,
    HypervisorError,
    Overloaded,
    RequestUnsupported,
    Deadline,
)


def error_of(status: int, title: str, detail: str, field: str | None = None) -> BridgeError:
    """Return the error that a peer told of; one of an unknown status is a plain BridgeError."""
    if status == InvalidRequest.status:
        loc = tuple((field or "message").split("."))
        return InvalidRequest(loc, detail.removeprefix(f"{field}: "))
    for kind in KINDS:
        if kind.status == status and kind.title == title:
            return kind(detail)
    same = [kind for kind in KINDS if kind.status == status]
    return same[-1](detail) if same else BridgeError(detail)
