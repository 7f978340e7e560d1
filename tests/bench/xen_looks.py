"""Looks at many Xen hosts as the controller does, in a process that runs as the controller runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def looks(identity: Path, hosts: list[tuple[str, str]], rounds: int) -> tuple[float, float]:
    """Return the seconds of a look at all hosts, and at the slowest alone: medians of rounds."""
    asked = json.dumps({"identity": str(identity), "hosts": hosts, "rounds": rounds})
    done = subprocess.run(
        (sys.executable, "-W", "ignore", __file__), input=asked, text=True, capture_output=True
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    told = json.loads(done.stdout)
    return told["together"], told["slowest"]


def main() -> None:
    """Measure what stdin asks for, in green threads, with the controller's own classes."""
    import eventlet

    eventlet.monkey_patch()

    from horizon_ryu.settings import XenOptions
    from horizon_ryu.xen_hosts.hosts import XenHosts
    from xen_bridge.client import BridgeClient
    from xen_bridge.runtime.green import GreenRuntime
    from xen_bridge.trust.identity import Identity

    asked = json.load(sys.stdin)
    identity = Identity.load(Path(asked["identity"]))

    def connect(url: str, node_pk: str) -> Any:
        return BridgeClient(url, node_pk, identity)

    registered = XenHosts(
        _Rows(asked["hosts"]),
        XenOptions(),
        connect,
        lambda _kind, _data: None,
        GreenRuntime(),
        time.monotonic,
        eventlet.spawn,
    )
    registered.load()
    hosts = list(registered.hosts().values())
    together, alone = [], []
    for _ in range(asked["rounds"] + 1):
        began = time.monotonic()
        pile = [eventlet.spawn(registered.poll, host) for host in hosts]
        for one in pile:
            one.wait()
        together.append(time.monotonic() - began)
        alone.append(max(_alone(registered, host) for host in hosts))
    if any(host.status.state != "connected" for host in hosts):
        raise RuntimeError(f"a host is away: {hosts[0].status.reason}")
    # The first look opens the connections.
    print(json.dumps({"together": _median(together[1:]), "slowest": _median(alone[1:])}))


def _alone(registered: Any, host: Any) -> float:
    began = time.monotonic()
    registered.poll(host)
    return time.monotonic() - began


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


class _Rows:
    """Stands for the store."""

    def __init__(self, hosts: list[tuple[str, str]]) -> None:
        self._hosts = hosts

    def xen_hosts(self) -> list[dict[str, str]]:
        """Return the hosts."""
        return [
            {"name": f"h{number}", "url": url, "node_pk": node_pk}
            for number, (url, node_pk) in enumerate(self._hosts)
        ]


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2])]
    main()
