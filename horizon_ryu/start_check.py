"""Check before the start: what must be right for a controller to start, read from its options.

The start and ``horizonctl check-config`` both stand on it, so that what the one calls fine the
other does not refuse. What depends on the moment (a port that is taken) only the start can tell.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from oslo_config import cfg

from horizon_ryu import log_options, settings
from horizon_ryu.core.dpid_claims import read_pins
from horizon_ryu.core.errors import HorizonError, InvalidInput
from horizon_ryu.core.identifiers import dpid_from_text
from horizon_ryu.flows.confirmation import parse_settle
from horizon_ryu.free_ports import check_addresses
from horizon_ryu.http.auth import load_tokens
from horizon_ryu.http.host_check import check_listening
from horizon_ryu.ryu_options import read_as_ryu_manager
from horizon_ryu.settings import Settings
from horizon_ryu.signing_key import signing_key
from horizon_ryu.slicer_files import check_tls
from horizon_ryu.slices.engine_place import check_engine
from horizon_ryu.slices.slicer_address import slicer_address
from horizon_ryu.store_place import check_url, file_at
from horizon_ryu.switch_stats.ovsdb_remote import check_remote
from horizon_ryu.tls_options import check_openflow_port
from horizon_ryu.xen_hosts.identity_place import identity_folder
from xen_bridge.trust.identity import Identity, IdentityError

LOOPBACK = "127.0.0.1"
_LAST_PORT = 65_535


def check_file(path: str) -> Settings:
    """Return the options of the file at ``path``; HorizonError says what a start would refuse."""
    try:
        conf = read_as_ryu_manager(path)
    except (cfg.Error, ValueError, OSError) as error:
        raise HorizonError(" ".join(str(error).split())) from error
    return check(conf)


def check(conf: cfg.ConfigOpts) -> Settings:
    """Return the options that ``conf`` has read; HorizonError names the first that is no good."""
    _default_to_loopback(conf)
    found = settings.load(conf)
    _check_values(found)
    _check_files(found)
    _check_applications(conf)
    _check_switch_addresses(conf)
    log_options.check(conf)
    check_openflow_port(conf.ctl_privkey, conf.ctl_cert, conf.ca_certs)
    check_addresses(conf)
    check_listening(conf.wsapi_host, bool(found.rest.tokens_file))
    return found


def _default_to_loopback(conf: cfg.ConfigOpts) -> None:
    """Have REST and OpenFlow listen on this machine only, unless the operator says otherwise."""
    for name in ("wsapi_host", "ofp_listen_host"):
        conf.set_default(name, LOOPBACK)


def _check_applications(conf: cfg.ConfigOpts) -> None:
    """Check that the applications named can be found; a path is what Ryu takes, too."""
    for name in (*conf.app_lists, *conf.app):
        try:
            is_there = Path(name).is_file() or find_spec(name) is not None
        except (ImportError, ValueError):
            is_there = False
        if not is_there:
            raise InvalidInput(("app_lists",), f"there is no application {name}")


def _check_switch_addresses(conf: cfg.ConfigOpts) -> None:
    for text in conf.ofp_switch_address_list:
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) <= _LAST_PORT:
            raise InvalidInput(
                ("ofp_switch_address_list",), f"{text!r} is not HOST:PORT, as in 192.0.2.1:6653"
            )


def _check_values(found: Settings) -> None:
    """Check what has a form of its own, or depends on another option."""
    for text in found.guard.allowed_dpids:
        dpid_from_text(text, ("guard", "allowed_dpids"))
    read_pins(found.guard.certificates, ("guard", "certificates"))
    parse_settle(found.flow_migration.settle)
    tags = found.flow_manager
    if tags.tag_first > tags.tag_last:
        raise InvalidInput(("flow_manager", "tag_first"), f"is above tag_last ({tags.tag_last})")
    check_url(found.store.url)
    check_remote(found.stats.ovsdb)
    if found.rest.slicer_url is not None:
        slicer_address(found.rest.slicer_url)
    store = file_at(found.store.url)
    check_tls(found.slicing)
    check_engine(found.slicing, store.parent if store is not None else Path())


def _check_files(found: Settings) -> None:
    """Read each file that an option names."""
    signing_key(found.discovery.key_file)
    if found.rest.tokens_file:
        load_tokens(Path(found.rest.tokens_file))
    _check_identity(found)


def _check_identity(found: Settings) -> None:
    """Check the key that hosts know, if there is one: the start makes a missing one."""
    store = file_at(found.store.url)
    option = found.xen.identity
    if option is None and store is None:
        return
    folder = identity_folder(option, store.parent if store is not None else Path())
    try:
        Identity.load(folder)
    except FileNotFoundError:
        return
    except (IdentityError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(("xen", "identity"), f"{folder}: {reason}") from error
