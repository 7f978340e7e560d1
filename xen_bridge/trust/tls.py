"""TLS 1.3 between nodes that know each other's keys, and nobody else's (design, section 3)."""

from __future__ import annotations

import ssl
from collections.abc import Iterable

from xen_bridge.trust.identity import Identity, anchor


def client_context(identity: Identity, server: str) -> ssl.SSLContext:
    """Return what connects as ``identity`` to the node with the key ``server``, and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The key says who it is; an address says nothing.
    context.check_hostname = False
    return prepare(context, identity, [server])


def prepare(context: ssl.SSLContext, identity: Identity, trusted: Iterable[str]) -> ssl.SSLContext:
    """Have ``context`` be ``identity``, and demand a key of ``trusted`` from the other side."""
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(identity.certificate_file, identity.key_file)
    anchors = b"".join(anchor(node_pk) for node_pk in trusted)
    if anchors:
        context.load_verify_locations(cadata=anchors)
    return context
