"""Place of the store: the file that its URL names, if it is one, who may read that, and what is
told of it."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import NoSuchModuleError, SAWarning, SQLAlchemyError

from horizon_ryu.core.errors import InvalidInput
from xen_bridge.private_file import read_regular

_OPTION = ("store", "url")
_OWNER = stat.S_IRUSR | stat.S_IWUSR
_SQLITE = b"SQLite format 3\0"
"""How a database begins that is not empty."""
_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database, with the rights of that."""


def check_url(text: str) -> None:
    """Raise InvalidInput unless ``text`` is a URL of a database, and its file one that can be."""
    try:
        url = sa.make_url(text)
        dialect = url.get_dialect()
    except NoSuchModuleError as error:
        kind = sa.make_url(text).drivername
        reason = f"no URL of a database: {kind} is none, as sqlite is"
        raise InvalidInput(_OPTION, reason) from error
    except (SQLAlchemyError, ImportError) as error:
        # The text may hold a password.
        reason = str(error).partition("'")[0].strip() or "not known to SQLAlchemy"
        raise InvalidInput(_OPTION, f"no URL of a database: {reason}") from error
    try:
        dialect.import_dbapi()
    except ImportError as error:
        raise InvalidInput(_OPTION, f"{url.get_backend_name()} needs a driver: {error}") from error
    path = file_of(url)
    if path is not None and not path.is_absolute():
        _check_start(path)
    _check_query(url)
    if path is not None:
        _check_file(path)


def _check_start(path: Path) -> None:
    try:
        Path.cwd()
    except OSError as error:
        reason = f"{path}: the directory that this is started in is gone; name an absolute path"
        raise InvalidInput(_OPTION, reason) from error


def _check_query(url: URL) -> None:
    """Check what follows a ? in the URL of an SQLite file: what is not known would be ignored."""
    if url.get_backend_name() != "sqlite":
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            url.get_dialect()().create_connect_args(url)
    except (SAWarning, SQLAlchemyError, ValueError, TypeError) as error:
        names = ", ".join(url.query)
        raise InvalidInput(_OPTION, f"after the ? ({names}): {reason_of(error)}") from error


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InvalidInput(_OPTION, f"{path}: is a directory; name a file in it")
    if path.exists() and not path.is_file():
        raise InvalidInput(_OPTION, f"{path}: is no regular file")
    if not path.parent.is_dir():
        raise InvalidInput(_OPTION, f"{path}: there is no directory {path.parent}")
    if path.is_file() and not _is_database(path):
        raise InvalidInput(_OPTION, f"{path}: is no SQLite database; move it, or name another")
    writable = path if path.exists() else path.parent
    if not os.access(writable, os.W_OK):
        raise InvalidInput(_OPTION, f"{path}: {writable} cannot be written by this user")


def _is_database(path: Path) -> bool:
    """Tell whether a file may be an SQLite database: empty, or one by its first bytes."""
    try:
        return read_regular(path, most=len(_SQLITE)) in (b"", _SQLITE)
    except OSError as error:
        raise InvalidInput(_OPTION, f"{path}: {error.strerror}") from error


def file_at(text: str) -> Path | None:
    """Return the file of the database at a URL that :func:`check_url` took; None if it has none."""
    return file_of(sa.make_url(text))


def file_of(url: URL) -> Path | None:
    """Return the file of an SQLite database; None where the URL names none."""
    name = url.database
    if url.get_backend_name() != "sqlite" or not name or name == ":memory:":
        return None
    return None if name.startswith("file:") else Path(name)


def keep_to_owner(path: Path) -> None:
    """Make the file, if it is missing, and let nobody but its owner read it; OSError.

    SQLite gives what it makes beside a database the rights of that.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER))
    for one in (path, *(path.with_name(path.name + end) for end in _BESIDE)):
        if one.exists() and stat.S_IMODE(one.stat().st_mode) & ~_OWNER:
            one.chmod(_OWNER)


def without_password(url: str) -> str:
    """Return a URL as it may be logged."""
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return "(not a URL)"


def reason_of(error: Exception) -> str:
    """Return in one line why a database could not be opened, read or written."""
    text = str(getattr(error, "orig", None) or error).partition("\n")[0]
    if "Can't locate revision" in text:
        return "it was written by a newer Horizon; upgrade, or name another store"
    if "not a database" in text:
        return "the file is no SQLite database; move it away, or name another store"
    return text
