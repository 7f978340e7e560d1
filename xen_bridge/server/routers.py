"""The virtual routers of a host: how to reach the agent in each, from a file with a line each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xen_bridge.errors import InvalidRequest
from xen_bridge.protocol.documents.domains import ROUTER
from xen_bridge.protocol.endpoint import check_url
from xen_bridge.trust.identity import check_node_pk
from xen_bridge.trust.list_file import ListFile

FILE = "routers"
HOSTS_FILE = "hosts"
"""Of a virtual router: the Domain 0s that may host it, each with its URL and key."""


@dataclass(frozen=True, slots=True)
class VirtualRouter:
    """Where the agent of a virtual router listens, and its key."""

    name: str
    url: str
    node_pk: str


def check_router(name: str, url: str, node_pk: str) -> VirtualRouter:
    """Return a router of checked values; InvalidRequest names the one that is wrong."""
    if not re.fullmatch(ROUTER, name):
        raise InvalidRequest(
            ("name",),
            "has letters, digits and _ . + : - only, and begins with a letter or a digit; a domain "
            "with another name goes by its UUID here",
        )
    return VirtualRouter(name, check_url(url), check_node_pk(node_pk))


class RouterList:
    """The routers of a file."""

    def __init__(self, path: Path) -> None:
        self._file = ListFile(path, _read_line)

    def routers(self) -> Mapping[str, VirtualRouter]:
        """Return the routers by name, as the file has them now."""
        return self._file.entries()

    def put(self, router: VirtualRouter) -> None:
        """Add a router, or replace the one of that name."""
        self._file.put(router.name, f"{router.name} {router.url} {router.node_pk}")

    def remove(self, name: str) -> bool:
        """Take a router away; False if there is none of that name."""
        if name not in self._file.entries_to_change():
            return False
        self._file.put(name, None)
        return True


def _read_line(words: list[str]) -> tuple[str, VirtualRouter]:
    if len(words) != 3:
        raise InvalidRequest(("line",), "needs a name, a URL and a NodePK")
    router = check_router(*words)
    return router.name, router
