"""Links of a slice: those over which its own LLDP has come, and no others."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from horizon_ryu.slicer.engine import SlicerEngine
from horizon_ryu.slicer.lldp_trailer import ProbeOrigin, TrailerSigner
from horizon_ryu.slicer.slice_reports import LINK_SECONDS, topology_report
from unit.slicing.sliced10 import DPID, Sliced, frame, output, packet_out
from unit.slicing.sliced13 import Sliced13, output13, packet_out13

LLDP = frame("00:00:00:00:00:99", 0x88CC, bytes.fromhex("0207040000000000010000"))


class Looped:
    """A switch with a cable from its port 2 to its port 3, of either version."""

    def __init__(self, is_13: bool) -> None:
        self.sliced: Sliced = Sliced13() if is_13 else Sliced()
        self._out: Callable[..., Any] = packet_out13 if is_13 else packet_out
        self._port: Callable[..., Any] = output13 if is_13 else output

    def probe(self, *ports: int) -> bytes:
        """Return what the switch is told to send when a slice sends LLDP to these ports."""
        (out,) = self.sliced.ask("c0", self._out(LLDP, *map(self._port, ports)))
        return bytes(out.data)

    def arrives(self, data: bytes, port: int) -> None:
        """Let a frame come in."""
        if isinstance(self.sliced, Sliced13):
            self.sliced.frame_in(data, port, cookie=1 << 63, table_id=0, reason=1)
        else:
            self.sliced.packet_in(data, port)

    def links(self, name: str, later: float = 0.0) -> list[Any]:
        """Return the links of a slice, so many seconds later."""
        link = SimpleNamespace(datapath=self.sliced.datapath)
        engine = cast("SlicerEngine", SimpleNamespace(switches={DPID: link}))
        found = topology_report(engine, name, self.sliced.now + later)["links"]
        return [(one["src"]["port_no"], one["dst"]["port_no"]) for one in found]


@pytest.fixture(params=[False, True], ids=["1.0", "1.3"])
def looped(request: pytest.FixtureRequest) -> Looped:
    return Looped(request.param)


def test_a_link_is_seen_by_the_slice_whose_lldp_came_over_it(looped: Looped) -> None:
    looped.arrives(looped.probe(2), 3)
    assert looped.links("c0") == [(2, 3)]
    assert looped.links("c1") == []


def test_a_link_is_forgotten_when_no_more_lldp_comes(looped: Looped) -> None:
    looped.arrives(looped.probe(2), 3)
    assert looped.links("c0", LINK_SECONDS) == [(2, 3)]
    assert looped.links("c0", LINK_SECONDS + 1) == []


def test_lldp_that_left_at_several_ports_shows_no_link(looped: Looped) -> None:
    looped.arrives(looped.probe(2, 3), 3)
    assert looped.links("c0") == []


def test_a_link_into_ports_of_others_is_none_of_the_slices(looped: Looped) -> None:
    looped.arrives(looped.probe(2), 1)
    assert looped.links("c0") == []


def test_nobody_can_say_for_a_slice_where_its_lldp_left() -> None:
    signer = TrailerSigner("here", b"key")
    sent = signer.put(LLDP, "c0", ProbeOrigin(5, 2))
    taken = signer.take(sent)
    assert taken is not None
    assert taken == (LLDP, "c0", (5, 2))
    assert signer.take(sent.replace(b"#5.2#", b"#6.2#")) is None
    assert TrailerSigner("here", b"other").take(sent) is None
    assert signer.take(TrailerSigner("here#1.2", b"key").put(LLDP, "c0", None)) is None
