"""The wire needs neither Ryu nor eventlet nor any other part of Horizon: each module proves it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import horizon_ryu

ROOT = Path(horizon_ryu.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "wire").rglob("*.py")
)
FRESH_PROCESS = """
import importlib, json, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        first, _, rest = name.partition(".")
        ours = first == "horizon_ryu" and rest and rest.split(".")[0] != "wire"
        if first in ("ryu", "eventlet", "greenlet") or ours:
            raise ImportError(f"{name} is not for the wire")

sys.meta_path.insert(0, Refuse())
said = {}
for module in sys.argv[1:]:
    # Each begins anew, so that none leans on what another has imported before.
    for name in [name for name in sys.modules if name.partition(".")[0] == "horizon_ryu"]:
        del sys.modules[name]
    try:
        importlib.import_module(module)
    except ImportError as error:
        said[module] = str(error)
print(json.dumps(said))
"""


def refused(*modules: str) -> dict[str, str]:
    """Return what could not be imported where all is missing that the wire must not need."""
    done = subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS, *modules],
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_every_module_of_the_wire_is_imported_alone() -> None:
    assert {"horizon_ryu.wire.oxm", "horizon_ryu.wire.guard", "horizon_ryu.wire.stats"} < {*MODULES}
    assert refused(*MODULES) == {}


def test_what_the_wire_must_not_need_is_refused() -> None:
    others = ("horizon_ryu.core", "ryu", "eventlet", "greenlet", "horizon_ryu.timers")
    assert refused(*others) == {name: f"{name} is not for the wire" for name in others}
    assert refused("horizon_ryu") == {}
