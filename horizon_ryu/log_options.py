"""Ryu's options of logs, checked: ryu-manager would trip over them before we are loaded."""

from __future__ import annotations

import configparser
import os
from pathlib import Path

from oslo_config import cfg

from horizon_ryu.core.errors import InvalidInput
from xen_bridge.private_file import OpenToOthers, read_regular

_SECTIONS = ("loggers", "handlers", "formatters")
"""What logging.config.fileConfig reads first."""
_LEVELS = range(51)


def check(conf: cfg.ConfigOpts) -> None:
    """Raise InvalidInput, which names the option, for logs that cannot be written as asked."""
    if conf.log_config_file:
        _check_log_config(conf.log_config_file)
    for option in ("log_file", "log_dir", "pid_file"):
        if conf[option]:
            _check_place(option, Path(conf[option]), is_folder=option == "log_dir")
    try:
        int(conf.log_file_mode, 8)
    except ValueError as error:
        text = f"{conf.log_file_mode!r} is no mode in octal digits, as 640"
        raise InvalidInput(("log_file_mode",), text) from error
    if conf.default_log_level is not None and conf.default_log_level not in _LEVELS:
        raise InvalidInput(("default_log_level",), f"{conf.default_log_level} is not 0 to 50")


def _check_log_config(path: str) -> None:
    parser = configparser.ConfigParser()
    try:
        parser.read_string(read_regular(Path(path)).decode())
    except (OSError, OpenToOthers) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(("log_config_file",), f"{path}: {reason}") from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise InvalidInput(("log_config_file",), " ".join(str(error).split())) from error
    for section in _SECTIONS:
        if not parser.has_option(section, "keys"):
            raise InvalidInput(("log_config_file",), f"{path}: there is no [{section}] keys")


def _check_place(option: str, path: Path, is_folder: bool) -> None:
    folder = path if is_folder else path.parent
    if not folder.is_dir():
        raise InvalidInput((option,), f"{path}: there is no directory {folder}")
    if not is_folder and path.is_dir():
        raise InvalidInput((option,), f"{path}: is a directory")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise InvalidInput((option,), f"{path}: cannot be written by this user")
