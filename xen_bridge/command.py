"""``xen-bridge``: the service of a Domain 0, the agent of a virtual router, and their keys."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from xen_bridge.cli.asking import SERVICE_PORT
from xen_bridge.cli.migrations import migrations
from xen_bridge.cli.neighbours import host, router
from xen_bridge.cli.node_files import Command, Explained, directory_option, fail, load_identity
from xen_bridge.cli.planes import planes
from xen_bridge.dom0.allowed_paths import DEFAULT, AllowedPaths, allowed_path
from xen_bridge.one_line import CONTROL, in_one_line
from xen_bridge.planes.skipped import KINDS, checked_kinds
from xen_bridge.protocol.endpoint import check_url
from xen_bridge.serving.ready import ServiceManager
from xen_bridge.serving.unread_log import keep_nobody
from xen_bridge.trust.identity import Identity, IdentityError
from xen_bridge.trust.key_list import FILE as KEYS
from xen_bridge.trust.key_list import KeyList
from xen_bridge.written_output import WrittenGroup

AGENT_PORT = 7444
_LONGEST_HOST = 253
"""Characters of a name (RFC 1035, 2.3.4)."""


def _host(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if CONTROL.search(value) or len(value) > _LONGEST_HOST:
        raise click.BadParameter(f"{in_one_line(value, 100)} is no address")
    return value


def listen_options(port: int) -> Callable[[Command], Command]:
    """Give a command the options that say where to listen."""

    def decorate(command: Command) -> Command:
        for option in (
            click.option("--verbose", is_flag=True, help="Tell of every message."),
            click.option("--port", type=click.IntRange(0, 65_535), default=port, show_default=True),
            click.option(
                "--host",
                default="127.0.0.1",
                show_default=True,
                callback=_host,
                help="Address to listen on.",
            ),
        ):
            command = option(command)
        return command

    return decorate


# It is what Ryu runs on, and so what this project has; its users need not be told each time.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")


@click.group(cls=WrittenGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Horizon's bridge to Xen.

    \b
    In Domain 0:
      xen-bridge keygen
      xen-bridge authorize MCowBQYDK2VwAyEA… controller
      xen-bridge serve --host 192.0.2.1
    """


for _group in (router, host, planes, migrations):
    main.add_command(_group)


@main.command()
@directory_option
def keygen(directory: Path) -> None:
    """Make this node's key, and print its NodePK: what other nodes know it by."""
    try:
        identity = Identity.create(directory)
    except FileExistsError:
        fail(f"{directory} has a key already; its NodePK: {load_identity(directory).node_pk}")
    except IdentityError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{directory}: {error.strerror}")
    click.echo(identity.node_pk)


@main.command("node-pk")
@directory_option
def node_pk(directory: Path) -> None:
    """Print this node's NodePK."""
    click.echo(load_identity(directory).node_pk)


@main.command()
@click.argument("node_pk")
@click.argument("name", default="")
@click.option("--remove", is_flag=True, help="Take the key from the list.")
@directory_option
def authorize(node_pk: str, name: str, remove: bool, directory: Path) -> None:
    """Let the node with NODE_PK ask this one; at once, without a restart.

    \b
    Example:  xen-bridge authorize MCowBQYDK2VwAyEAJKDW…= controller
    """
    keys = KeyList(directory / KEYS)
    with Explained(directory):
        changed = keys.remove(node_pk) if remove else keys.add(node_pk, name)
    if not changed:
        click.echo("was not in the list" if remove else "is in the list already", err=True)


