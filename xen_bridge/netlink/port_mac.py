"""MAC of a port: what a link is given that becomes a port of a bridge which others have.

A bridge whose own MAC nobody has set takes the lowest one among its ports (Linux, br_stp_if.c). By
the lower one of a router's interface Domain 0 would have another MAC from one moment to the next,
and be looked for by the old one when that router has gone: for up to half a minute nobody's frames
for Domain 0 would reach it. Xen's scripts and libvirt give the same kind of address.
"""

from __future__ import annotations

import os

HIGHEST = b"\xfe"
"""First byte of a MAC: locally administered, of one station (IEEE 802, 8.2)."""


def port_mac() -> bytes:
    """Return a MAC of nobody, which is above that of any network card."""
    return HIGHEST + os.urandom(5)
