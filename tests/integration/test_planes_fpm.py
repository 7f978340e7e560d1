"""A real zebra's FPM stream as the source of a FIB: equal to what its kernel has."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backstop import BACKSTOP
from network_namespace import NetworkNamespace
from xen_bridge.planes.fib import key_of
from xen_bridge.planes.fib_model import FibModel
from xen_bridge.planes.fpm_source import FpmSource

FRR = Path("/usr/lib/frr")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
    pytest.mark.skipif(not (FRR / "zebra").exists(), reason="FRR is not installed"),
]


@pytest.fixture
def router() -> Iterator[tuple[NetworkNamespace, Path]]:
    with contextlib.ExitStack() as stack:
        # Not pytest's own folder: FRR's user may not look into it.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.chown(folder, "frr", "frr")
        space = stack.enter_context(NetworkNamespace())
        space.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
        for name in ("eth0", "eth1"):
            space.ip("link", "set", name, "up")
        space.ip("address", "add", "192.0.2.1/24", "dev", "eth0")
        space.ip("address", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
        yield space, folder


@contextlib.contextmanager
def daemons(space: NetworkNamespace, folder: Path, routes: str) -> Iterator[None]:
    """Run zebra and staticd in a namespace, with static routes."""
    with contextlib.ExitStack() as stack:
        for name, text in (("zebra", "fpm address 127.0.0.1\n"), ("staticd", routes)):
            (folder / f"{name}.conf").write_text(text)
            shutil.chown(folder / f"{name}.conf", "frr", "frr")
            more = ("-M", "dplane_fpm_nl") if name == "zebra" else ()
            started = subprocess.Popen(
                (
                    *("ip", "netns", "exec", space.name, str(FRR / name)),
                    *("-f", str(folder / f"{name}.conf"), "-i", str(folder / f"{name}.pid")),
                    *("-z", str(folder / "zserv.api"), "--vty_socket", str(folder), *more),
                ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(started.wait)
            # Killed: it takes nothing back.
            stack.callback(started.kill)
            _until((folder / f"{name}.vty").exists, lambda: "a daemon has no socket")
        yield


def _until(is_so: Callable[[], bool], what: Callable[[], object]) -> None:
    until = time.monotonic() + BACKSTOP
    while not is_so():
        assert time.monotonic() < until, what()
        time.sleep(0.02)


def vtysh(folder: Path, *commands: str) -> None:
    words = [word for one in commands for word in ("-c", one)]
    subprocess.run(
        ("vtysh", "--vty_socket", str(folder), *words),
        check=True,
        capture_output=True,
        timeout=BACKSTOP,
    )


def test_routes_of_a_real_zebra_come_change_go_and_survive_its_restart(
    router: tuple[NetworkNamespace, Path],
) -> None:
    space, folder = router
    source = FpmSource(FibModel(), settle=1.0)
    model = source.model

    def reads(is_so: Callable[[], bool]) -> None:
        def look() -> bool:
            space.run(source.read, 0.05)
            return is_so()

        _until(look, lambda: (len(model.routes), model.nexthops))

    def has(prefix: str) -> bool:
        wanted = key_of(prefix)[:-5]
        return any(key[: len(wanted)] == wanted for key in model.routes)

    many = "".join(f"ip route 10.9.{n}.0/24 192.0.2.7\n" for n in range(250))
    config = f"ip route 10.1.0.0/16 192.0.2.7\nipv6 route 2001:db8:9::/48 2001:db8::7\n{many}"
    try:
        space.run(source.read, 0.0)
        with daemons(space, folder, config):
            wanted = ("10.9.249.0/24", "10.1.0.0/16", "2001:db8:9::/48", "192.0.2.0/24")
            reads(lambda: source.is_whole and all(has(one) for one in wanted))
            assert model.nexthops
            vtysh(folder, "configure terminal", "no ip route 10.1.0.0/16 192.0.2.7")
            reads(lambda: not has("10.1.0.0/16"))
            vtysh(
                folder,
                *("configure terminal", "ip route 10.9.1.0/24 192.0.2.8"),
                *("ip route 10.2.0.0/16 blackhole",),
            )
            reads(lambda: has("10.2.0.0/16"))
        before = dict(model.routes)
        # Zebra has gone: all stays. A new one does not know of one route, which goes.
        for name in ("zebra", "staticd"):
            (folder / f"{name}.vty").unlink()
        reads(lambda: not source.is_connected)
        assert model.routes == before
        model.take()
        # A zebra takes over, and tells, what the one before left in the kernel. The route without a
        # nexthop is there or not, as that one was killed; the others go with their nexthops.
        space.ip("nexthop", "flush")
        words = ("ip", "-n", space.name, "route", "del", "blackhole", "10.2.0.0/16")
        subprocess.run(words, check=False, capture_output=True)
        missing = "ip route 10.9.9.0/24 192.0.2.7\n"
        with daemons(space, folder, config.replace(missing, "").replace("10.1.0.0", "10.3.0.0")):
            gone = {key for key in before if key[:4] in (b"\x0a\x09\x09\0", b"\x0a\x02\0\0")}
            # On a machine without time it may be swept before all is told, which comes then.
            reads(lambda: has("10.3.0.0/16") and set(before) - set(model.routes) == gone)
            assert source.refused == 0
    finally:
        source.close()
