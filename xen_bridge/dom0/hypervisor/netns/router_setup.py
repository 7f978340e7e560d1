"""Setup of a namespace router: addresses, static routes, and FRR as Debian packages it.

FRR runs with folders of its own for its configuration and its sockets, which go with the domain;
``watchfrr`` starts a daemon again that ends.
"""

from __future__ import annotations

import ipaddress
import os
import pwd
import time
from pathlib import Path
from typing import Any

from xen_bridge.dom0.hypervisor.moving import Graces
from xen_bridge.dom0.hypervisor.netns.graceful_restart import grace_files, with_graceful_restart
from xen_bridge.errors import InvalidRequest
from xen_bridge.protocol.documents.domains import CreateDomain

DAEMONS = Path("/usr/lib/frr")
_START = "frrinit.sh"
_USER = "frr"
_FOLDERS = ("/etc/frr", "/run/frr", "/var/log/frr")
_LOCAL = '"  -A 127.0.0.1"'
"""Options of every daemon: its own terminal, which has no password, is for the domain alone."""


def check_setup(wanted: CreateDomain, daemons: Path = DAEMONS) -> None:
    """Raise InvalidRequest, naming the field, for what cannot be set up."""
    for number, interface in enumerate(wanted.interfaces):
        for index, text in enumerate(interface.addresses):
            _check(
                ipaddress.ip_interface, text, ("interfaces", str(number), "addresses", str(index))
            )
    for number, route in enumerate(wanted.routes):
        loc = ("routes", str(number))
        to = _check(ipaddress.ip_network, route.to, (*loc, "to"))
        via = _check(ipaddress.ip_address, route.via, (*loc, "via"))
        if to.version != via.version:
            raise InvalidRequest((*loc, "via"), f"{via} is no way to {to}")
    if wanted.configuration is not None and not wanted.daemons:
        raise InvalidRequest(("configuration",), "is of daemons, and none is named")
    for number, name in enumerate((*wanted.daemons, *((_START,) if wanted.daemons else ()))):
        if not os.access(daemons / name, os.X_OK):
            loc = ("daemons", str(min(number, len(wanted.daemons) - 1)))
            raise InvalidRequest(loc, f"{daemons / name} is not there: install frr")


def _check(kind: Any, text: str, loc: tuple[str, ...]) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        raise InvalidRequest(loc, str(error)) from None


def inside(wanted: CreateDomain, graces: Graces = ()) -> dict[str, Any]:
    """Return the folders, files and commands that the first process of a domain has to make.

    Daemons that ran elsewhere until now have neighbors that wait for as long as ``graces`` say.
    """
    if not wanted.daemons:
        return {"folders": (), "files": (), "commands": ()}
    user = pwd.getpwnam(_USER)
    owner = user.pw_uid, user.pw_gid
    files = {
        "/etc/frr/daemons": _daemons_file(wanted.daemons),
        "/etc/frr/frr.conf": f"{with_graceful_restart(wanted.configuration or '')}\n",
        "/etc/frr/vtysh.conf": "",
        **grace_files(graces, time.time()),
    }
    return {
        "folders": [(path, "mode=0750,uid={},gid={}".format(*owner)) for path in _FOLDERS],
        "files": [(path, text, owner) for path, text in files.items()],
        "commands": [(str(DAEMONS / _START), "start")],
    }


def _daemons_file(names: tuple[str, ...]) -> str:
    options = (f"{name}_options={_LOCAL}" for name in ("zebra", "staticd", *names))
    return "\n".join((*(f"{name}=yes" for name in names), "vtysh_enable=yes", *options, ""))
