"""The base of our Ryu applications: what each receives, and how its loops end.

A Horizon application is thin: an event becomes a call to the core, and what the core answers
becomes messages. Handlers never wait; what waits runs in a loop started with
:meth:`HorizonApp.spawn`, which ends with the application.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ryu.app.wsgi import WSGIApplication
from ryu.base.app_manager import RyuApp
from ryu.lib import hub
from ryu.ofproto import ofproto_v1_0, ofproto_v1_3

from horizon_ryu.services import Services


class HorizonApp(RyuApp):
    """A Ryu application that shares Horizon's services as ``self.horizon``."""

    _CONTEXTS: ClassVar[dict[str, type]] = {"wsgi": WSGIApplication, "horizon": Services}
    OFP_VERSIONS: ClassVar[list[int]] = [ofproto_v1_0.OFP_VERSION, ofproto_v1_3.OFP_VERSION]

    def __init__(self, *args: Any, wsgi: WSGIApplication, horizon: Services, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.horizon = horizon
        self._loops: list[Any] = []
        horizon.start(wsgi)

    def spawn(self, loop: Callable[..., None], *args: Any) -> None:
        """Run ``loop`` in a greenlet that is killed when the application stops."""
        self._loops = [greenlet for greenlet in self._loops if not greenlet.dead]
        self._loops.append(hub.spawn(loop, *args))

    def stop(self) -> None:
        """End the loops, then the event queue."""
        for greenlet in self._loops:
            hub.kill(greenlet)
        super().stop()
