"""TLS of the slicer: towards controllers of tenants, whose names are verified, and of switches."""

from __future__ import annotations

import ssl
from typing import NamedTuple

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.tls_options import check_readable, load_authorities, load_certificate


class TlsFiles(NamedTuple):
    """Files in PEM form; each is named as the option that gives it."""

    tenant_ca: str | None = None
    tenant_certificate: str | None = None
    tenant_key: str | None = None
    certificate: str | None = None
    key: str | None = None
    client_ca: str | None = None


class SlicerTls(NamedTuple):
    """What connections are made with; None: no tenant over TLS, switches over TCP."""

    tenants: ssl.SSLContext | None = None
    switches: ssl.SSLContext | None = None


def slicer_tls(files: TlsFiles) -> SlicerTls:
    """Return what the files are good for; InvalidInput names the option that is not.

    With ``tenant_ca`` there may be tenants at ``tls:host:port``, which must have a certificate of
    it for that host. With ``certificate`` and ``key`` switches connect over TLS; with
    ``client_ca`` they must have a certificate of it.
    """
    _pair(files, "tenant_certificate", "tenant_key", ("tenant_ca",))
    _pair(files, "certificate", "key", ())
    if files.client_ca and not files.certificate:
        raise InvalidInput(("certificate",), "is missing, but client_ca asks for TLS")
    for option, path in files._asdict().items():
        if path:
            check_readable(option, path, option.endswith("key"))
    return SlicerTls(_of_tenants(files), _of_switches(files))


def _of_tenants(files: TlsFiles) -> ssl.SSLContext | None:
    authority = files.tenant_ca
    if not authority:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_authorities(context, "tenant_ca", authority)
    if files.tenant_certificate:
        load_certificate(context, "tenant_certificate", files.tenant_certificate, files.tenant_key)
    return context


def _of_switches(files: TlsFiles) -> ssl.SSLContext | None:
    if not files.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificate(context, "certificate", files.certificate, files.key)
    if files.client_ca:
        load_authorities(context, "client_ca", files.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _pair(files: TlsFiles, certificate: str, key: str, needs: tuple[str, ...]) -> None:
    given = files._asdict()
    for option, other in ((certificate, key), (key, certificate)):
        for missing in (other, *needs):
            if given[option] and not given[missing]:
                raise InvalidInput((missing,), f"is missing, but {option} is given")
