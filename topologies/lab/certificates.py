"""The certificates of libvirt in the lab, so that ``xen+tls://`` is tried as well.

libvirt wants an authority and, from either side, a certificate that it signed, in files of
fixed names (https://libvirt.org/kbase/tlscerts.html). Ours are for the lab and no other place.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA, CLIENT, SERVER = (
    "cacert.pem",
    ("clientcert.pem", "clientkey.pem"),
    ("servercert.pem", "serverkey.pem"),
)
_FROM = datetime.datetime(2010, 1, 1, tzinfo=datetime.UTC)
_UNTIL = datetime.datetime(2049, 12, 31, tzinfo=datetime.UTC)


class Authority:
    """An authority whose key is gone with this object: what it signs, it signs at once."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Horizon lab")
        basic = x509.BasicConstraints(ca=True, path_length=0)
        self._certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(basic, critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def issue(self, folder: Path, name: str, addresses: Iterable[str] = ()) -> None:
        """Put into ``folder`` what a client needs and, if it has ``addresses``, a server too."""
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / CA, self._certificate)
        self._issue(folder, CLIENT, name, ExtendedKeyUsageOID.CLIENT_AUTH, ())
        names = [x509.DNSName(name), *(x509.IPAddress(ip_address(one)) for one in addresses)]
        if len(names) > 1:
            self._issue(folder, SERVER, name, ExtendedKeyUsageOID.SERVER_AUTH, names)

    def _issue(
        self,
        folder: Path,
        files: tuple[str, str],
        name: str,
        purpose: x509.ObjectIdentifier,
        names: Iterable[x509.GeneralName],
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_name(name), self._name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        _write(folder / files[0], builder.sign(self._key, hashes.SHA256()))
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (folder / files[1]).write_bytes(private)
        (folder / files[1]).chmod(0o600)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        # libvirt asks for it even of keys that cannot encipher.
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
