"""Why a message was not carried out."""

from __future__ import annotations

from typing import ClassVar

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field


@document_form
class ApplicationError:
    """The status, as HTTP's, what it means, what happened, and the field at fault if one is."""

    TAG: ClassVar[str] = "ApplicationError"
    status: int = document_field(least=400, most=599)
    title: str = document_field()
    detail: str = document_field()
    field: str | None = document_field(None)
