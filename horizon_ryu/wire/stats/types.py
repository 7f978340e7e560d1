"""Types of statistics that a switch can be asked for."""

from __future__ import annotations

from enum import Enum


class StatsType(Enum):
    """A question. Its value is the label that metrics and logs show."""

    ECHO = "echo"
    FEATURES = "features"
    PORT_DESC = "port_desc"
    DESC = "desc"
    AGGREGATE = "aggregate"
    PORTS = "ports"
    TABLES = "tables"
    FLOWS = "flows"
    TABLE_FEATURES = "table_features"

    # Keys of many tables; Enum's own is a function of Python.
    __hash__ = object.__hash__
