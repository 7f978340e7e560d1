"""TLS of the slicer: towards controllers of tenants, whose names are verified, and of switches."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from horizon_ryu.core.errors import InvalidInput
from xen_bridge.private_file import OpenToOthers, read_regular


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
            _check_readable(option, path, option.endswith("key"))
    return SlicerTls(_of_tenants(files), _of_switches(files))


def _of_tenants(files: TlsFiles) -> ssl.SSLContext | None:
    authority = files.tenant_ca
    if not authority:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load("tenant_ca", authority, lambda: context.load_verify_locations(authority))
    if files.tenant_certificate:
        _load_chain(context, "tenant_certificate", files.tenant_certificate, files.tenant_key)
    return context


def _of_switches(files: TlsFiles) -> ssl.SSLContext | None:
    if not files.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_chain(context, "certificate", files.certificate, files.key)
    authority = files.client_ca
    if authority:
        _load("client_ca", authority, lambda: context.load_verify_locations(authority))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _pair(files: TlsFiles, certificate: str, key: str, needs: tuple[str, ...]) -> None:
    given = files._asdict()
    for option, other in ((certificate, key), (key, certificate)):
        for missing in (other, *needs):
            if given[option] and not given[missing]:
                raise InvalidInput((missing,), f"is missing, but {option} is given")


def _check_readable(option: str, path: str, is_private: bool) -> None:
    try:
        read_regular(Path(path), is_private)
    except OSError as error:
        raise InvalidInput((option,), f"{path}: {error.strerror}") from error
    except OpenToOthers as error:
        raise InvalidInput((option,), str(error)) from error


def _load_chain(context: ssl.SSLContext, option: str, path: str, key: str | None) -> None:
    _load(option, path, lambda: context.load_cert_chain(path, key, password=_no_password))


def _load(option: str, path: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error) or "not in PEM form"
        raise InvalidInput((option,), f"{path}: {str(reason).lower().replace('_', ' ')}") from error


def _no_password() -> str:
    """Refuse to ask a terminal that an engine does not have."""
    raise ValueError("the key is encrypted; the slicer needs one without a password")
