"""Extension of Sphinx that writes the pages made from the programs, before it reads any.

They are in ``docs/_generated/``; one that is as it was is not written, so it is not read again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from tools.docs import command_pages, rest_pages, schema_pages


def setup(app: Sphinx) -> dict[str, Any]:
    """Be asked when the builder is there."""
    app.connect("builder-inited", _write_all)
    return {"parallel_read_safe": True}


def _write_all(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "_generated"
    folder.mkdir(exist_ok=True)
    made = {
        **rest_pages.pages(rest_pages.merged(rest_pages.openapi_documents())),
        **command_pages.pages(),
        **schema_pages.pages(),
    }
    for path in folder.glob("*.rst"):
        if path.stem not in made:
            path.unlink()
    for name, text in made.items():
        _write(folder / f"{name}.rst", text.rstrip() + "\n")


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
