"""A node whose machine vanishes, as a program for a network namespace of its own.

``unshare --net python switched_off_peer.py FOLDER`` prints which error whoever asks it gets: the
cable is pulled while the connection is open, so nothing tells of the end.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.bridge_process import BridgeProcess
from xen_bridge.errors import BridgeError
from xen_bridge.protocol.documents.domains import GetNode
from xen_bridge.trust.identity import Identity

SECONDS = 60.0
"""Far longer than silence is borne."""


def main(folder: Path) -> None:
    """Ask once with the cable in, once without."""
    subprocess.run(("ip", "link", "set", "lo", "up"), check=True)
    with BridgeProcess(folder / "host", Identity.create(folder / "controller")) as host:
        client = host.client(seconds=SECONDS)
        client.ask(GetNode())
        subprocess.run(("ip", "link", "set", "lo", "down"), check=True)
        try:
            client.ask(GetNode())
        except BridgeError as error:
            print(type(error).__name__, error)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
