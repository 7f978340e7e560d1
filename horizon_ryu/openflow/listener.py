"""Listener: has Ryu's controller listen and talk with safe defaults, to guarded peers.

Ryu builds its server and its connections from two names in one module. Both are replaced, once,
before Ryu starts to listen, and only in the one release of Ryu whose every line this was written
against: a guard that may or may not be in place is none.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any

import ryu
from ryu import cfg
from ryu.base import app_manager  # Ryu's own circle of imports starts here
from ryu.controller import controller, ofp_event
from ryu.ofproto import ofproto_protocol, ofproto_v1_0, ofproto_v1_3

from horizon_ryu.core.errors import UnknownRyu
from horizon_ryu.openflow.admission import ConnectionAdmission
from horizon_ryu.openflow.connection import SwitchConnection
from horizon_ryu.openflow.context import ConnectionContext, ConnectionLimits
from horizon_ryu.openflow.peer_log import PeerLog
from horizon_ryu.openflow.ryu_datapath import RyuDatapath
from horizon_ryu.openflow.server import GuardedServer
from xen_bridge.serving.room import Place

LOG = logging.getLogger(__name__)

RYU_VERSION = "4.34"
OPENFLOW_PORT = 6653
"""Registered with IANA for OpenFlow."""
LOOPBACK = "127.0.0.1"

_REPLACED = ("StreamServer", "datapath_connection_factory")
_USED = (
    "_recv_loop",
    "_send_loop",
    "acknowledge_echo_reply",
    "close",
    "send",
    "send_msg",
    "serve",
    "set_state",
    "set_version",
    "set_xid",
)
"""Methods of Ryu's Datapath that are taken over, or whose work is done elsewhere."""
_RYUS_HANDLER = "ryu.controller.ofp_handler"
"""Application of Ryu that listens for switches: loaded if another one takes their events."""


def install(context: ConnectionContext) -> ConnectionAdmission:
    """Bind Ryu's controller to guarded connections; UnknownRyu if that cannot be relied upon.

    To be called before Ryu's OpenFlow application starts, at best from a Ryu context. Returns
    the admission through which the connections come.
    """
    check_ryu()
    set_defaults(context.limits)
    ofproto_protocol.set_app_supported_versions(
        [ofproto_v1_0.OFP_VERSION, ofproto_v1_3.OFP_VERSION]
    )
    admission, log = ConnectionAdmission(context.limits), PeerLog(LOG)
    controller.datapath_connection_factory = connection_factory(context, admission, log)
    controller.StreamServer = partial(GuardedServer, context, admission, log)
    return admission


def connection_factory(
    context: ConnectionContext, admission: ConnectionAdmission, log: PeerLog
) -> Callable[[Any, Any, Place], None]:
    """Return what serves one accepted socket until its end; it lets no exception out."""

    def serve(socket: Any, address: Any, place: Place) -> None:
        if app_manager.lookup_service_brick(ofp_event.NAME) is None:
            # Ryu has closed the application that is told of switches: the process is ending.
            socket.close()
            return
        try:
            socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            socket.settimeout(cfg.CONF.socket_timeout)
            asked = replace(context, limits=_as_asked(context.limits))
            settled = partial(_settle, context, admission, place)
            observed_by = partial(RyuDatapath, context.counters)
            SwitchConnection(socket, address, asked, admission, log, observed_by, settled).serve()
        except OSError as error:
            LOG.debug("%s was gone before it was served: %s", address, error)
        except Exception:
            context.counters.refused("internal_error")
            LOG.exception("connection of %s ended by an error of ours", address)
        finally:
            socket.close()

    return serve


def _settle(
    context: ConnectionContext,
    admission: ConnectionAdmission,
    place: Place,
    connection: SwitchConnection,
) -> None:
    admission.settle(context, connection.id or 0, place, connection.give_way)


def _as_asked(limits: ConnectionLimits) -> ConnectionLimits:
    """Return ``limits`` as Ryu's options and the versions of Ryu's applications change them."""
    spoken = frozenset(ofproto_protocol.ProtocolDesc().supported_ofp_version)
    return replace(
        limits,
        echo_interval=cfg.CONF.echo_request_interval,
        unanswered_echoes=cfg.CONF.maximum_unreplied_echo_requests,
        versions=limits.versions & spoken,
    )


def set_defaults(limits: ConnectionLimits) -> None:
    """Change the defaults of Ryu's options; what the operator set explicitly stays.

    Naming the ports also keeps Ryu from listening on the port 6633 of old times besides.
    """
    cfg.CONF.set_default("ofp_listen_host", LOOPBACK)
    cfg.CONF.set_default("ofp_tcp_listen_port", OPENFLOW_PORT)
    cfg.CONF.set_default("ofp_ssl_listen_port", OPENFLOW_PORT)
    cfg.CONF.set_default("echo_request_interval", limits.echo_interval)
    cfg.CONF.set_default("maximum_unreplied_echo_requests", limits.unanswered_echoes)


def takes_switches() -> bool:
    """Return whether Ryu will listen for switches: not for a slicer, nor for Xen hosts alone."""
    return _RYUS_HANDLER in app_manager.AppManager.get_instance().applications_cls


def check_ryu() -> None:
    """Raise UnknownRyu unless Ryu is exactly what the guard replaces parts of."""
    version = str(ryu.version).partition("+")[0]
    if version != RYU_VERSION:
        raise UnknownRyu(f"the wire guard knows Ryu {RYU_VERSION}, this is {version}")
    for name in _USED:
        if not inspect.isfunction(getattr(controller.Datapath, name, None)):
            raise UnknownRyu(f"Ryu's Datapath has no method {name}")
    used = controller.OpenFlowController.server_loop.__code__.co_names
    for name in _REPLACED:
        if not hasattr(controller, name) or name not in used:
            raise UnknownRyu(f"Ryu's server loop does not use {name}")
