"""Live move: one migration of libvirt, watched while it runs, and ended if it is to be.

It is asked of libvirtd (peer to peer), which goes on with it if this program ends meanwhile. The
copy is left paused at the destination until the domain here has gone: so there is no instant, and
no lost answer, by which both run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from xen_bridge.dom0.hypervisor.libvirt_errors import binding, ours
from xen_bridge.dom0.hypervisor.moving import MoveHooks
from xen_bridge.dom0.hypervisor.xen.migration_uri import MigrationUri
from xen_bridge.dom0.hypervisor.xen.save_helpers import end_saving
from xen_bridge.dom0.hypervisor.xen.suspend_watch import SuspendSignal, SuspendWatch
from xen_bridge.errors import BridgeError

LOG = logging.getLogger(__name__)
TURN = 0.1
"""Seconds between two looks at how it goes."""


class LiveMove:
    """One move of a running domain (libvirt's). Not for several threads at once."""

    def __init__(
        self,
        domain: Any,
        destination: MigrationUri,
        hooks: MoveHooks,
        end: Callable[[int], int] = end_saving,
        watch: Callable[[int], SuspendSignal] = SuspendWatch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._domain = domain
        self._destination = destination
        self._hooks = hooks
        self._end = end
        self._watch = watch
        self._clock = clock
        self._failed: BridgeError | None = None
        self._refused: BridgeError | None = None
        self.stopped: float | None = None
        """When the domain was told to stand still, by the clock."""

    def carry_out(self) -> None:
        """Return when the domain is there, paused, and here no more; raises why it is not."""
        self._hooks.may_go_on(0.0)
        # When it is told to stand still, that is known a moment later.
        self._hooks.may_stop()
        number = self._domain.ID()
        with self._watch(number) as watch:
            migrating = threading.Thread(target=self._migrate, name="libvirt migrates", daemon=True)
            migrating.start()
            while migrating.is_alive():
                if self.stopped is None and watch.wait(TURN):
                    self.stopped = self._clock()
                    self._keep_what_comes()
                elif self.stopped is not None:
                    migrating.join(TURN)
                self._look(number)
        if self._failed is not None:
            raise self._refused or self._failed

    def _keep_what_comes(self) -> None:
        """Tell that it stands still; if that is not taken, it is not to leave."""
        try:
            self._hooks.stopped()
        except BridgeError as error:
            self._refused = error

    def _look(self, number: int) -> None:
        """Have it ended if it may not go on, as often as that takes."""
        try:
            if self._refused is not None:
                raise self._refused
            stopped = self.stopped
            self._hooks.may_go_on(0.0 if stopped is None else self._clock() - stopped)
        except BridgeError as error:
            self._refused = error
            if self._end(number):
                LOG.info("the migration of domain %d is ended: %s", number, error)

    def _migrate(self) -> None:
        libvirt = binding()
        try:
            self._domain.migrateToURI3(self._destination.text, {}, self._flags(libvirt))
        except libvirt.libvirtError as error:
            self._failed = ours(error)

    def _flags(self, libvirt: Any) -> int:
        flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER
        flags |= libvirt.VIR_MIGRATE_PAUSED
        if self._destination.is_secret:
            # Else the domain's memory would go in a connection of its own, to be read by anybody.
            flags |= libvirt.VIR_MIGRATE_TUNNELLED
        if self._domain.isPersistent():
            flags |= libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
        return int(flags)
