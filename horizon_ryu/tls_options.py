"""TLS options: files in PEM form that options name, refused by the option that is wrong."""

from __future__ import annotations

import datetime
import logging
import ssl
from collections.abc import Callable
from pathlib import Path

from cryptography import x509

from horizon_ryu.core.errors import InvalidInput
from xen_bridge.private_file import OpenToOthers, read_regular

LOG = logging.getLogger(__name__)
_KEY, _CERTIFICATE, _AUTHORITIES = "ctl_privkey", "ctl_cert", "ca_certs"


def check_openflow_port(key: str | None, certificate: str | None, authorities: str | None) -> None:
    """Raise InvalidInput, which names the option, unless all that Ryu needs is there and fits.

    Ryu listens with TLS only if key and certificate are both given; with one of them it would
    silently speak plain TCP.
    """
    given = {_KEY: key, _CERTIFICATE: certificate, _AUTHORITIES: authorities}
    if all(value is None for value in given.values()):
        return
    for option in (_KEY, _CERTIFICATE):
        if not given[option]:
            others = [name for name, value in given.items() if value is not None]
            verb = "asks" if len(others) == 1 else "ask"
            text = f"is missing, but {' and '.join(others)} {verb} for TLS"
            raise InvalidInput((option,), text)
    for option, path in given.items():
        if path is not None:
            check_readable(option, path, is_private=option == _KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_certificate(context, _CERTIFICATE, str(certificate), str(key))
    if authorities:
        load_authorities(context, _AUTHORITIES, authorities)
    _warn_if_not_valid_now(_CERTIFICATE, str(certificate))


def _warn_if_not_valid_now(option: str, path: str) -> None:
    """Tell of a certificate that switches refuse; it is used, since the clock may be wrong."""
    try:
        certificate = x509.load_pem_x509_certificate(read_regular(Path(path)))
    except ValueError:
        return  # OpenSSL takes more than this reader, which is asked for the dates only.
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= datetime.datetime.now(datetime.UTC) <= last:
        LOG.warning(
            "%s: %s is valid from %s to %s, not now: switches will refuse it, unless it is "
            "this machine's clock that is wrong", option, path, first.date(), last.date()
        )  # fmt: skip


def check_readable(option: str, path: str, is_private: bool) -> None:
    """Return if a file can be read, and a private one by nobody else; InvalidInput."""
    try:
        read_regular(Path(path), is_private)
    except OSError as error:
        raise InvalidInput((option,), f"{path}: {error.strerror}") from error
    except OpenToOthers as error:
        raise InvalidInput((option,), str(error)) from error


def load_authorities(context: ssl.SSLContext, option: str, path: str) -> None:
    """Have a context trust the certificates of a file; InvalidInput."""
    _load(option, path, lambda: context.load_verify_locations(path))


def load_certificate(context: ssl.SSLContext, option: str, path: str, key: str | None) -> None:
    """Have a context show the certificate of a file, with its key; InvalidInput."""
    _load(option, path, lambda: context.load_cert_chain(path, key, password=_no_password))


def _load(option: str, path: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error) or "not in PEM form"
        raise InvalidInput((option,), f"{path}: {str(reason).lower().replace('_', ' ')}") from error


def _no_password() -> str:
    """Refuse to ask a terminal that a controller may not have."""
    raise ValueError("the key is encrypted; a controller needs one without a password")
