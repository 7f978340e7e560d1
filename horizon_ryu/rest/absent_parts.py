"""Parts of the API that this controller does not have, and what would give them to it.

Each is served by an application of its own, which need not run: who asks for slices where there is
no slicer is told so, not only that there is no such resource.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from horizon_ryu.http.router import NO_RESOURCE

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "slices": "This controller has no slicer. Run one (ryu-manager --wsapi-port 8090"
        " horizon_ryu.slicing) and name it here with slicer_url in [rest] of the configuration,"
        " as http://127.0.0.1:8090; or ask the slicer itself.",
        "xen": "This controller manages no Xen hosts: it runs without horizon_ryu.xen.",
        "topology": "This controller finds no topology: it runs without horizon_ryu.discovery.",
        "networks": "This controller knows no networks: it runs without horizon_ryu.discovery.",
        "spanning-tree": "This controller runs without horizon_ryu.spanning_tree.",
        "flows": "This controller manages no flows: it runs without horizon_ryu.flow_manager.",
        "what-if": "This controller manages no flows: it runs without horizon_ryu.flow_manager.",
        "stats": "This controller takes no statistics: it runs without horizon_ryu.stats.",
    }
)
"""Segment after ``/v1/`` -> what is lacking, and how to have it."""


def lacking(path: str) -> str:
    """Return what a controller lacks that serves nothing of this path's part of the API."""
    segments = path.split("/")
    part = segments[2] if segments[:2] == ["", "v1"] and len(segments) > 2 else ""
    return PARTS.get(part, NO_RESOURCE)
