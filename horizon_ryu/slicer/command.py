"""The slicer as a program: ``horizon-slicer --slices slices.json``.

::

    horizon-slicer --listen 127.0.0.1:6633 --slices slices.json
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.slicer.configuration import SlicerConfiguration, parse_configuration
from horizon_ryu.slicer.engine import SlicerEngine

_MAX_PORT = 65_535
_GC_THRESHOLDS = (20_000, 20, 100)


def _runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    """Return what runs the loop: uvloop's, three times as quick, or asyncio's own without it."""
    try:
        import uvloop
    except ImportError:
        logging.getLogger("horizon.slicer").warning("uvloop is not installed: asyncio is slower")
        return asyncio.run
    return uvloop.run


def _read(path: Path) -> SlicerConfiguration:
    try:
        return parse_configuration(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path}: {error}") from error
    except InvalidInput as error:
        raise click.ClickException(f"{path}: {error}") from error


def _address(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) <= _MAX_PORT:
        raise click.BadParameter("write host:port, as 127.0.0.1:6633")
    return host.strip("[]"), int(port)


@click.command(help=__doc__)
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
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The slices, as JSON; SIGHUP has the file read again.",
)
@click.option("--instance", default="horizon", show_default=True, help="Its name in LLDP.")
@click.option("--verbose", is_flag=True, help="Log every event.")
def main(listen: tuple[str, int], path: Path, instance: str, verbose: bool) -> None:
    """Run until told to stop."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(message)s"
    )
    configuration = _read(path)
    _runner()(_serve(listen, path, instance, configuration))


async def _serve(
    listen: tuple[str, int], path: Path, instance: str, configuration: SlicerConfiguration
) -> None:
    loop = asyncio.get_running_loop()
    engine = SlicerEngine(instance)
    engine.configure(configuration)
    # What is there now stays, and entries come by thousands: looking for garbage among them takes
    # milliseconds, in which every tenant waits.
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    ended = asyncio.Event()

    def read_again() -> None:
        try:
            engine.configure(_read(path))
        except click.ClickException as error:
            logging.getLogger("horizon.slicer").error("kept what is worked by: %s", error.message)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, read_again)
    try:
        server = await engine.listen(*listen)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {listen[0]}:{listen[1]}: {error}") from error
    click.echo(f"ready, listening on {listen[0]}:{server.sockets[0].getsockname()[1]}")
    await ended.wait()
    server.close()


if __name__ == "__main__":
    main()
