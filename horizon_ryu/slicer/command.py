"""The slicer as a program: ``horizon-slicer --slices slices.json``.

::

    horizon-slicer --listen 127.0.0.1:6633 --slices slices.json
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import re
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import click

from horizon_ryu.core.collection_pause import made_to_stay
from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.slicing.flowspace import Flowspace
from horizon_ryu.slicer.configuration import SlicerConfiguration, parse_configuration
from horizon_ryu.slicer.control import ControlServer, lock
from horizon_ryu.slicer.engine import SlicerEngine
from horizon_ryu.slicer.flow_stats import DEFAULT_WINDOW, LONGEST_WINDOW, StatisticsSettings
from horizon_ryu.slicer.kept_document import KeptDocument
from horizon_ryu.slicer.table_journal import is_journal
from horizon_ryu.slicer.tls_contexts import SlicerTls, TlsFiles, slicer_tls
from xen_bridge.one_line import CONTROL, in_one_line
from xen_bridge.serving.ready import ServiceManager
from xen_bridge.serving.unread_log import keep_nobody
from xen_bridge.written_output import WrittenCommand

_MAX_PORT = 65_535
_ADDRESS = re.compile(r"(\[(?P<v6>[0-9A-Fa-f:.%a-z]+)\]|(?P<name>[^][\s:/]+)):(?P<port>[0-9]{1,5})")
_LONGEST_NAME = 4_095
"""Bytes of a path that Linux takes (PATH_MAX, without the end)."""
_SHOWN = 200
"""Characters of what was given, or of a reason, that are shown."""
_GC_THRESHOLDS = (1_000, 2, 10_000)
"""Objects after which the new ones are looked at, those that stay once more, and all there are.

Few at a time: to go over 20,000 takes 10 ms, in which every tenant waits, over 400,000 a fifth of a
second. All of them are gone over as seldom as that takes long.
"""
_SWITCH_SECONDS = 0.0002
"""After which a thread that reads slices lets the loop run: Python's own 5 ms are long for it."""


def _runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    """Return what runs the loop: uvloop's, three times as quick, or asyncio's own without it."""
    try:
        import uvloop
    except ImportError:
        logging.getLogger("horizon.slicer").warning("uvloop is not installed: asyncio is slower")
        return asyncio.run
    return uvloop.run


def _read(path: Path, tls: SlicerTls) -> SlicerConfiguration:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return parse_configuration(document, tls.tenants is not None)
    except (OSError, ValueError, InvalidInput) as error:
        raise _refused("--slices", path, error) from error
    except RecursionError as error:
        raise _refused("--slices", path, "it is nested too deeply") from error


def _refused(option: str, value: object, why: object) -> click.ClickException:
    """Return one line that names an option, what it was given, and why that cannot be used."""
    said = getattr(why, "strerror", None) or why
    return click.ClickException(f"{option} {_in_short(value)}: {_in_short(said)}")


def _in_short(value: object) -> str:
    return in_one_line(str(value) or repr(value), _SHOWN)


