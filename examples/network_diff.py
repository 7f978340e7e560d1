"""Snapshots of a network, and what is different between two of them.

    network_diff.py save FILE          write what is there now
    network_diff.py diff FILE [FILE]   tell what is different since, or in another file

Exit status of ``diff``: 1 if anything is; 2 for a controller or a file that cannot be read.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    # Ctrl-C ends it without a word, also while the rest is loaded.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from horizon_client import Client, ClientError, ControllerConnection, flows, topology

Things = dict[str, dict[str, str]]
"""What there is of each kind: what it is called, and what is said of it."""


def snapshot(horizon: Client) -> Things:
    """Return switches, links, hosts and flows; no counters, which always differ."""
    seen = horizon.ask(topology.read())
    laid = horizon.ask(flows.list_all()).flows
    return {
        "switch": {one.dpid: f"OpenFlow {one.openflow}" for one in seen.switches},
        "link": {
            f"{one.src.dpid}:{one.src.port_no}": f"{one.dst.dpid}:{one.dst.port_no}"
            for one in seen.links
        },
        "host": {one.mac: f"{one.dpid}:{one.port_no} {','.join(one.ips)}" for one in seen.hosts},
        "flow": {one.id: " ".join(hop.dpid for hop in one.path) for one in laid},
    }


def saved(file: Path) -> Things:
    """Return what was saved in a file; ValueError if that is something else."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise ValueError(f"{file} is no snapshot")
    return found


def differences(before: Things, after: Things) -> Iterator[str]:
    """Yield a line for each thing that is new (+), gone (-) or another (~)."""
    for kind, now in after.items():
        was = before.get(kind, {})
        for name in sorted(was.keys() | now.keys()):
            if name not in was:
                yield f"+ {kind} {name}: {now[name]}"
            elif name not in now:
                yield f"- {kind} {name}: {was[name]}"
            elif was[name] != now[name]:
                yield f"~ {kind} {name}: {was[name]} -> {now[name]}"


def main() -> None:
    """Save, or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("save", "diff"))
    parser.add_argument("file", type=Path)
    parser.add_argument("other", type=Path, nargs="?")
    given = parser.parse_args()
    if given.action == "diff" and given.other is not None:
        now = saved(given.other)
    else:
        with Client(ControllerConnection.from_environment()) as horizon:
            now = snapshot(horizon)
    if given.action == "save":
        given.file.write_text(json.dumps(now, indent=2), encoding="utf-8")
        return
    lines = list(differences(saved(given.file), now))
    print("\n".join(lines) or "no difference")
    sys.exit(bool(lines))


if __name__ == "__main__":
    try:
        main()
    except (ClientError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
