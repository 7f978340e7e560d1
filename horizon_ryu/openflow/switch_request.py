"""Request to one switch: a pending request of its session, whose failures are errors of ours."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from math import inf

from horizon_ryu.core.errors import SwitchAway, SwitchDeadline, SwitchError
from horizon_ryu.wire.session import FailureKind, PendingRequest, RequestFailure

LOG = logging.getLogger(__name__)


class SwitchRequest(PendingRequest):
    """One exchange with a switch.

    ``xids`` are the messages whose errors belong to it, each with its place among those that were
    sent together; ``last`` is the one that is answered.
    """

    def __init__(
        self,
        dpid: int,
        last: int,
        wake: Callable[[], None],
        xids: Mapping[int, int] | None = None,
        deadline: float = inf,
    ) -> None:
        """``wake`` is called once, in the receive task, when the request is done."""
        super().__init__(last, wake, xids or {}, deadline)
        self.dpid = dpid

    @property
    def errors(self) -> list[SwitchError]:
        """What went wrong: SwitchError for a refusal, SwitchDeadline, SwitchAway."""
        return [self._error(failure) for failure in self.failures]

    @property
    def own_failure(self) -> int | None:
        """Which failure says that the request itself was refused or not answered, if any."""
        return next((at for at, one in enumerate(self.failures) if _is_own(one)), None)

    def _error(self, failure: RequestFailure) -> SwitchError:
        if failure.kind is FailureKind.GONE:
            return SwitchAway(self.dpid)
        if failure.kind is FailureKind.LATE:
            return SwitchDeadline(self.dpid, failure.reason)
        return SwitchError(self.dpid, failure.reason, failure.place)

    def finish(self) -> None:
        """Wake whoever asked, once; its failure must not cost the switch its connection."""
        try:
            super().finish()
        except Exception:
            LOG.exception("switch %016x: an answer was not taken", self.dpid)


def _is_own(failure: RequestFailure) -> bool:
    """Tell whether the request itself failed, not a message before it."""
    return failure.kind is FailureKind.LATE or (
        failure.kind is FailureKind.REFUSED and failure.place is None
    )
