"""Hello: a node tells, unasked, that it is there (the report's Fig. 2.1, module Hello)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.domains import ROUTER


@dataclass(frozen=True, slots=True)
class NodeHello:
    """Who is there: a Domain 0 or a virtual router, and its name where it knows one.

    ``number`` counts the times that it said so since it began.
    """

    TAG: ClassVar[str] = "Hello"
    kind: Literal["domain_0", "virtual_router"] = document_field()
    name: str | None = document_field(None, pattern=ROUTER)
    number: int = document_field(1, least=1)
