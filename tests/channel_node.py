"""A node that takes Hello messages and writes down each event, as a program of its own.

``python channel_node.py FOLDER PORT``: its files are in FOLDER, the events in FOLDER/events, one
line each: its own incarnation, the event's kind, its numbers.
"""

from __future__ import annotations

import sys
from pathlib import Path

from xen_bridge.channel.incarnation import FILE, next_incarnation
from xen_bridge.channel.incoming import IncomingChannel
from xen_bridge.channel.receiver import Delivered, Event, Gap
from xen_bridge.handlers import channel_handlers
from xen_bridge.protocol.applications import Application
from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.runtime.limiter import ThreadLimiter
from xen_bridge.server.dispatcher import Dispatcher
from xen_bridge.server.https import serve
from xen_bridge.server.running import NodeComponents, run
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import FILE as KEYS
from xen_bridge.trust.key_list import KeyList

EVENTS = "events"


def main(folder: Path, port: int) -> None:
    """Serve until told to stop."""
    identity, keys = Identity.load(folder), KeyList(folder / KEYS)
    incarnation = next_incarnation(folder / FILE)
    events = (folder / EVENTS).open("a", encoding="ascii")

    def write_down(_node_pk: str, event: Event) -> None:
        if isinstance(event, Delivered):
            line = f"{incarnation} delivered {event.number} {event.body.number}"
        elif isinstance(event, Gap):
            line = f"{incarnation} gap {event.first} {event.last}"
        else:
            line = f"{incarnation} started {event.incarnation} 0"
        # One write: a process that is killed leaves whole lines.
        events.write(line + "\n")
        events.flush()

    incoming = IncomingChannel(incarnation, {Application.HELLO: write_down})
    runtime = GreenRuntime(8)
    limiter, parsing = ThreadLimiter(runtime, "channel", 4), ThreadLimiter(runtime, "parsing", 2)
    handlers = channel_handlers(incoming, limiter)
    dispatcher = Dispatcher(identity.node_pk, keys.names, handlers, runtime, limiter, parsing)
    run(
        NodeComponents(identity, keys, dispatcher, runtime, serve),
        "127.0.0.1",
        port,
        lambda text: print(text, flush=True),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
