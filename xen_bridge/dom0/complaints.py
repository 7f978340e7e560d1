"""Complaints about domains in the log: once each, however often they are looked at."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from xen_bridge.protocol.documents.domains import Domain

LOG = logging.getLogger(__name__)


class Complaints:
    """Remembers what was logged of each domain; any thread may call."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, ...]] = {}

    def look_at(self, domains: Iterable[Domain]) -> None:
        """Log what is wrong now and was not at the last look; these are all domains."""
        now = {domain.uuid: domain for domain in domains if domain.problems}
        before, self._told = self._told, {uuid: one.problems for uuid, one in now.items()}
        for uuid, domain in now.items():
            for problem in set(domain.problems) - set(before.get(uuid, ())):
                LOG.warning("domain %r (%s): %s", domain.name, uuid, problem)
