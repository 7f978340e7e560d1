"""Adds to setup.cfg the one thing it cannot say: where the wheel of the repaired Ryu is.

``pip install .`` and ``pip install -e .`` work with nothing prepared: the wheel is built below
``build/`` the first time (see ``tools/ryu_wheel``).
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import setuptools

HERE = Path(__file__).resolve().parent
RYU = "ryu==4.34"
PORTABLE = "HORIZON_PORTABLE"
"""Variable that says the wheel goes elsewhere, with that of Ryu beside it (``make dist``)."""


def ryu_requirement() -> str:
    """Return the requirement that names the built wheel; ends with a message when it cannot."""
    # The build backend runs this file with neither the project nor its tools on the path.
    sys.path.insert(0, str(HERE))
    from tools.ryu_wheel import RyuWheelError, ensure_wheel

    try:
        wheel = ensure_wheel(HERE / "build" / "ryu", lambda step: print(step, flush=True))
    except RyuWheelError as error:
        sys.exit(f"Horizon needs Ryu 4.34, rebuilt for today's Python: {error}")
    finally:
        sys.path.remove(str(HERE))
    return (
        f"ryu=={wheel.name.split('-')[1]}" if PORTABLE in os.environ else f"ryu @ {wheel.as_uri()}"
    )


class HorizonDistribution(setuptools.Distribution):
    """setup.cfg, with Ryu's requirement pointing at the wheel of this tree.

    A source archive goes elsewhere, so it keeps the plain requirement.
    """

    def parse_config_files(self, *args: Any, **kwargs: Any) -> None:
        """Read setup.cfg, then replace the one requirement."""
        super().parse_config_files(*args, **kwargs)
        if "sdist" not in sys.argv:
            found = [ryu_requirement() if item == RYU else item for item in self.install_requires]
            self.install_requires = self.metadata.install_requires = found


# setuptools packs whatever an earlier build left there: a module that is gone since, a migration of
# the store that another branch has.
shutil.rmtree(HERE / "build" / "lib", ignore_errors=True)
setuptools.setup(distclass=HorizonDistribution)
