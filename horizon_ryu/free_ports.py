"""Check of listening addresses: tells early, and in words, that one cannot be had.

Ryu listens in greenlets: a taken OpenFlow port would leave a controller that runs and controls
nothing, a taken REST port a traceback.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack

from ryu import cfg
from ryu.controller import controller  # noqa: F401 - registers the options read here

from horizon_ryu.core.errors import HorizonError


class CannotListen(HorizonError):
    """An address is in use, or is not one of this machine."""


def check_listening(conf: cfg.ConfigOpts) -> None:
    """Raise CannotListen unless OpenFlow and REST can listen where they are told to."""
    tls = conf.ctl_privkey is not None and conf.ctl_cert is not None
    openflow = "ofp_ssl_listen_port" if tls else "ofp_tcp_listen_port"
    with ExitStack() as probes:
        # Both at once: eventlet shares ports (SO_REUSEPORT), so that OpenFlow and REST on one
        # port would each get some of the connections.
        _check(probes, conf.ofp_listen_host, conf[openflow], f"--{openflow.replace('_', '-')}")
        _check(probes, conf.wsapi_host, conf.wsapi_port, "--wsapi-port")


def _check(probes: ExitStack, host: str, port: int, option: str) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        probe = probes.enter_context(socket.socket(family, kind, protocol))
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen()
    except OSError as error:
        raise CannotListen(
            f"cannot listen on {host} port {port}: {error.strerror}; "
            f"end what uses it, or choose another with {option}"
        ) from error
