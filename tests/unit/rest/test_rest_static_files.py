"""Static files: served by their path alone, without a token, and with what browsers need."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webob import Request

from horizon_ryu.http.auth import parse_tokens
from horizon_ryu.http.router import Router
from horizon_ryu.http.static_files import FOREVER, REFERENCE, StaticFiles

TOKENS = parse_tokens(["monitor 0123456789abcdef"])
SCRIPT = b"console.log(1);" * 200


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(b"<!doctype html><title>Horizon</title>")
    (folder / "assets" / "index-1a2b.js").write_bytes(SCRIPT)
    (folder / ".hidden").write_bytes(b"x")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "out").symlink_to(tmp_path)
    return folder


def get(page: Path, path: str, method: str = "GET", **headers: str) -> Any:
    router = Router(TOKENS, files=StaticFiles(page))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request.blank(path, method=method, headers=named).get_response(router)


def test_the_page_needs_no_token_and_data_does(page: Path) -> None:
    first = get(page, "/")
    assert (first.status_int, first.content_type) == (200, "text/html")
    assert b"<title>Horizon" in first.body
    assert first.headers["Content-Security-Policy"] == "default-src 'self'"
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert get(page, "/index.html").body == first.body
    assert get(page, "/v1").status_int == 401
    assert get(page, "/", method="POST").status_int == 401


def test_a_file_is_there_for_who_only_asks_what_it_knows(page: Path) -> None:
    """As proxies do that look whether a server lives: ``OPTIONS / HTTP/1.0``."""
    options = get(page, "/", method="OPTIONS")
    assert (options.status_int, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    token = {"Authorization": "Bearer 0123456789abcdef"}
    other = get(page, "/", method="POST", **token)
    assert (other.status_int, other.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert get(page, "/none", method="OPTIONS", **token).status_int == 404


def test_files_are_kept_by_browsers_as_long_as_they_may_be(page: Path) -> None:
    script = get(page, "/assets/index-1a2b.js")
    assert (script.body, script.content_type) == (SCRIPT, "text/javascript")
    assert script.headers["Cache-Control"] == FOREVER
    first = get(page, "/")
    assert first.headers["Cache-Control"] == "no-cache"
    again = get(page, "/", If_None_Match=first.headers["ETag"])
    assert (again.status_int, again.body) == (304, b"")
    assert again.headers["Content-Security-Policy"] == "default-src 'self'"


def test_files_are_compressed_for_who_likes_that(page: Path) -> None:
    packed = get(page, "/assets/index-1a2b.js", Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == SCRIPT
    plain = get(page, "/assets/index-1a2b.js")
    assert packed.headers["ETag"] != plain.headers["ETag"]
    head = get(page, "/assets/index-1a2b.js", method="HEAD")
    assert (head.body, head.headers["Content-Length"]) == (b"", str(len(SCRIPT)))


@pytest.mark.parametrize(
    "path",
    [
        *("/../secret.txt", "/assets/../../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt"),
        *("//etc/passwd", "/.hidden", "/link.txt", "/out/secret.txt", "/assets", "/assets/"),
        *("/index.html/", "/index.html%00", "/assets%2findex.js", "/docs/../index.html"),
    ],
)
def test_nothing_else_is_served(page: Path, path: str) -> None:
    assert get(page, path).status_int in (400, 401, 404)


@given(st.text(alphabet="./%\\abcdeindex_html-0123456789", max_size=40))
def test_no_path_leads_out_of_the_folder(tail: str) -> None:
    files = StaticFiles(Path("nowhere"), Path("nowhere"))
    found = files.find("GET", f"/{tail}")
    assert found is None or tail == ""


def test_without_the_page_the_first_says_how_to_build_it(tmp_path: Path) -> None:
    first = get(tmp_path / "none", "/")
    assert (first.status_int, first.content_type) == (404, "text/html")
    assert b"make page" in first.body
    assert not StaticFiles(tmp_path / "none").has_page
    icon = get(tmp_path / "none", "/favicon.ico")
    assert (icon.status_int, icon.content_type) == (200, "image/svg+xml")


def test_the_reference_is_served_and_asks_no_other_host(page: Path) -> None:
    first = get(page, "/docs")
    assert (first.status_int, first.content_type) == (200, "text/html")
    assert get(page, "/docs/").body == first.body
    for name in ("reference.js", "reference.css", "favicon.svg"):
        found = get(page, f"/docs/{name}")
        assert found.status_int == 200
        assert found.headers["Content-Security-Policy"] == "default-src 'self'"
    text = b"".join(path.read_bytes() for path in REFERENCE.iterdir())
    assert text.count(b"://") == 1  # the name space of SVG
    assert b" style=" not in text
    assert b"<script>" not in text
    assert b"innerHTML" not in text


def test_no_more_than_a_page_is_read(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("horizon_ryu.http.static_files.MOST_BYTES", 1000)
    assert "/assets/index-1a2b.js" not in StaticFiles(page).paths
