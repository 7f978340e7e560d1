"""Text form of MAC addresses: inside the program one is 6 ``bytes`` (design, section 3)."""

from __future__ import annotations


def mac_to_text(mac: bytes) -> str:
    """Return ``mac`` (6 bytes) in lower case with colons."""
    return mac.hex(":")
