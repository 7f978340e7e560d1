"""Files of a node, for the commands: the option that names their folder, its key, and what fails.

Whatever is wrong with them is told in one line, and never as a traceback.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from xen_bridge.errors import InvalidRequest
from xen_bridge.one_line import in_one_line
from xen_bridge.trust.identity import Identity, IdentityError

DIRECTORY = "/etc/xen-bridge"
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


def load_identity(directory: Path) -> Identity:
    """Return the key of the node in ``directory``; fails with one line if it has none."""
    try:
        return Identity.load(directory)
    except IdentityError as error:
        fail(str(error))
    except FileNotFoundError:
        fail(f"{directory} has no key yet: run xen-bridge keygen --directory {directory}")
    except OSError as error:
        fail(f"{_place(error, directory)}: {error.strerror}")


def _place(error: OSError, directory: Path) -> str:
    """Return what an error is about: a file of ``directory``, or all of it."""
    return str(error.filename or directory)


class Explained:
    """Turns bad values and files that cannot be written into one line."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """End with one line for what was raised, if it is of these."""
        if isinstance(error, InvalidRequest):
            fail(str(error))
        if isinstance(error, OSError):
            remedy = " (xen-bridge keygen makes it)" if not self._directory.exists() else ""
            fail(f"{_place(error, self._directory)}: {error.strerror}{remedy}")


def fail(text: str) -> NoReturn:
    """End the command with one line, whatever ``text`` has in it."""
    raise click.ClickException(in_one_line(text))