@main.command()
@click.option(
    "--uri",
    show_default="xen:///system where Xen runs, else netns:///",
    help="This machine's hypervisor, as libvirt names it; netns:///NAME has"
    " network namespaces for domains, test:///default and memory:/// need no hypervisor."
    " Of another machine, run xen-bridge there.",
)
@click.option(
    "--allow-path",
    "paths",
    metavar="PATH[:ro]",
    multiple=True,
    default=DEFAULT,
    show_default=True,
    help="What new domains may be given as disks and kernels: a folder, a file or a block device;"
    " repeat it for more. With :ro nothing of it may be a disk that is written. Links that lead"
    " out of it are refused, but for names of block devices in /dev.",
)
@click.option(
    "--allow",
    "skipped",
    metavar="KIND",
    multiple=True,
    help="Separate the planes of routers though their kernels do this, and Domain 0 does not;"
    f" repeat it for more: {', '.join(KINDS)}.",
)
@click.option(
    "--migration-uri",
    metavar="URI",
    help="Where other hosts' libvirt reaches this one's, to send it domains:"
    " xen+tls://HOST/system, xen+ssh://HOST/system, or without secrecy xen+tcp://HOST/system."
    " Without it none comes to this Xen host.",
)
@click.option(
    "--peer-url",
    metavar="URL",
    help="Where other hosts reach this service, https://ADDRESS:PORT, if the controller reaches it"
    " elsewhere.",
)
@listen_options(SERVICE_PORT)
@directory_option
def serve(
    uri: str | None,
    paths: tuple[str, ...],
    skipped: tuple[str, ...],
    migration_uri: str | None,
    peer_url: str | None,
    host: str,
    port: int,
    verbose: bool,
    directory: Path,
) -> None:
    """Serve this host's Domain 0 to the controller.

    \b
    Example:  xen-bridge serve --host 192.0.2.1 --allow-path /dev/vg0 --allow-path /srv/kernels:ro
    """
    from xen_bridge.dom0.hypervisor.opening import NAMESPACES, default_uri
    from xen_bridge.node_parts import THREADS
    from xen_bridge.nodes import MovingOptions, domain_0

    load_identity(directory)
    if uri is None:
        uri = default_uri()
        if uri == NAMESPACES:
            click.echo("no Xen runs here: domains are network namespaces (netns:///)", err=True)
    with Explained(directory):
        allowed = AllowedPaths(allowed_path(text) for text in paths)
        kinds = checked_kinds(skipped)
        moving = MovingOptions(migration_uri, None if peer_url is None else check_url(peer_url))
        runtime, serve_https = _on_eventlet(THREADS)
        node = domain_0(directory, uri, allowed, runtime, serve_https, kinds, moving)
    _run(node, host, port, verbose)


@main.command(hidden=True)
@click.option("--uri", required=True)
@directory_option
def settle(uri: str, directory: Path) -> None:
    """End the migrations of a service that was killed in one; it starts this itself."""
    from xen_bridge import leaving

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s settle %(message)s")
    with Explained(directory):
        leaving.settle(directory, uri)


@main.command()
@click.option(
    "--vty-socket",
    "vty",
    type=click.Path(file_okay=False),
    help="Where FRR's daemons have their sockets, if not where FRR has them by default.",
)
@click.option(
    "--routes",
    type=click.Choice(("kernel", "fpm")),
    default="kernel",
    show_default=True,
    help="Whose routes are told: the kernel's, or those that FRR's zebra tells on port 2620"
    " (zebra -M dplane_fpm_nl, fpm address 127.0.0.1).",
)
@listen_options(AGENT_PORT)
@directory_option
def agent(
    vty: str | None, routes: str, host: str, port: int, verbose: bool, directory: Path
) -> None:
    """Serve this virtual router to its host's Domain 0, and tell that its interfaces and routes.

    \b
    Example:  xen-bridge agent --host 10.0.0.11
    """
    from xen_bridge.node_parts import AGENT_THREADS
    from xen_bridge.planes.follower import FibFollower
    from xen_bridge.planes.fpm_source import FpmSource
    from xen_bridge.router_node import virtual_router

    load_identity(directory)
    source = FpmSource if routes == "fpm" else FibFollower
    runtime, serve_https = _on_eventlet(AGENT_THREADS)
    node = virtual_router(directory, runtime, serve_https, vty, source)
    _run(node, host, port, verbose)


def _on_eventlet(threads: int) -> tuple[Any, Any]:
    """Return eventlet's runtime, and what serves on it; without eventlet's own resolver.

    That is 240 modules, and 8 MB of a router that is small: names are looked up in native threads.
    """
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
    from xen_bridge.runtime.green import GreenRuntime
    from xen_bridge.server.https import serve as serve_https

    return GreenRuntime(threads), serve_https


def _run(node: Any, host: str, port: int, verbose: bool) -> None:
    from xen_bridge.server.running import run

    manager = ServiceManager.of_process()

    def listening(place: str) -> None:
        click.echo(place)
        manager.tell_ready(place)

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    keep_nobody(logging.getLogger())
    if not node.keys.names():
        click.echo("nobody is authorized yet (xen-bridge authorize NODE_PK)", err=True)
    try:
        run(node, host, port, listening)
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror or error}")


if __name__ == "__main__":
    main()
