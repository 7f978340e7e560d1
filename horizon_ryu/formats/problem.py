"""The problem document: RFC 9457's members, with the fields, switch or host at fault."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from horizon_ryu.formats.model import Document, Dpid, Model, Repeated


class FieldError(Model):
    """One refused field: the path to it, and the reason."""

    loc: Annotated[tuple[str, ...], Repeated("loc")]
    msg: str


class Problem(Document):
    """Why a request failed."""

    XML_ROOT: ClassVar[str] = "problem"
    XML_SCHEMA: ClassVar[str] = "problem"

    type: str = "about:blank"
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    errors: Annotated[tuple[FieldError, ...], Repeated("error")] = ()
    switch: Dpid | None = None
    host: str | None = None
