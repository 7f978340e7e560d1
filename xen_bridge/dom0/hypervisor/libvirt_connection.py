"""Connection to libvirt: opened by the first call, and again by the first after it was lost.

A libvirtd that was killed and is back needs nobody's help. libvirt's connections may be used by
several threads at once.
"""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from functools import partial
from typing import Any

from xen_bridge.dom0.hypervisor.libvirt_errors import binding, translated
from xen_bridge.errors import HypervisorAway, SubjectNotFound

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID = re.compile(r"[0-9]{1,9}", re.ASCII)


class LibvirtConnection:
    """The hypervisor that libvirt reaches at a URI, and its domains by whatever they go by."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._connection: Any = None
        self._lock = threading.Lock()

    def connection(self) -> Any:
        """Return the connection, opened anew if there is none that lives."""
        libvirt = binding()
        with self._lock, translated():
            if self._connection is not None and not self._is_alive(self._connection):
                self._connection = None
            if self._connection is None:
                # Otherwise it prints every error to stderr as well.
                libvirt.registerErrorHandler(lambda _context, _error: None, None)
                self._connection = self._open(libvirt)
            return self._connection

    def _open(self, libvirt: Any) -> Any:
        try:
            connection = libvirt.open(self.uri)
        except libvirt.libvirtError as error:
            # Whatever the reason, there is no hypervisor to ask.
            raise HypervisorAway(f"{self.uri}: {error}") from error
        return connection

    @staticmethod
    def _is_alive(connection: Any) -> bool:
        libvirt = binding()
        try:
            return bool(connection.isAlive())
        except libvirt.libvirtError:
            return False

    def close(self) -> None:
        """End the connection."""
        with self._lock, translated():
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def find(self, domain: str) -> Any:
        """Return libvirt's domain of that UUID, name or id; SubjectNotFound if there is none.

        In that order: of two domains, one named "1" and one with the id 1, the former is meant.
        """
        connection = self.connection()
        lookups = [partial(connection.lookupByName, domain)]
        if _UUID.fullmatch(domain):
            lookups.insert(0, partial(connection.lookupByUUIDString, domain))
        if _ID.fullmatch(domain):
            lookups.append(partial(connection.lookupByID, int(domain)))
        for lookup in lookups:
            with suppress(SubjectNotFound), translated():
                return lookup()
        # libvirt does not say which.
        raise SubjectNotFound(f"no domain {domain}")
