"""The base of our Ryu applications: what each receives, and how its loops end.

A Horizon application is thin: an event becomes a call to the core, and what the core answers
becomes messages. Handlers never wait; what waits runs in a loop
(:meth:`HorizonApp.spawn_loop`) or a task of its own (:meth:`HorizonApp.spawn`), which end with
the application.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

from ryu.app.wsgi import WSGIApplication
from ryu.base.app_manager import RyuApp
from ryu.ofproto import ofproto_v1_0, ofproto_v1_3

from horizon_ryu.core.loop_record import TERMS, LoopTerms
from horizon_ryu.services import Services, ending_on_errors
from horizon_ryu.supervised_events import SupervisedEvents
from xen_bridge.runtime.port import Task


class _EndsOnErrors(type):
    """Class of applications whose making ends the process on an error of the operator's making.

    What a store that cannot be read, or a file, does to a constructor is one line, not a traceback.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        with ending_on_errors():
            return super().__call__(*args, **kwargs)


class _Ending(Protocol):
    """A task, or a loop, that ends with its application."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""

    def kill(self) -> None:
        """End it."""


class HorizonApp(RyuApp, metaclass=_EndsOnErrors):
    """A Ryu application that shares Horizon's services as ``self.horizon``.

    Under ``changing`` it reads a setting, has the store keep another, and puts that in force.
    """

    _CONTEXTS: ClassVar[dict[str, type]] = {"wsgi": WSGIApplication, "horizon": Services}
    OFP_VERSIONS: ClassVar[list[int]] = [ofproto_v1_0.OFP_VERSION, ofproto_v1_3.OFP_VERSION]

    def __init__(self, *args: Any, wsgi: WSGIApplication, horizon: Services, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.horizon = horizon
        self.changing: AbstractContextManager[Any] = horizon.runtime.semaphore()
        self._tasks: list[_Ending] = []
        self._events = SupervisedEvents(
            horizon.supervisor, f"events of {self.name}", self._disconnect
        )
        horizon.start(wsgi)

    def spawn(self, work: Callable[..., object], *args: Any) -> Task:
        """Run ``work`` in a task that is killed when the application stops; return that."""
        task = self.horizon.runtime.spawn(self.horizon.supervisor.once, work, *args)
        self._keep(task)
        return task

    def spawn_loop(
        self,
        turn: Callable[[], object],
        again: Callable[[], object] | None = None,
        is_over: Callable[[], bool] | None = None,
        terms: LoopTerms = TERMS,
    ) -> None:
        """Call ``turn`` again and again, whatever it raises, until the application stops.

        See :class:`SupervisedLoop <horizon_ryu.supervised_loop.SupervisedLoop>`.
        """
        self._keep(self.horizon.supervisor.spawn(turn, again, is_over, terms))

    def _keep(self, task: _Ending) -> None:
        self._tasks = [one for one in self._tasks if not one.is_over]
        self._tasks.append(task)

    # ---- events of Ryu

    def _disconnect(self, dpid: int, reason: str) -> None:
        self.horizon.switches.disconnect(dpid, reason)

    def get_handlers(self, ev: Any, state: Any = None) -> list[Callable[[Any], object]]:
        """Return the handlers of an event, each supervised."""
        return [self._events.supervised(one) for one in super().get_handlers(ev, state)]

    def _event_loop(self) -> None:
        # Ryu's: it hands events over until the application stops.
        self._events.run(super()._event_loop, lambda: not self.is_active)

    def stop(self) -> None:
        """End the loops, then the event queue."""
        for task in self._tasks:
            task.kill()
        super().stop()
