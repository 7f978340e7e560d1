"""``xen-bridge``: the service of a Domain 0, the agent of a virtual router, and their keys."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from xen_bridge.client import BridgeClient
from xen_bridge.dom0.allowed_paths import DEFAULT, AllowedPaths, allowed_path
from xen_bridge.errors import BridgeError, InvalidRequest
from xen_bridge.one_line import CONTROL, in_one_line
from xen_bridge.planes.dead_times import FoundDeadTimes
from xen_bridge.planes.skipped import KINDS, checked_kinds
from xen_bridge.protocol.documents.dead_times import GetDeadTimes, HoldSessions, ReleaseSessions
from xen_bridge.protocol.documents.migration import ListMigrations
from xen_bridge.protocol.documents.planes import ListPlanes, SeparatedPlane
from xen_bridge.separation.plane_report import (
    RouterTimers,
    check_lines,
    found_of,
    last_pause,
    list_lines,
)
from xen_bridge.server.routers import FILE as ROUTERS
from xen_bridge.server.routers import HOSTS_FILE as HOSTS
from xen_bridge.server.routers import RouterList, check_router
from xen_bridge.trust.identity import Identity, IdentityError
from xen_bridge.trust.key_list import FILE as KEYS
from xen_bridge.trust.key_list import KeyList

DIRECTORY = "/etc/xen-bridge"
SERVICE_PORT, AGENT_PORT = 7443, 7444
_LONGEST_HOST = 253
"""Characters of a name (RFC 1035, 2.3.4)."""
Command = TypeVar("Command", bound=Callable[..., Any])


class FolderName(click.Path):
    """A name of a folder that can be one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if "\0" in str(value):
            self.fail(f"{in_one_line(str(value))} is no name of a folder", param, ctx)
        return super().convert(value, param, ctx)


def directory_option(command: Command) -> Command:
    """Give ``command`` the option that says where the node's files are."""
    option = click.option(
        "--directory",
        type=FolderName(file_okay=False, path_type=Path),
        default=DIRECTORY,
        show_default=True,
        envvar="XEN_BRIDGE_DIRECTORY",
        help="Where the key and the lists of this node are.",
    )
    return option(command)


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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Horizon's bridge to Xen.

    \b
    In Domain 0:
      xen-bridge keygen
      xen-bridge authorize MCowBQYDK2VwAyEA… controller
      xen-bridge serve --host 192.0.2.1
    """


@main.command()
@directory_option
def keygen(directory: Path) -> None:
    """Make this node's key, and print its NodePK: what other nodes know it by."""
    try:
        identity = Identity.create(directory)
    except FileExistsError:
        _fail(f"{directory} has a key already; its NodePK: {_identity(directory).node_pk}")
    except IdentityError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{directory}: {error.strerror}")
    click.echo(identity.node_pk)


@main.command("node-pk")
@directory_option
def node_pk(directory: Path) -> None:
    """Print this node's NodePK."""
    click.echo(_identity(directory).node_pk)


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
    with _Explained(directory):
        changed = keys.remove(node_pk) if remove else keys.add(node_pk, name)
    if not changed:
        click.echo("was not in the list" if remove else "is in the list already", err=True)


@main.group()
def router() -> None:
    """The virtual routers of this host, and their agents.

    \b
    Example:  xen-bridge router add r1 https://10.0.0.11:7444 MCowBQYDK2VwAyEA…
    """


@router.command("add")
@click.argument("name")
@click.argument("url")
@click.argument("node_pk")
@directory_option
def add_router(name: str, url: str, node_pk: str, directory: Path) -> None:
    """Make the agent of the virtual router NAME known; at once, without a restart."""
    with _Explained(directory):
        RouterList(directory / ROUTERS).put(check_router(name, url, node_pk))


@router.command("remove")
@click.argument("name")
@directory_option
def remove_router(name: str, directory: Path) -> None:
    """Forget the agent of the virtual router NAME."""
    with _Explained(directory):
        removed = RouterList(directory / ROUTERS).remove(name)
    if not removed:
        _fail(f"no router {name!r}; there are: {', '.join(_routers(directory)) or 'none'}")


@router.command("list")
@directory_option
def list_routers(directory: Path) -> None:
    """List the agents that are known."""
    for item in _routers(directory).values():
        click.echo(f"{item.name} {item.url} {item.node_pk}")


@main.group()
def host() -> None:
    """The Domain 0s that may host this virtual router, and pass its packets.

    \b
    Example:  xen-bridge host add xen1 https://10.0.0.1:7443 MCowBQYDK2VwAyEA…
    """


@host.command("add")
@click.argument("name")
@click.argument("url")
@click.argument("node_pk")
@directory_option
def add_host(name: str, url: str, node_pk: str, directory: Path) -> None:
    """Have the agent of this router say Hello to the Domain 0 NAME; at once, without a restart."""
    with _Explained(directory):
        RouterList(directory / HOSTS).put(check_router(name, url, node_pk))


@host.command("remove")
@click.argument("name")
@directory_option
def remove_host(name: str, directory: Path) -> None:
    """Forget the Domain 0 NAME."""
    with _Explained(directory):
        removed = RouterList(directory / HOSTS).remove(name)
    if not removed:
        known = RouterList(directory / HOSTS).routers()
        _fail(f"no host {name!r}; there are: {', '.join(known) or 'none'}")


@host.command("list")
@directory_option
def list_hosts(directory: Path) -> None:
    """List the Domain 0s that are known."""
    for item in RouterList(directory / HOSTS).routers().values():
        click.echo(f"{item.name} {item.url} {item.node_pk}")


def _service_option(command: Command) -> Command:
    option = click.option(
        "--url",
        default=f"https://127.0.0.1:{SERVICE_PORT}",
        show_default=True,
        help="Where the service of this host listens.",
    )
    return option(command)


