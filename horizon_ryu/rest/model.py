"""Base of request and answer models, and the types that only REST needs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from horizon_ryu.formats.model import DPID_PATTERN, Dpid, Model, PortNo

__all__ = ["DPID_PATTERN", "Dpid", "Model", "PortNo", "not_empty", "optional"]


def optional(**constraints: Any) -> Any:
    """Declare a field that may be left out but, if given, is not null.

    ``model_fields_set`` tells whether it was given; the value is None when it was not.
    """
    return Field(default=None, json_schema_extra=_drop_default, **constraints)


def not_empty(schema: dict[str, Any]) -> None:
    """Have a model's schema ask for one field at least (its ``json_schema_extra``)."""
    schema["minProperties"] = 1


def _drop_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)
