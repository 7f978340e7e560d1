"""Answers that are written while they are sent: memory does not grow with their size."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator

from webob import Request, Response

from horizon_ryu.http.kept_answers import Aside, here

_BLOCK = 32 * 1024
_PACKED = 256 * 1024
"""Bytes that are compressed at once, aside: going there and back costs as much as 16 KiB here."""
_TURN = 0.002
"""Seconds of writing after which others have their turns."""
_GZIP = 16 + zlib.MAX_WBITS


def streamed(
    request: Request,
    texts: Iterable[str | bytes],
    media_type: str,
    rest: Callable[[], None],
    aside: Aside = here,
) -> Response:
    """Return an answer made of ``texts``, or of UTF-8, compressed if the client likes that.

    ``rest`` is called between blocks, to let others have their turns; ``aside`` compresses where
    it holds nobody up.
    """
    blocks = _blocks(texts, rest)
    response = Response(status=200)
    suffix = "; charset=utf-8" if media_type != "application/json" else ""
    response.headers["Content-Type"] = media_type + suffix
    response.headers["Vary"] = "Accept, Accept-Encoding"
    if wants_gzip(request):
        response.headers["Content-Encoding"] = "gzip"
        blocks = _compressed(blocks, aside)
    response.headers.pop("Content-Length", None)
    response.app_iter = blocks
    return response


def wants_gzip(request: Request) -> bool:
    """Tell whether gzip is what the client likes best; one that says nothing gets it plain."""
    if not request.headers.get("Accept-Encoding"):
        return False
    offers = request.accept_encoding.acceptable_offers(["gzip", "identity"])
    return bool(offers) and offers[0][0] == "gzip"


def _blocks(texts: Iterable[str | bytes], rest: Callable[[], None]) -> Iterator[bytes]:
    """Yield blocks that are worth sending; one that is UTF-8 and large already is not copied."""
    block: list[bytes] = []
    waiting: list[str] = []
    size, since = 0, time.perf_counter()
    for text in texts:
        size += len(text)
        if isinstance(text, str):
            waiting.append(text)
        else:
            block += ("".join(waiting).encode(), text) if waiting else (text,)
            waiting.clear()
        if size >= _BLOCK:
            yield b"".join((*block, "".join(waiting).encode()) if waiting else block)
            block.clear()
            waiting.clear()
            size = 0
        if time.perf_counter() - since > _TURN:
            rest()
            since = time.perf_counter()
    if size:
        yield b"".join((*block, "".join(waiting).encode()))


def _compressed(blocks: Iterable[bytes], aside: Aside) -> Iterator[bytes]:
    packer = zlib.compressobj(level=1, wbits=_GZIP)
    waiting: list[bytes] = []
    size = 0
    for block in blocks:
        waiting.append(block)
        size += len(block)
        if size >= _PACKED:
            data = aside(packer.compress, b"".join(waiting))
            if data:
                yield data
            waiting.clear()
            size = 0
    last = packer.compress(b"".join(waiting))
    yield last + packer.flush()
