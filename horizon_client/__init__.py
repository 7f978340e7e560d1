"""The client library of a Horizon controller: pilot virtual networks from a program of yours.

::

    from horizon_client import Client, flows, topology

    with Client("http://127.0.0.1:8080") as horizon:
        for switch in horizon.ask(topology.read()).switches:
            print(switch.dpid, switch.address)

What can be asked for is in the modules ``topology``, ``tree``, ``networks``, ``flows``,
``migrations``, ``stats``, ``nodes``, ``slices``, ``xen``, ``timers`` and ``controller``, each
request a value; :class:`Client` and :class:`AsyncClient` carry all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from horizon_client.api_request import ApiRequest, Snapshot
from horizon_client.client import Client
from horizon_client.connection import ControllerConnection, tls_context
from horizon_client.errors import (
    AccessRefused,
    CannotBeSent,
    ClientError,
    ControllerTrouble,
    DependencyAway,
    EndlessAnswer,
    FaultyField,
    InputRefused,
    NoAnswer,
    NotAController,
    NothingThere,
    ProblemTold,
    RequestRefused,
    SentElsewhere,
    StateConflict,
    TooMuch,
    UnusableName,
    WrongConnection,
)
from horizon_client.event_stream import HorizonEvent

if TYPE_CHECKING:
    from horizon_client.async_client import AsyncClient

__all__ = [
    "AccessRefused",
    "ApiRequest",
    "AsyncClient",
    "CannotBeSent",
    "Client",
    "ClientError",
    "ControllerConnection",
    "ControllerTrouble",
    "DependencyAway",
    "EndlessAnswer",
    "FaultyField",
    "HorizonEvent",
    "InputRefused",
    "NoAnswer",
    "NotAController",
    "NothingThere",
    "ProblemTold",
    "RequestRefused",
    "SentElsewhere",
    "Snapshot",
    "StateConflict",
    "TooMuch",
    "UnusableName",
    "WrongConnection",
    "tls_context",
]


def __getattr__(name: str) -> Any:
    """Load the client for asyncio when it is asked for: commands do without it (PEP 562)."""
    if name == "AsyncClient":
        from horizon_client.async_client import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
