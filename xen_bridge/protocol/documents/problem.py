"""Why a message was not carried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xen_bridge.protocol.forms import part


@dataclass(frozen=True, slots=True)
class ApplicationError:
    """The status, as HTTP's, what it means, what happened, and the field at fault if one is."""

    TAG: ClassVar[str] = "ApplicationError"
    status: int = part(least=400, most=599)
    title: str = part()
    detail: str = part()
    field: str | None = part(None)
