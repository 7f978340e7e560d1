"""Static files: the page, and the reference of the API, as a browser is given them.

All of them are read once, at the start, and found by their path alone: what was not read is not
there, whatever a path looks like. No token is asked for; data needs one.
"""

from __future__ import annotations

import gzip
import logging
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from webob import Request, Response

from horizon_ryu.http import representation
from horizon_ryu.http.stream import wants_gzip

LOG = logging.getLogger("horizon.rest")

PAGE = Path(__file__).parents[1] / "page"
"""Where the build puts the page."""
REFERENCE = Path(__file__).with_name("reference")
MOST_BYTES = 32 * 1024 * 1024
"""Of all files in a folder."""
MOST_FILES = 2000
SECURITY: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'self'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
)
READING = ("GET", "HEAD")
METHODS = (*READING, "OPTIONS")
"""What a file may be asked for."""
FOREVER = "public, max-age=31536000, immutable"
"""For files whose names change with their content: the build puts them into assets/."""
ASKED_AGAIN = "no-cache"
_TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".json": "application/json",
        ".map": "application/json",
        ".webmanifest": "application/manifest+json",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".ico": "image/x-icon",
        ".woff2": "font/woff2",
        ".txt": "text/plain; charset=utf-8",
    }
)
_COMPRESSED = frozenset({".png", ".woff2", ".ico"})
NOT_BUILT = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Horizon</title>
<h1>Horizon</h1>
<p>The controller is running; its page has not been built.</p>
<p>Where the source is, <code>make page</code> builds it (Node 18 or newer); then start the
controller again. A wheel made by <code>make dist</code> contains it.</p>
<p>The API works without it: <a href="/docs">reference</a>, <a href="/v1">/v1</a>.</p>
</html>
"""


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent; ``is_packable`` unless compressing gains nothing."""

    data: bytes
    is_packable: bool
    media_type: str
    caching: str
    tag: str
    status: int = 200

    @cached_property
    def packed(self) -> bytes:
        """The same, compressed when a browser first asks: few controllers meet one."""
        return gzip.compress(self.data, mtime=0)


def static_file(
    data: bytes, name: str, caching: str = ASKED_AGAIN, status: int = 200
) -> StaticFile:
    """Return a file of these bytes; its type is that of the ending of ``name``."""
    ending = Path(name).suffix.lower()
    is_packable = len(data) >= representation.LEAST_BYTES and ending not in _COMPRESSED
    tag = representation.tag_of(data)
    media_type = _TYPES.get(ending, "application/octet-stream")
    return StaticFile(data, is_packable, media_type, caching, tag, status)


class StaticFiles:
    """Every file that is served, by its path."""

    def __init__(self, page: Path = PAGE, reference: Path = REFERENCE) -> None:
        """Read the files of two folders; what is no plain file is left out."""
        docs = {f"/docs/{name}": file for name, file in _read(reference)}
        files = {f"/{name}": file for name, file in _read(page)}
        self.has_page = "/index.html" in files
        first = files.get("/index.html") or static_file(NOT_BUILT, "index.html", status=404)
        icon = docs.get("/docs/favicon.svg")
        if icon is not None:
            files.setdefault("/favicon.ico", icon)
        index = docs.get("/docs/index.html")
        if index is not None:
            docs |= {"/docs": index, "/docs/": index}
        self._files: Mapping[str, StaticFile] = {**files, **docs, "/": first}

    @property
    def paths(self) -> frozenset[str]:
        """The paths of all files."""
        return frozenset(self._files)

    def find(self, method: str, path: str) -> StaticFile | None:
        """Return the file that is asked for; None if there is none."""
        return self._files.get(path) if method in READING else None

    def has(self, path: str) -> bool:
        """Tell whether there is a file of that path, whatever is asked of it."""
        return path in self._files


def file_answer(request: Request, file: StaticFile) -> Response:
    """Return the answer to a request for ``file``: compressed where that is liked, or 304."""
    is_packed = file.is_packable and wants_gzip(request)
    tag = representation.named(file.tag, is_packed)
    shared = {"Cache-Control": file.caching, "Vary": "Accept-Encoding", **SECURITY}
    if tag in request.if_none_match and file.status == 200:
        return Response(status=304, headers={"ETag": f'"{tag}"', **shared})
    response = Response(status=file.status, body=file.packed if is_packed else file.data)
    response.headers["Content-Type"] = file.media_type
    response.headers.update({**representation.headers(file.tag, is_packed), **shared})
    return response


def _read(folder: Path) -> Iterator[tuple[str, StaticFile]]:
    """Yield the plain files below a folder, by their names there; links are not followed."""
    left = MOST_BYTES
    for count, path in enumerate(_plain_files(folder)):
        size = path.lstat().st_size
        left -= size
        if left < 0 or count >= MOST_FILES:
            LOG.error("%s: more than %d bytes or %d files", folder, MOST_BYTES, MOST_FILES)
            return
        name = path.relative_to(folder).as_posix()
        caching = FOREVER if name.startswith("assets/") else ASKED_AGAIN
        yield name, static_file(path.read_bytes(), name, caching)


def _plain_files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and not path.name.startswith("."):
            yield path
        elif stat.S_ISDIR(mode):
            yield from _plain_files(path)
