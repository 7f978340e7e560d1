"""Errors of xen_bridge, as the controller's."""

from __future__ import annotations

from horizon_ryu.core import errors
from xen_bridge import errors as bridge


def to_horizon_error(host: str, error: bridge.BridgeError) -> errors.HorizonError:
    """Return the controller's error for what ``host`` told of, or for its silence."""
    text = str(error)
    if isinstance(error, bridge.InvalidRequest):
        return errors.InvalidInput(tuple(error.loc), error.msg)
    if isinstance(error, bridge.SubjectNotFound):
        return errors.NotFound(f"host {host}: {text}")
    if isinstance(error, bridge.RequestConflict):
        return errors.Conflict(f"host {host}: {text}")
    if isinstance(error, bridge.RequestUnsupported):
        return errors.Unsupported(f"host {host}: {text}")
    if isinstance(error, (bridge.Overloaded, bridge.TooLarge)):
        return errors.LimitExceeded(f"host {host}: {text}")
    if isinstance(error, bridge.Deadline):
        return errors.HostDeadline(host, text)
    if isinstance(error, bridge.PathNotAllowed):
        return errors.HostForbids(host, text)
    if isinstance(error, bridge.PeerUnreached):
        return errors.HostUnreached(host, text)
    if isinstance(error, (bridge.PeerAway, bridge.HypervisorAway)):
        return errors.HostAway(host, text)
    return errors.HostError(host, text)
