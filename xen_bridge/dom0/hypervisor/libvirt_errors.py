"""Errors of libvirt, as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from xen_bridge.errors import (
    BridgeError,
    Deadline,
    HypervisorAway,
    HypervisorError,
    RequestConflict,
    RequestUnsupported,
    SubjectNotFound,
)


def binding() -> Any:
    """Return libvirt's Python binding; HypervisorAway says how to get it."""
    try:
        import libvirt
    except ImportError as error:
        raise HypervisorAway(
            "libvirt's Python binding is missing (Debian: python3-libvirt)"
        ) from error
    return libvirt


def _classes(libvirt: Any) -> dict[int, type[BridgeError]]:
    return {
        libvirt.VIR_ERR_NO_DOMAIN: SubjectNotFound,
        libvirt.VIR_ERR_NO_NODE_DEVICE: SubjectNotFound,
        libvirt.VIR_ERR_DEVICE_MISSING: SubjectNotFound,
        libvirt.VIR_ERR_OPERATION_INVALID: RequestConflict,
        libvirt.VIR_ERR_DOM_EXIST: RequestConflict,
        libvirt.VIR_ERR_NO_SUPPORT: RequestUnsupported,
        libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED: RequestUnsupported,
        libvirt.VIR_ERR_CONFIG_UNSUPPORTED: RequestUnsupported,
        libvirt.VIR_ERR_OPERATION_TIMEOUT: Deadline,
        libvirt.VIR_ERR_NO_CONNECT: HypervisorAway,
        libvirt.VIR_ERR_AUTH_FAILED: HypervisorAway,
        libvirt.VIR_ERR_INVALID_CONN: HypervisorAway,
        libvirt.VIR_ERR_RPC: HypervisorAway,
    }


@contextmanager
def translated() -> Iterator[None]:
    """Turn libvirt's errors inside into ours."""
    libvirt = binding()
    try:
        yield
    except libvirt.libvirtError as error:
        raise ours(error) from error


def ours(error: Any) -> BridgeError:
    """Return what a libvirtError means."""
    libvirt = binding()
    code, message = error.get_error_code(), str(error)
    kind = _classes(libvirt).get(code, HypervisorError)
    if code == libvirt.VIR_ERR_OPERATION_FAILED and "already" in message:
        kind = RequestConflict
    if kind is HypervisorError and _is_of_the_connection(error, message):
        kind = HypervisorAway
    return kind(message)


def _is_of_the_connection(error: Any, message: str) -> bool:
    """Tell whether a daemon went away in the middle of a call, or is not there at all.

    The texts are for old clients: they are in whatever language libvirt speaks, and who reports is
    not.
    """
    if error.get_error_domain() == binding().VIR_FROM_RPC:
        return True
    away = ("Connection refused", "Cannot recv data", "Failed to connect", "Connection reset")
    return any(text in message for text in away)
