"""Identity of a node: its key, the certificate that carries it, its name in the protocol.

The ``NodePK`` of the report is the base64 of the public key's SubjectPublicKeyInfo (RFC 5280,
4.1.2.7). Keys are Ed25519 (RFC 8410): short enough to be read out, cheap enough for a guest.

A node trusts *keys*, not authorities, but TLS verifies chains. So a node's certificate is issued
by a name made from its key (:func:`issuer_of`), and whoever trusts that key makes up an authority
of that name and key (:func:`anchor`). The chain then verifies exactly if the certificate was
signed by the key that is trusted; nobody has to carry certificates about.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from xen_bridge.atomic_write import replace_file
from xen_bridge.errors import BridgeError, InvalidRequest
from xen_bridge.private_file import OpenToOthers, check_mode, read_regular

KEY_FILE, CERTIFICATE_FILE = "node.key", "node.crt"
_FROM = datetime.datetime(1950, 1, 1, tzinfo=datetime.UTC)
"""As early as can be (RFC 5280, 4.1.2.5.1): a machine without a clock is in 1970."""
_UNTIL = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
"""No expiry (RFC 5280, 4.1.2.5): a key is trusted until it is taken from the list."""


_RENEW = (
    "remove the certificate, and it is made anew for the key (xen-bridge keygen, or the "
    "controller's next start)"
)


class IdentityError(BridgeError):
    """The files of an identity are damaged, or do not fit."""

    title = "The key of this node cannot be used"


class KeyMissing(IdentityError, FileNotFoundError):
    """There is a certificate, and no key."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A node's own key, on disk."""

    key_file: Path
    certificate_file: Path
    node_pk: str

    @classmethod
    def load(cls, directory: Path) -> Identity:
        """Return the identity kept in ``directory``; FileNotFoundError if there is none.

        IdentityError, which says what to do, if its two files are damaged, do not fit, or are not
        valid now; KeyMissing if only the certificate is there.
        """
        certificate_file, key_file = directory / CERTIFICATE_FILE, directory / KEY_FILE
        data = read_regular(certificate_file)
        try:
            certificate = x509.load_pem_x509_certificate(data)
            node_pk = _node_pk(certificate.public_key())
        except (ValueError, UnsupportedAlgorithm):
            raise IdentityError(f"{certificate_file} is damaged: {_RENEW}") from None
        try:
            key = _read_key(key_file)
        except FileNotFoundError:
            raise KeyMissing(
                f"{key_file} is not there: put back the key of {node_pk}; or remove "
                f"{certificate_file} for a new one, which other nodes must authorize"
            ) from None
        if key is None:
            raise IdentityError(
                f"{key_file} is damaged: put back the key of {node_pk}; or remove both files of "
                f"{directory} for a new one, which other nodes must authorize"
            )
        if _node_pk(key.public_key()) != node_pk:
            raise IdentityError(
                f"{key_file} is not the key of {certificate_file} ({node_pk}): put that one back; "
                f"or, if this key is the right one, {_RENEW}"
            )
        _check_valid_now(certificate_file, certificate)
        return cls(key_file, certificate_file, node_pk)

    @classmethod
    def create(cls, directory: Path) -> Identity:
        """Make a new key in ``directory``; FileExistsError if there is one: it is not replaced.

        A key without its certificate, as a making that was cut short leaves it, is given one.
        Raises KeyMissing for a certificate without its key, and IdentityError for a key of another
        kind: neither is ours to remove.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_file, certificate_file = directory / KEY_FILE, directory / CERTIFICATE_FILE
        if key_file.exists() and certificate_file.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(key_file))
        if certificate_file.exists():
            return cls.load(directory)
        key = _read_key(key_file) if key_file.exists() else None
        if key is None:
            # Nobody has seen a certificate of a key that was written half.
            key_file.unlink(missing_ok=True)
            key = Ed25519PrivateKey.generate()
            _write_new(key_file, _private(key), 0o600)
        certificate = _certificate(key).public_bytes(serialization.Encoding.PEM)
        replace_file(certificate_file, certificate.decode("ascii"))
        return cls.load(directory)

    @classmethod
    def load_or_create(cls, directory: Path) -> Identity:
        """Return the identity kept in ``directory``, made now if there is none."""
        try:
            return cls.load(directory)
        except FileNotFoundError:
            return cls.create(directory)


def _private(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _read_key(path: Path) -> Ed25519PrivateKey | None:
    """Return the key of a file; None if it is damaged.

    IdentityError if it is of another kind, or has a pass phrase, or if others may read it.
    """
    other = IdentityError(
        f"{path} is no Ed25519 key without a pass phrase: put back this node's own, or move it away"
    )
    try:
        key = serialization.load_pem_private_key(read_regular(path), None)
    except ValueError:
        return None
    except (TypeError, UnsupportedAlgorithm):
        raise other from None
    try:
        check_mode(path, path.stat())
    except OpenToOthers as error:
        raise IdentityError(str(error)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise other
    return key


def _check_valid_now(path: Path, certificate: x509.Certificate) -> None:
    """Raise IdentityError for a certificate that no peer would take: ours are valid at any time."""
    now = datetime.datetime.now(datetime.UTC)
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= now <= last:
        raise IdentityError(
            f"{path} is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}, and this machine's clock "
            f"says {now:%Y-%m-%d}: set the clock if it is wrong; else {_RENEW}"
        )


def _write_new(path: Path, data: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        # A power failure must not leave a certificate, which is flushed too, of a key that is not.
        os.fsync(file.fileno())


# ---- NodePK


def check_node_pk(text: str) -> str:
    """Return ``text`` as a NodePK without white space; InvalidRequest says why it is none."""
    compact = "".join(text.split())
    try:
        key = serialization.load_der_public_key(base64.b64decode(compact, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise InvalidRequest(
            ("node_pk",), "is not the base64 of a public key, as xen-bridge keygen prints it"
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidRequest(("node_pk",), "is not an Ed25519 key")
    return _node_pk(key)


def node_pk_of(certificate: bytes) -> str:
    """Return the NodePK of a certificate in DER."""
    return _node_pk(x509.load_der_x509_certificate(certificate).public_key())


def _node_pk(key: CertificatePublicKeyTypes) -> str:
    info = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(info).decode("ascii")


# ---- certificates


def issuer_of(node_pk: str) -> str:
    """Return the name that issues the certificate of ``node_pk``."""
    return "node " + hashlib.sha256(node_pk.encode()).hexdigest()[:40]


def _certificate(key: Ed25519PrivateKey) -> x509.Certificate:
    public = key.public_key()
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    return (
        _builder("node", issuer_of(_node_pk(public)), public)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        .sign(key, None)
    )


def anchor(node_pk: str) -> bytes:
    """Return a trust anchor, in DER, for what ``node_pk`` signs.

    It carries a signature of a key that is thrown away: an anchor is trusted because it is in the
    list, its own signature is never looked at (RFC 5280, 6.1).
    """
    public = serialization.load_der_public_key(base64.b64decode(node_pk))
    if not isinstance(public, Ed25519PublicKey):
        raise InvalidRequest(("node_pk",), "is not an Ed25519 key")
    name = issuer_of(node_pk)
    made = (
        _builder(name, name, public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(Ed25519PrivateKey.generate(), None)
    )
    return made.public_bytes(serialization.Encoding.DER)


def _builder(subject: str, issuer: str, key: Ed25519PublicKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
    )
