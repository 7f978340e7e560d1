"""Places in which the sessions of pages are typed: real switches, real slices, real routers."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tools.docs.sessions import Run, shell
from tools.lab import Lab
from tools.router_lab import RouterLab
from tools.slicing_process import SlicingProcess
from tools.waiting import wait_until

_URL = "http://127.0.0.1:8080"
_SLICER_URL = "http://127.0.0.1:8090"


@contextmanager
def switches() -> Iterator[Run]:
    """Nine switches in a torus, with a host each that has been heard."""
    with tempfile.TemporaryDirectory(prefix="horizon-session-") as folder:
        lab = Lab(Path(folder))
        try:
            lab.build("torus", ("OpenFlow13",))
            lab.expect_true_topology()
            lab.expect_no_loss()
            yield shell(_environment(lab.controller.url), {_URL: lab.controller.url})
        finally:
            lab.close()


@contextmanager
def slices() -> Iterator[Run]:
    """A slicer, without switches as yet."""
    with (
        tempfile.TemporaryDirectory(prefix="horizon-session-") as folder,
        SlicingProcess(Path(folder)) as slicer,
    ):
        yield shell(_environment(slicer.url), {_SLICER_URL: slicer.url})


@contextmanager
def routers() -> Iterator[Run]:
    """Two hosts of network namespaces, and a router with its planes apart on the first."""
    with (
        tempfile.TemporaryDirectory(prefix="horizon-session-") as folder,
        RouterLab(Path(folder)) as lab,
    ):
        wait_until(lambda: lab.planes("one") == "separated", 30, "its planes are apart")
        label = {"hzl-": f"hzl{lab.label}-"}
        yield shell(_environment(lab.controller.url), {_URL: lab.controller.url, **label})


LABS: dict[str, Callable[[], AbstractContextManager[Run]]] = {
    "switches": switches,
    "slices": slices,
    "routers": routers,
}


def _environment(url: str) -> dict[str, str]:
    programs = str(Path(sys.executable).parent)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("HORIZON_")},
        "PATH": f"{programs}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        "HORIZON_URL": url,
        "COLUMNS": "96",
        "TERM": "dumb",
    }