@main.group()
def planes() -> None:
    """The routers whose planes are separated: what Domain 0 has made for them.

    \b
    Example:  xen-bridge planes check
    """


@planes.command("list")
@_service_option
@directory_option
def list_planes(url: str, directory: Path) -> None:
    """List devices, tables and routes of every router."""
    for line in list_lines(_asked(url, directory, ListPlanes()).planes):
        click.echo(line)


@planes.command("check")
@_service_option
@directory_option
def check_planes(url: str, directory: Path) -> None:
    """Compare what is there with what should be, and timers with the last migration's pause.

    Ends with status 1 if something is missing.
    """
    found = _asked(url, directory, ListPlanes(check=True)).planes
    timers = _timers(url, directory, found)
    for line in check_lines(found, timers):
        click.echo(line)
    if any(plane.faults for plane in found):
        raise SystemExit(1)


@planes.command("hold")
@click.argument("router")
@click.argument("seconds", type=click.FloatRange(0.1, 60))
@_service_option
@directory_option
def hold_sessions(router: str, seconds: float, url: str, directory: Path) -> None:
    """Let the BFD sessions of ROUTER outlast SECONDS of standstill, before it is migrated.

    Their timers are put back by "planes release", or a minute later.
    """
    held = _asked(url, directory, HoldSessions(seconds), router).peers
    click.echo("\n".join(held) if held else "no session of BFD is up")


@planes.command("release")
@click.argument("router")
@_service_option
@directory_option
def release_sessions(router: str, url: str, directory: Path) -> None:
    """Put the timers back that "planes hold" raised."""
    click.echo("\n".join(_asked(url, directory, ReleaseSessions(), router).peers))


def _timers(
    url: str, directory: Path, planes: tuple[SeparatedPlane, ...]
) -> dict[str, RouterTimers]:
    """Ask each router's agent; one that does not answer is told of."""
    client = BridgeClient(url, _identity(directory).node_pk, _identity(directory))
    try:
        migrations = client.ask(ListMigrations()).migrations
    except BridgeError:
        # This host's hypervisor may know no migration.
        migrations = ()
    found = {}
    for plane in planes:
        pause = last_pause(plane, migrations)
        try:
            answer = client.ask(GetDeadTimes(), plane.router)
            found[plane.router] = RouterTimers(found_of(answer), None, pause)
        except BridgeError as error:
            found[plane.router] = RouterTimers(FoundDeadTimes(()), str(error), pause)
    client.close()
    return found


def _asked(url: str, directory: Path, body: object, router: str | None = None) -> Any:
    """Return what the service of this host, or a router's agent, answers to its own key."""
    identity = _identity(directory)
    with _Explained(directory):
        client = BridgeClient(url, identity.node_pk, identity)
    try:
        return client.ask(body, router)
    except BridgeError as error:
        _fail(f"{url}: {error}")
    finally:
        client.close()


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
@listen_options(SERVICE_PORT)
@directory_option
def serve(
    uri: str | None,
    paths: tuple[str, ...],
    skipped: tuple[str, ...],
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
    from xen_bridge.nodes import THREADS, domain_0
    from xen_bridge.runtime.green import GreenRuntime
    from xen_bridge.server.https import serve as serve_https

    _identity(directory)
    if uri is None:
        uri = default_uri()
        if uri == NAMESPACES:
            click.echo("no Xen runs here: domains are network namespaces (netns:///)", err=True)
    with _Explained(directory):
        allowed = AllowedPaths(allowed_path(text) for text in paths)
        kinds = checked_kinds(skipped)
        node = domain_0(directory, uri, allowed, GreenRuntime(THREADS), serve_https, kinds)
    _run(node, host, port, verbose)


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
    from xen_bridge.nodes import THREADS, virtual_router
    from xen_bridge.planes.follower import FibFollower
    from xen_bridge.planes.fpm_source import FpmSource
    from xen_bridge.runtime.green import GreenRuntime
    from xen_bridge.server.https import serve as serve_https

    _identity(directory)
    source = FpmSource if routes == "fpm" else FibFollower
    node = virtual_router(directory, GreenRuntime(THREADS), serve_https, vty, source)
    _run(node, host, port, verbose)


def _run(node: Any, host: str, port: int, verbose: bool) -> None:
    from xen_bridge.server.running import run

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    if not node.keys.names():
        click.echo("nobody is authorized yet (xen-bridge authorize NODE_PK)", err=True)
    try:
        run(node, host, port, click.echo)
    except OSError as error:
        _fail(f"cannot listen on {host}:{port}: {error.strerror or error}")


def _routers(directory: Path) -> Any:
    return RouterList(directory / ROUTERS).routers()


def _identity(directory: Path) -> Identity:
    try:
        return Identity.load(directory)
    except IdentityError as error:
        _fail(str(error))
    except FileNotFoundError:
        _fail(f"{directory} has no key yet: run xen-bridge keygen --directory {directory}")
    except OSError as error:
        _fail(f"{_place(error, directory)}: {error.strerror}")


def _place(error: OSError, directory: Path) -> str:
    """Return what an error is about: a file of ``directory``, or all of it."""
    return str(error.filename or directory)


class _Explained:
    """Turns bad values and files that cannot be written into one line."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, InvalidRequest):
            _fail(str(error))
        if isinstance(error, OSError):
            remedy = " (xen-bridge keygen makes it)" if not self._directory.exists() else ""
            _fail(f"{_place(error, self._directory)}: {error.strerror}{remedy}")


def _fail(text: str) -> NoReturn:
    raise click.ClickException(in_one_line(text))


if __name__ == "__main__":
    main()
