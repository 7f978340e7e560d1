"""Channel documents: what a node sends unasked, numbered, and its acknowledgement.

A document of any application may travel in it once it is in :data:`BODIES`; the application's own
id is that of the message. A sender's numbers begin at 1 with each incarnation, which grows with
each start of its program, so that either side sees when the other began anew.
"""

from __future__ import annotations

from typing import Any

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.hello import NodeHello
from xen_bridge.protocol.documents.route_change import RouteChange

BODIES: tuple[type[Any], ...] = (NodeHello, RouteChange)
"""What may travel in a channel."""
MAX_NUMBER = (1 << 63) - 1
MAX_INCARNATION = MAX_NUMBER >> 1
"""Half of what a number may be: there is always a greater one to begin anew with."""
MAX_MESSAGES = 64
"""In one document."""


@document_form
class NumberedMessage:
    """One document of an application, and its place in the order."""

    number: int = document_field(least=1, most=MAX_NUMBER)
    body: Any = document_field(one_of=BODIES)


@document_form
class ChannelMessages:
    """Messages in their order; none at all asks how far the receiver is.

    ``first`` is the lowest number that the sender may still send: it keeps nothing below it.
    """

    incarnation: int = document_field(least=1, most=MAX_NUMBER)
    first: int = document_field(least=1, most=MAX_NUMBER)
    messages: tuple[NumberedMessage, ...] = document_field((), tag="Message", at_most=MAX_MESSAGES)


@document_form
class Acknowledgement:
    """All messages up to ``acknowledged`` were taken, of the sender's ``of_incarnation``.

    ``incarnation`` is the receiver's own; a sender's that is higher than the sender's means that
    the receiver has heard of a later start of it.
    """

    incarnation: int = document_field(least=1, most=MAX_NUMBER)
    of_incarnation: int = document_field(least=1, most=MAX_NUMBER)
    acknowledged: int = document_field(least=0, most=MAX_NUMBER)