def _address(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(value)
    if found is None or int(found["port"]) > _MAX_PORT:
        raise click.BadParameter("write host:port, as 127.0.0.1:6633")
    return found["name"] or found["v6"], int(found["port"])


def _log_to(file: Path | None, level: int) -> None:
    try:
        handlers = [logging.StreamHandler() if file is None else logging.FileHandler(file)]
    except (OSError, ValueError) as error:
        raise _refused("--log", file, error) from error
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", handlers=handlers)
    keep_nobody(logging.getLogger())


def _check_tables(file: Path) -> None:
    """Refuse a file that is somebody else's: a journal is begun anew where it is damaged."""
    try:
        is_ours = is_journal(file)
    except (OSError, ValueError) as error:
        raise _refused("--tables", file, error) from error
    if not is_ours:
        raise _refused("--tables", file, "this is no file of tables: remove it, or name another")


class _FileName(click.Path):
    """A name of a file that can be one, and be shown in one line."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = str(value)
        if len(text) > _LONGEST_NAME or CONTROL.search(text):
            self.fail(f"{_in_short(text)} is no name of a file", param, ctx)
        return super().convert(value, param, ctx)


def tls_option(name: str, text: str) -> Callable[[Any], Any]:
    """Return an option for a file of TLS."""
    return click.option(name, type=_FileName(), metavar="FILE", help=text)


@click.command(cls=WrittenCommand, help=__doc__)
@click.option(
    "--listen",
    default="127.0.0.1:6633",
    show_default=True,
    callback=_address,
    help="Where switches connect.",
)
@click.option(
    "--slices",
    "path",
    type=_FileName(path_type=Path, dir_okay=False),
    help="The slices, as JSON; SIGHUP has the file read again.",
)
@click.option(
    "--control",
    type=_FileName(path_type=Path),
    help="A socket over which it is told its slices, instead of a file.",
)
@click.option(
    "--tables",
    type=_FileName(path_type=Path, dir_okay=False),
    help="Where tenants' entries are kept, so that the next one takes them over.  "
    "[default: tables beside the socket]",
)
@tls_option("--tenant-ca", "Authorities of controllers at tls:host:port, as PEM.")
@tls_option("--tenant-certificate", "What the slicer shows to such controllers.")
@tls_option("--tenant-key", "The key of that.")
@tls_option("--certificate", "What the slicer shows to switches, which then connect over TLS.")
@tls_option("--key", "The key of that.")
@tls_option("--client-ca", "Authorities of which switches must have a certificate.")
@click.option("--log", "log", type=_FileName(path_type=Path), help="Log to this file.")
@click.option("--instance", default="horizon", show_default=True, help="Its name in LLDP.")
@click.option(
    "--stats-window",
    type=click.FloatRange(0, LONGEST_WINDOW),
    default=DEFAULT_WINDOW,
    show_default=True,
    help="Seconds for which an answer of a switch about its entries serves all tenants.",
)
@click.option(
    "--no-empty-answers",
    is_flag=True,
    help="Leave out statistics of OpenFlow 1.0 with nothing in them, as FlowVisor does.",
)
@click.option("--verbose", is_flag=True, help="Log every event.")
def main(
    listen: tuple[str, int],
    path: Path | None,
    control: Path | None,
    tables: Path | None,
    log: Path | None,
    instance: str,
    stats_window: float,
    no_empty_answers: bool,
    verbose: bool,
    **files: str | None,
) -> None:
    """Run until told to stop."""
    if (path is None) == (control is None):
        raise click.UsageError("name --slices or --control")
    try:
        tls = slicer_tls(TlsFiles(**files))
    except InvalidInput as error:
        raise click.ClickException(str(error)) from error
    statistics = StatisticsSettings(stats_window, not no_empty_answers)
    _log_to(log, logging.INFO if verbose or control else logging.WARNING)
    if tables is not None:
        _check_tables(tables)
    if control is not None:
        if not control.name:
            raise _refused("--control", control, "this is no name of a socket")
        try:
            held = lock(control.parent)
        except (OSError, ValueError) as error:
            raise _refused("--control", control, error) from error
        if held is None:
            raise click.ClickException(f"another engine runs in {control.parent}")
        with held:
            kept = control.parent / "tables" if tables is None else tables
            _runner()(_serve_controlled(listen, control, instance, kept, tls, statistics))
    elif path is not None:
        _runner()(_serve(listen, path, instance, tls, tables, statistics))


async def _serve_controlled(
    listen: tuple[str, int],
    control: Path,
    instance: str,
    tables: Path,
    tls: SlicerTls,
    statistics: StatisticsSettings,
) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    engine = SlicerEngine(
        instance, lambda event, about: server.tell(event, about), tls, statistics=statistics
    )
    kept = KeptDocument(control.with_name("slices"))
    server = ControlServer(engine, f"{listen[0]}:{listen[1]}", ended.set, kept)
    await server.resume()
    # Without the slices, what switches have for them would be taken for nobody's.
    waits = engine.take_over(tables) > 0 and not engine.is_configured.is_set()
    _wait_for_nobody()
    switches = await _listening(engine, listen, not waits)
    try:
        listening = await server.listen(control)
    except (OSError, ValueError) as error:
        raise _refused("--control", control, error) from error
    tasks = [asyncio.create_task(server.keep(control, listening))]
    ServiceManager.of_process().tell_ready(f"controlled by {control}")
    if waits:
        tasks.append(asyncio.create_task(_serve_configured(engine, switches)))
    await ended.wait()
    for task in tasks:
        task.cancel()
    switches.close()
    engine.tables.close()
    control.unlink(missing_ok=True)


def _wait_for_nobody() -> None:
    """Have neither the garbage collector nor other threads hold the loop.

    What is there now stays, and entries come by thousands: looking for garbage among them takes
    milliseconds, in which every tenant waits.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


async def _serve_configured(engine: SlicerEngine, switches: asyncio.Server) -> None:
    """Accept switches once the slices are known."""
    await engine.is_configured.wait()
    await switches.start_serving()


async def _listening(
    engine: SlicerEngine, listen: tuple[str, int], begin: bool = True
) -> asyncio.Server:
    try:
        return await engine.listen(*listen, begin)
    except (OSError, ValueError) as error:
        place = f"{_in_short(listen[0])}:{listen[1]}"
        raise click.ClickException(f"cannot listen on {place}: {_in_short(error)}") from error


class _SlicesFile:
    """The file of slices that an engine works by, read again whenever it is asked for."""

    def __init__(self, engine: SlicerEngine, path: Path, tls: SlicerTls) -> None:
        self._engine = engine
        self._path = path
        self._tls = tls
        self._reading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def read_soon(self) -> None:
        """Read it in a task; what is refused changes nothing, and is logged."""
        task = asyncio.get_running_loop().create_task(self._read_again())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read_again(self) -> None:
        async with self._reading:
            try:
                # In a thread: tenants must not wait while thousands of rules are read.
                self._engine.configure(*await asyncio.to_thread(self._made))
            except click.ClickException as error:
                log = logging.getLogger("horizon.slicer")
                log.error("kept what is worked by: %s", error.message)

    def _made(self) -> tuple[SlicerConfiguration, Mapping[int, Flowspace]]:
        with made_to_stay():
            found = _read(self._path, self._tls).sharing(self._engine.configuration())
            return found, self._engine.flowspaces_of(found)


async def _serve(
    listen: tuple[str, int],
    path: Path,
    instance: str,
    tls: SlicerTls,
    tables: Path | None,
    statistics: StatisticsSettings,
) -> None:
    loop = asyncio.get_running_loop()
    engine = SlicerEngine(instance, tls=tls, statistics=statistics)
    file = _SlicesFile(engine, path, tls)
    # Before the file is read: it may be another as soon as that is done.
    loop.add_signal_handler(signal.SIGHUP, file.read_soon)
    engine.configure(_read(path, tls))
    if tables is not None:
        engine.take_over(tables)
    _wait_for_nobody()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await _listening(engine, listen)
    place = f"listening on {listen[0]}:{server.sockets[0].getsockname()[1]}"
    click.echo(f"ready, {place}")
    ServiceManager.of_process().tell_ready(place)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    main()
