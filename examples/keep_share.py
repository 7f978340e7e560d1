"""Keeps a virtual router's share of the processor at a target, by its cap and its weight.

    keep_share.py HOST ROUTER PERCENT [--weight 512] [--seconds 60]

The cap is a promise of the hypervisor's, in percent of one processor. Somebody else may change it,
and a router that is begun again may have lost it: this program looks, and puts it right.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time

if __name__ == "__main__":
    # Ctrl-C ends it without a word, also while the rest is loaded.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from horizon_client import Client, ClientError, ControllerConnection, xen


def keep(horizon: Client, host: str, router: str, percent: int, weight: int) -> bool:
    """Put weight and cap right if they are others; tell whether they were."""
    now = horizon.ask(xen.domain(host, router)).scheduler
    if (now.weight, now.cap) == (weight, percent):
        return False
    horizon.ask(xen.change(host, router, weight=weight, cap=percent))
    print(f"{router} on {host}: cap {now.cap} -> {percent}, weight {now.weight} -> {weight}")
    return True


def main() -> None:
    """Look every second; a host that is away now may be there soon."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("router")
    parser.add_argument("percent", type=int, help="of one processor")
    parser.add_argument("--weight", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long")
    given = parser.parse_args()
    end = time.monotonic() + given.seconds
    with Client(ControllerConnection.from_environment()) as horizon:
        while time.monotonic() < end:
            try:
                keep(horizon, given.host, given.router, given.percent, given.weight)
            except ClientError as error:
                print(error)
            time.sleep(1.0)


if __name__ == "__main__":
    try:
        main()
    except ClientError as error:
        sys.exit(f"{error}")
