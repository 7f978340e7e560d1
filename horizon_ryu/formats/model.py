"""The base of every document, in JSON and XML alike, and the types that fields share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

DPID_PATTERN = "^[0-9a-f]{16}$"

Dpid: TypeAlias = Annotated[
    str, StringConstraints(pattern=DPID_PATTERN), Field(description="16 lower-case hex digits")
]
PortNo: TypeAlias = Annotated[int, Field(ge=0, le=0xFFFF_FFFF, description="OpenFlow port number")]


class Model(BaseModel):
    """What may be sent or received: no unknown field, no conversion of types, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Document(Model):
    """A model that has an XML form too: its fields, in their order, below ``XML_ROOT``.

    ``XML_SCHEMA`` is the name of its .xsd file in this package, without the ending.
    """

    XML_ROOT: ClassVar[str]
    XML_SCHEMA: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Repeated:
    """Marks a list: in XML each item is one ``element``, and there is none around them."""

    element: str
