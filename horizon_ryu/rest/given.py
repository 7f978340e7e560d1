"""Types of values as people write them in requests: numbers as text too, ports and dpids by form.

Answers always have one form; what is taken here is what the form stands for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, cast

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    GetPydanticSchema,
    StringConstraints,
    ValidationInfo,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from horizon_ryu.core.flows.action_fields import MAX_TABLE
from horizon_ryu.core.flows.field_values import NUMBER, plain_number
from horizon_ryu.core.identifiers import DPID_GIVEN, MAX_DPID
from horizon_ryu.core.switch_names import SWITCH_NAME
from horizon_ryu.http.request import SWITCHES, no_names
from horizon_ryu.wire.messages import LOCAL_PORT, MAX_PHYSICAL_PORT

DPID = re.compile(DPID_GIVEN)


@dataclass(frozen=True, slots=True)
class Told:
    """Says of a value that is refused, in one sentence, what it may be."""

    sentence: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        if schema["type"] != "union":
            schema = core_schema.union_schema([schema])
        # Not around a union: one in another is taken for one, and the outer sentence is lost.
        told = {"custom_error_type": "told", "custom_error_message": self.sentence}
        return cast(CoreSchema, {**schema, **told})


class NumberText:
    """Has a number be given as text as well: "10", "0xa"."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), {"type": "string", "pattern": f"^(?:{NUMBER})$"}]}


def _read(given: Any) -> Any:
    """Return the number that a text is; anything else as it is."""
    found = plain_number(given) if isinstance(given, str) else None
    return given if found is None else found


class _PortText:
    """Has the switch's own port be given by its name, and any port by its number as text."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.union_schema(
            [handler(source), core_schema.no_info_plain_validator_function(_read_port)],
            mode="left_to_right",
            custom_error_type="port",
            custom_error_message=f"a port is a number from 1 to {MAX_PHYSICAL_PORT}, or local",
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        text = {"type": "string", "pattern": f"^(?:{NUMBER}|[Ll][Oo][Cc][Aa][Ll])$"}
        return {"anyOf": [handler(schema), text, {"const": LOCAL_PORT}]}


def _read_port(given: Any) -> int:
    """Return the port that is no plain number; ValueError."""
    number = LOCAL_PORT if str(given).lower() == "local" else _read(given)
    is_port = isinstance(number, int) and 1 <= number <= MAX_PHYSICAL_PORT
    if isinstance(given, bool) or not (is_port or number == LOCAL_PORT):
        raise ValueError("no port")
    return int(number)


TableGiven: TypeAlias = Annotated[int, Field(ge=0, le=MAX_TABLE), NumberText()]
PortGiven: TypeAlias = Annotated[
    int,
    Field(ge=1, le=MAX_PHYSICAL_PORT, description="A port number, or local: the switch's own port"),
    _PortText(),
]
"""A port in a request: its number, or "local"."""
_DpidForm: TypeAlias = Annotated[
    Annotated[int, Field(ge=0, le=MAX_DPID)]
    | Annotated[str, StringConstraints(pattern=f"^(?:{DPID_GIVEN}|{SWITCH_NAME})$")],
    Told("must be a dpid (1 to 16 hex digits as text, or a number), or the name of a switch"),
    Field(description="Hex digits as text, zeros in front left out or not; a number; or a name"),
]


def switch_given(given: int | str, info: ValidationInfo) -> int:
    """Return the dpid that is meant: hex digits, a number, or the name of a switch.

    Who knows the names is in the context of the validation.
    """
    # Read here, not in core.identifiers: the bounds have been checked, and batches have thousands.
    if isinstance(given, int):
        return given
    if DPID.fullmatch(given):
        return int(given.replace(":", ""), 16)
    lookup = (info.context or {}).get(SWITCHES, no_names)
    dpid: int | None = lookup(given)
    if dpid is None:
        raise PydanticCustomError("told", "no switch is named {name}", {"name": given})
    return dpid


DpidGiven: TypeAlias = Annotated[
    int,
    GetPydanticSchema(
        lambda _source, handler: core_schema.with_info_after_validator_function(
            switch_given, handler.generate_schema(_DpidForm)
        )
    ),
]
"""A dpid in a request: hex digits, a number or a name, taken as the number that it is."""
