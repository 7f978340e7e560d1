"""Check of listening addresses: tells early, and in words, that one cannot be had.

Whether an address is one of this machine can be told at any time, whether a port is free only when
it is needed.

Ryu listens in greenlets: a taken OpenFlow port would leave a controller that runs and controls
nothing, a taken REST port a traceback.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack

from oslo_config import cfg
from ryu.ofproto.ofproto_common import OFP_TCP_PORT

from horizon_ryu.core.errors import HorizonError, InvalidInput

_PORTS = ("ofp_tcp_listen_port", "ofp_ssl_listen_port")
_LAST_PORT = 65_535


class CannotListen(HorizonError):
    """An address is in use, or is not one of this machine."""


def check_addresses(conf: cfg.ConfigOpts) -> None:
    """Raise InvalidInput, which names the option, unless the addresses are of this machine.

    The ports are numbers, and not the same; where OpenFlow's is not named, Ryu takes 6653.
    """
    for option in ("ofp_listen_host", "wsapi_host"):
        try:
            with ExitStack() as probes:
                _bind(probes, conf[option], 0)
        except (OSError, ValueError) as error:
            raise InvalidInput((option,), f"{conf[option]}: {_why(conf[option], error)}") from error
    if conf.wsapi_port is None:
        raise InvalidInput(("wsapi_port",), "needs a number")
    for option in (*_PORTS, "wsapi_port"):
        if not 0 <= (conf[option] or 0) <= _LAST_PORT:
            raise InvalidInput((option,), f"{conf[option]} is no port: 0 to {_LAST_PORT}")
    openflow = _openflow_option(conf)
    if (conf[openflow] or OFP_TCP_PORT) == conf.wsapi_port:
        text = f"{conf.wsapi_port} is the port of OpenFlow ({openflow}): they need two"
        raise InvalidInput(("wsapi_port",), text)


def check_listening(conf: cfg.ConfigOpts, takes_switches: bool) -> None:
    """Raise CannotListen unless OpenFlow and REST can listen where they are told to.

    OpenFlow's port is nobody's concern where no application ``takes_switches``: a slicer, beside a
    controller that has it.
    """
    openflow = _openflow_option(conf)
    with ExitStack() as probes:
        # Both at once: eventlet shares ports (SO_REUSEPORT), so that OpenFlow and REST on one
        # port would each get some of the connections.
        if takes_switches:
            _check(probes, conf.ofp_listen_host, conf[openflow], f"--{openflow.replace('_', '-')}")
        _check(probes, conf.wsapi_host, conf.wsapi_port, "--wsapi-port")


def _openflow_option(conf: cfg.ConfigOpts) -> str:
    """Return which option has the port that OpenFlow listens on."""
    plain, secure = _PORTS
    return plain if conf.ctl_privkey is None or conf.ctl_cert is None else secure


def _check(probes: ExitStack, host: str, port: int, option: str) -> None:
    try:
        _bind(probes, host, port)
    except OSError as error:
        raise CannotListen(
            f"cannot listen on {host} port {port}: {error.strerror}; "
            f"end what uses it, or choose another with {option}"
        ) from error


def _bind(probes: ExitStack, host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    probe = probes.enter_context(socket.socket(family, kind, protocol))
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(address)
    probe.listen()


def _why(host: str, error: Exception) -> str:
    if host.startswith("["):
        return "write an IPv6 address without brackets"
    reason = getattr(error, "strerror", None) or str(error)
    return f"cannot listen there: {reason}"
