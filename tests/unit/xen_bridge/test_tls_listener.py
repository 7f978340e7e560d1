"""Who gives way at the door of a bridge while keys are not shown yet: who has most of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xen_bridge.server.tls_listener import MAX_HANDSHAKES, SHARES, TlsListener
from xen_bridge.trust.identity import Identity


class _Handshake:
    """A task that waits for its peer for ever."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.is_killed = False
        self._ended: Callable[[], object] = lambda: None

    def link(self, ended: Callable[[], object]) -> None:
        self._ended = ended

    def kill(self) -> None:
        self.is_killed = True
        self._ended()


class _Door:
    """A runtime, and a listening socket that gives one connection after the other, and ends."""

    def __init__(self, peers: list[str]) -> None:
        self._peers = iter(peers)
        self._is_open = True
        self.handshakes: list[_Handshake] = []

    def accept(self) -> tuple[Any, Any]:
        peer = next(self._peers, None)
        if peer is None:
            self._is_open = False
            raise OSError
        return self, (peer, 1)

    def fileno(self) -> int:
        return 3 if self._is_open else -1

    def queue(self, _size: int) -> None:
        return None

    def now(self) -> float:
        return 0.0

    def checkpoint(self) -> None:
        """Nobody else is here."""

    def spawn(self, _function: Any, *args: Any, connection: Any = None) -> _Handshake:
        task = _Handshake(args[1][0] if connection is self and len(args) == 2 else "")
        self.handshakes.append(task)
        return task

    def killed(self) -> list[str]:
        return [one.peer for one in self.handshakes if one.is_killed]


def door(tmp_path: Path, peers: list[str]) -> _Door:
    made: Any = _Door(peers)
    identity = Identity.load_or_create(tmp_path)
    listener = TlsListener(made, made, identity, dict, descriptors=100_000)
    listener._accept_all()
    found: _Door = made
    return found


@pytest.mark.parametrize("flood", ["198.51.100.7", "2001:db8:0:1::{:x}", "::ffff:198.51.100.7"])
def test_one_address_gives_way_to_itself(tmp_path: Path, flood: str) -> None:
    """An IPv6 network is one: who has one address of it has all the others."""
    strangers = [flood.format(number + 1) for number in range(2 * MAX_HANDSHAKES)]
    killed = door(tmp_path, ["192.0.2.1", *strangers, "192.0.2.1"]).killed()
    assert "192.0.2.1" not in killed
    assert killed == strangers[: len(strangers) - MAX_HANDSHAKES // SHARES]


def test_the_oldest_gives_way_where_all_places_are_taken(tmp_path: Path) -> None:
    peers = [f"10.0.{number // 250}.{number % 250}" for number in range(MAX_HANDSHAKES + 5)]
    assert door(tmp_path, peers).killed() == peers[:5]
