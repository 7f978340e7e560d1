"""Requests for slices: the network divided among controllers that know nothing of one another.

Slices are documents as ``/v1/openapi.json`` has them. ``dry_run`` tells what would be, and what
would clash, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from horizon_client.api_path import ApiPath, api_path
from horizon_client.api_request import ApiRequest, api_request, as_document, as_nothing

Document = Mapping[str, Any]
CHANGE_SECONDS = 60.0
"""For a change: every switch concerned confirms it before it is answered."""


def list_all() -> ApiRequest[dict[str, Any]]:
    """Ask for all slices that the token may see, and the version of the registry."""
    return api_request("GET", _path(), as_document)


def read(name: str) -> ApiRequest[dict[str, Any]]:
    """Ask for one slice with its rules."""
    return api_request("GET", _path(name), as_document)


def told(name: str, part: Literal["stats", "entries", "topology"]) -> ApiRequest[dict[str, Any]]:
    """Ask what the slicer tells of a slice: its counters, its entries, what its tenant sees."""
    return api_request("GET", _path(name, part), as_document)


def create(slice_: Document, dry_run: bool = False) -> ApiRequest[dict[str, Any]]:
    """Make a slice."""
    return _change("POST", _path(), slice_, dry_run)


def change(name: str, patch: Document, dry_run: bool = False) -> ApiRequest[dict[str, Any]]:
    """Set what is named of a slice; None is the default, a list is replaced (RFC 7396)."""
    return _change("PATCH", _path(name), patch, dry_run)


def replace_all(slices: Document, dry_run: bool = False) -> ApiRequest[dict[str, Any]]:
    """Have the slices of a document, as :func:`list_all` tells it, and no others."""
    return _change("PUT", _path(), slices, dry_run)


def add_rules(
    name: str, rules: Iterable[Document], dry_run: bool = False
) -> ApiRequest[dict[str, Any]]:
    """Add rules to the flowspace of a slice, all or none."""
    return _change("POST", _path(name, "flowspace"), list(rules), dry_run)


def remove_rule(name: str, rule: int) -> ApiRequest[None]:
    """Take a rule away by its id."""
    path = _path(name, "flowspace", str(rule))
    return api_request("DELETE", path, as_nothing, seconds=CHANGE_SECONDS)


def delete(name: str) -> ApiRequest[None]:
    """Delete a slice with its entries and connections."""
    return api_request("DELETE", _path(name), as_nothing, seconds=CHANGE_SECONDS)


def _change(method: str, path: ApiPath, body: Any, dry_run: bool) -> ApiRequest[dict[str, Any]]:
    asked = dry_run or None
    return api_request(method, path, as_document, body, seconds=CHANGE_SECONDS, dry_run=asked)


def _path(*segments: str) -> ApiPath:
    return api_path("v1", "slices", *segments)
