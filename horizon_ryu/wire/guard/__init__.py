"""The wire guard: nothing a peer sends reaches a parser before it passed here.

It knows nothing of Ryu, does no I/O and has no clock. :class:`Framer` cuts the stream into
messages, :class:`MessageGuard` says which may be parsed, :class:`Violation` is what is raised
when the peer is to be closed.
"""

from horizon_ryu.wire.guard.framing import Framer
from horizon_ryu.wire.guard.hello import normalize_hello
from horizon_ryu.wire.guard.message_guard import AnswerLimits, MessageGuard
from horizon_ryu.wire.guard.protocol import Role
from horizon_ryu.wire.guard.violation import Reason, UnknownElement, Violation

__all__ = [
    "AnswerLimits",
    "Framer",
    "MessageGuard",
    "Reason",
    "Role",
    "UnknownElement",
    "Violation",
    "normalize_hello",
]
