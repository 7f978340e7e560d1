"""Ryu's options: those that ryu-manager knows, for whoever reads a configuration without it."""

from __future__ import annotations

from oslo_config import cfg
from ryu import cfg as ryu_cfg
from ryu import flags, log  # noqa: F401 - each import registers the options of its module
from ryu.base import app_manager  # noqa: F401 - Ryu's own circle of imports starts here

from ryu.app import wsgi  # noqa: F401 # isort: skip
from ryu.controller import controller  # noqa: F401
from ryu.topology import switches  # noqa: F401

# ryu.cmd.manager cannot be imported for them: it patches the process that imports it.
_MANAGERS = (
    cfg.ListOpt("app-lists", default=[]),
    cfg.MultiStrOpt("app", default=[]),
    cfg.StrOpt("pid-file"),
    cfg.BoolOpt("enable-debugger", default=False),
    cfg.StrOpt("user-flags"),
)


def read_as_ryu_manager(path: str) -> cfg.ConfigOpts:
    """Return the options of the file at ``path``, with Ryu's known.

    Raises cfg.Error where the file, or a value of Ryu's in it, cannot be read.
    """
    conf = cfg.ConfigOpts()
    registered = vars(ryu_cfg.CONF)
    sections = {None: registered["_opts"]}
    sections |= {name: vars(group)["_opts"] for name, group in registered["_groups"].items()}
    for section, options in sections.items():
        conf.register_opts([one["opt"] for one in options.values()], group=section)
    conf.register_opts([one for one in _MANAGERS if one.dest not in registered["_opts"]])
    conf(["--config-file", path], default_config_files=[])
    return conf
