"""Representations of a document: plain or compressed, each with a strong tag (RFC 9110, 8.8.3)."""

from __future__ import annotations

import hashlib

LEAST_BYTES = 1024
"""Of a document that is worth compressing."""


def tag_of(data: bytes) -> str:
    """Return the tag of a document's plain bytes: the same for the same bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def named(tag: str, is_packed: bool) -> str:
    """Return the tag of one representation of the document that has ``tag``."""
    return f"{tag}-gzip" if is_packed else tag


def headers(tag: str, is_packed: bool) -> dict[str, str]:
    """Return the headers that tell which representation is sent."""
    told = {"ETag": f'"{named(tag, is_packed)}"'}
    return {**told, "Content-Encoding": "gzip"} if is_packed else told
