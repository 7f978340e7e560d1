"""The base of our Ryu applications: what each receives, and how its loops end.

A Horizon application is thin: an event becomes a call to the core, and what the core answers
becomes messages. Handlers never wait; what waits runs in a loop
(:meth:`HorizonApp.spawn_loop`) or a task of its own (:meth:`HorizonApp.spawn`), which end with
the application.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from ryu.app.wsgi import WSGIApplication
from ryu.base.app_manager import RyuApp
from ryu.ofproto import ofproto_v1_0, ofproto_v1_3

from horizon_ryu.services import Services, ending_on_errors
from xen_bridge.runtime.port import Task


class _EndsOnErrors(type):
    """Class of applications whose making ends the process on an error of the operator's making.

    What a store that cannot be read, or a file, does to a constructor is one line, not a traceback.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        with ending_on_errors():
            return super().__call__(*args, **kwargs)


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
        self._tasks: list[Task] = []
        horizon.start(wsgi)

    def spawn(self, work: Callable[..., object], *args: Any) -> Task:
        """Run ``work`` in a task that is killed when the application stops; return that."""
        return self._keep(self.horizon.runtime.spawn(self.horizon.supervisor.once, work, *args))

    def spawn_loop(
        self,
        turn: Callable[[], object],
        again: Callable[[], object] | None = None,
        is_over: Callable[[], bool] | None = None,
    ) -> None:
        """Call ``turn`` again and again, whatever it raises, until the application stops.

        See :meth:`Supervisor.forever <horizon_ryu.supervision.Supervisor.forever>`.
        """
        forever = self.horizon.supervisor.forever
        self._keep(self.horizon.runtime.spawn(forever, turn, again, is_over))

    def _keep(self, task: Task) -> Task:
        self._tasks = [one for one in self._tasks if not one.is_over]
        self._tasks.append(task)
        return task

    def stop(self) -> None:
        """End the loops, then the event queue."""
        for task in self._tasks:
            task.kill()
        super().stop()
