"""Paths of the REST API as commands name resources: what none can have is a mistake of the line."""

from __future__ import annotations

import click

from horizon_client import UnusableName
from horizon_client.api_path import ApiPath as ResourcePath
from horizon_client.api_path import api_path

__all__ = ["ResourcePath", "resource_path"]


def resource_path(*segments: str) -> ResourcePath:
    """Return ``/SEGMENT/…``, percent-encoded; BadParameter for what no segment can carry."""
    try:
        return api_path(*segments)
    except UnusableName as error:
        raise click.BadParameter(str(error)) from error
