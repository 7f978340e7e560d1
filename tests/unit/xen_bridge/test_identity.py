"""Keys, certificates and the TLS between nodes that know each other's keys."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from xen_bridge.atomic_write import replace_file
from xen_bridge.errors import InvalidRequest
from xen_bridge.trust.identity import (
    Identity,
    _builder,
    _write_new,
    check_node_pk,
    issuer_of,
    node_pk_of,
)
from xen_bridge.trust.tls import client_context, prepare


@pytest.fixture
def nodes(tmp_path: Path) -> tuple[Identity, Identity, Identity]:
    return tuple(Identity.create(tmp_path / name) for name in "abc")


def talk(
    client: Identity, expected: str, server: Identity, trusted: list[str]
) -> dict[str, object]:
    """Shake hands and send a word; return what each side saw."""
    ours, theirs = socket.socketpair()
    seen: dict[str, object] = {}

    def serve() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        prepare(context, server, trusted)
        try:
            with context.wrap_socket(theirs, server_side=True) as secured:
                seen["client"] = node_pk_of(secured.getpeercert(True) or b"")
                secured.sendall(b"word")
        except OSError as error:
            seen["server_error"] = error
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client_context(client, expected).wrap_socket(ours) as secured:
            seen["word"] = secured.recv(4)
            seen["server"] = node_pk_of(secured.getpeercert(True) or b"")
    except OSError as error:
        seen["client_error"] = error
        ours.close()
    thread.join(10)
    return seen


def test_nodes_that_know_each_other_talk(nodes):
    a, b, c = nodes
    seen = talk(a, b.node_pk, b, [c.node_pk, a.node_pk])
    assert seen == {"client": a.node_pk, "server": b.node_pk, "word": b"word"}


def test_an_unknown_client_gets_no_word(nodes):
    a, b, c = nodes
    seen = talk(a, b.node_pk, b, [c.node_pk])
    assert "word" not in seen
    assert isinstance(seen["server_error"], ssl.SSLCertVerificationError)


def test_nobody_is_known_to_an_empty_list(nodes):
    a, b, _ = nodes
    assert "word" not in talk(a, b.node_pk, b, [])


def test_a_server_with_another_key_is_refused(nodes):
    a, b, c = nodes
    seen = talk(a, c.node_pk, b, [a.node_pk])
    assert "word" not in seen
    assert isinstance(seen["client_error"], ssl.SSLCertVerificationError)


def test_a_certificate_of_a_known_name_needs_the_known_key(nodes, tmp_path):
    """Names are no secret: only the signature of the trusted key counts."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    a, b, c = nodes
    forger = Ed25519PrivateKey.generate()
    certificate = _builder("node", issuer_of(a.node_pk), forger.public_key()).sign(forger, None)
    folder = tmp_path / "forged"
    folder.mkdir()
    pem = serialization.Encoding.PEM
    (folder / "node.crt").write_bytes(certificate.public_bytes(pem))
    (folder / "node.key").write_bytes(
        forger.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "node.key").chmod(0o600)
    forged = Identity.load(folder)
    assert forged.node_pk != a.node_pk
    seen = talk(forged, b.node_pk, b, [a.node_pk, c.node_pk])
    assert "word" not in seen
    assert isinstance(seen["server_error"], ssl.SSLCertVerificationError)


def test_without_a_umask_nobody_else_may_write_what_says_whom_we_trust(tmp_path):
    before = os.umask(0)
    try:
        Identity.create(tmp_path / "node")
        replace_file(tmp_path / "node" / "list", "key role\n")
    finally:
        os.umask(before)
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "node").iterdir()}
    assert modes == {"node.key": 0o600, "node.crt": 0o644, "list": 0o644}


def test_a_key_is_private_and_never_replaced(tmp_path):
    made = Identity.create(tmp_path / "node")
    assert stat.S_IMODE(made.key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "node").stat().st_mode) == 0o700
    with pytest.raises(FileExistsError):
        Identity.create(tmp_path / "node")
    assert Identity.load_or_create(tmp_path / "node") == made
    with pytest.raises(FileExistsError):
        _write_new(made.key_file, b"", 0o600)


def test_without_a_key_there_is_no_identity(tmp_path):
    with pytest.raises(FileNotFoundError):
        Identity.load(tmp_path)
    made = Identity.create(tmp_path / "node")
    made.key_file.unlink()
    with pytest.raises(FileNotFoundError):
        Identity.load(tmp_path / "node")


def test_a_node_pk_is_read_with_its_line_breaks(nodes):
    key = nodes[0].node_pk
    assert check_node_pk(f"  {key[:20]}\n  {key[20:]}\n") == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        "TUlJQg==",
        base64.b64encode(b"x" * 44).decode(),
        "A" * 100_000,
        # A P-256 key: a public key, but not one of ours.
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEXrQzs6kDhqX9ORQ1uSqfeU7lTQy0wJ5v4GoqQXUWFZbC"
        "nVAuKFVTkUgx3DgCJEDGXIzjmVNDOyZpx5o2Sqoc2g==",
    ],
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(InvalidRequest) as refused:
        check_node_pk(text)
    assert refused.value.loc == ("node_pk",)


@pytest.mark.parametrize("name", ["node.crt", "node.key"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path, name):
    Identity.create(tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(OSError, match="not a regular file"):
        Identity.load(tmp_path)
