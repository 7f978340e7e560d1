"""Pages of the XML formats and of the messages between nodes: their schemas as they are used."""

from __future__ import annotations

from pathlib import Path

from xen_bridge.protocol.applications import REQUESTS

PROJECT = Path(__file__).resolve().parent.parent.parent
FORMATS = PROJECT / "horizon_ryu" / "formats"
MESSAGES = PROJECT / "xen_bridge" / "protocol" / "schemas" / "xen_prototype.xsd"


def pages() -> dict[str, str]:
    """Return the pages by their names."""
    lines = ["Schemas of XML answers", "======================", ""]
    for path in sorted(FORMATS.glob("*.xsd")):
        title = path.name
        lines += [title, "-" * len(title), "", *_included(path)]
    title = "Schema of messages between nodes"
    messages = [title, "=" * len(title), "", *_applications(), *_included(MESSAGES)]
    return {"xml-schemas": "\n".join(lines), "node-schema": "\n".join(messages)}


def _applications() -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", "", "   * - ApplicationId"]
    lines += ["     - Request", "     - Answer"]
    for application, requests in REQUESTS.items():
        for request, answer in requests.items():
            lines += [f"   * - {application.value} ({application.name.lower()})"]
            lines += [f"     - ``{request.__name__}``", f"     - ``{answer.__name__}``"]
    return [*lines, ""]


def _included(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [".. code-block:: xml", "", *(f"   {line}".rstrip() for line in text.splitlines()), ""]
