"""Build the wheel ``ryu 4.34+horizon5``: Ryu 4.34, made to run on today's Python.

Ryu's last release neither builds nor imports with current setuptools, Python and eventlet. At
set-up we fetch its published source, check its hash, apply the fixes of ``fixes.py`` and build
a wheel; ``ryu==4.34`` accepts it. Nothing of Ryu is kept in this repository.

Standard library only: ``setup.py`` runs this in a build environment that holds nothing else.
"""

from tools.ryu_wheel.build import ensure_wheel
from tools.ryu_wheel.errors import RyuWheelError

__all__ = ["RyuWheelError", "ensure_wheel"]
