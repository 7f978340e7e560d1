"""Ports of switches as programs name them: an answer's own, or (dpid, port number)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeAlias


class PortEnd(Protocol):
    """Whatever in an answer is at a port: the end of a link, a host."""

    @property
    def dpid(self) -> str:
        """The switch."""

    @property
    def port_no(self) -> int:
        """Its port."""


End: TypeAlias = PortEnd | tuple[str | int, int | str]
"""What is at a port, or the switch (hex digits, a number, its name) and the port (or "local")."""


def end_body(end: End) -> dict[str, Any]:
    """Return a port as requests have it."""
    dpid, port_no = end if isinstance(end, tuple) else (end.dpid, end.port_no)
    return {"dpid": dpid, "port_no": port_no}


def dpid_list(dpids: Iterable[str | int]) -> list[str | int]:
    """Return switches as requests have them, in their order; one text is not taken for several."""
    if isinstance(dpids, str):
        raise TypeError("several switches are a list of them, not one text")
    return list(dpids)
