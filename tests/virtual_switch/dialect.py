"""Dialect: how one version of OpenFlow says what a switch does and is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from horizon_ryu.wire.message_table import MessageTable
from horizon_ryu.wire.of10.statistics import AggregateStats, DescStats
from virtual_switch.datapath import Datapath, RemovedEntry
from virtual_switch.flow_table import FlowChange, TableEntry
from virtual_switch.pipeline import ForController
from virtual_switch.refusal import SwitchRefusal
from virtual_switch.steps import Step
from virtual_switch.switch_ports import SwitchPort


class SwitchTexts(NamedTuple):
    """What a switch says of itself."""

    mfr_desc: str = "Horizon"
    hw_desc: str = "virtual switch"
    sw_desc: str = "1"
    serial_num: str = "0"


class FrameOut(NamedTuple):
    """A packet-out of either version."""

    buffer_id: int | None
    in_port: int
    steps: tuple[Step, ...]
    frame: bytes


class Dialect(Protocol):
    """One version. Values on the wire are those of :mod:`horizon_ryu.wire`."""

    version: int
    messages: MessageTable

    def read_flow_mod(self, mod: Any) -> FlowChange:
        """Return what a flow-mod asks for; SwitchRefusal."""

    def read_packet_out(self, message: Any) -> FrameOut:
        """Return what a packet-out asks for; SwitchRefusal."""

    def features(self, datapath: Datapath) -> Any:
        """Return the features reply."""

    def packet_in(self, asked: ForController, data: bytes, buffer_id: int | None) -> Any:
        """Return the packet-in with ``data`` of the frame."""

    def flow_removed(self, removed: RemovedEntry, now: float) -> Any:
        """Return the message that an entry is gone."""

    def port_status(self, reason: int, port: SwitchPort) -> Any:
        """Return the message that a port was changed (OFPPR)."""

    def statistics(
        self, request: Any, datapath: Datapath, texts: SwitchTexts, now: float
    ) -> Sequence[Any]:
        """Return the replies to a statistics request, in pieces; SwitchRefusal."""


Answer = Callable[[Any, Datapath, SwitchTexts, float], Sequence[Any]]
"""Makes the bodies of the replies to a statistics request, one per piece."""
REPLY_MORE = 1
"""OFPSF of 1.0 and OFPMPF of 1.3: another piece follows."""
MAX_PIECE = 60_000
"""Bytes of entries in one piece of a statistics reply; a message holds less than 65,536."""


def text(value: str, size: int) -> bytes:
    """Return a text filled up with zeros, which ends with one at least."""
    return value.encode()[: size - 1].ljust(size, b"\0")


def describe(_body: object, datapath: Datapath, texts: SwitchTexts, _now: float) -> list[DescStats]:
    """Return what a switch says of itself: both versions have one layout for it."""
    made = [text(one, 256) for one in (texts.mfr_desc, texts.hw_desc, texts.sw_desc)]
    serial, name = text(texts.serial_num, 32), text(f"s{datapath.dpid}", 256)
    return [DescStats(made[0], made[1], made[2], serial, name)]


def seconds(duration: float) -> tuple[int, int]:
    """Return a duration as whole seconds and nanoseconds."""
    whole, part = divmod(max(0.0, duration), 1.0)
    return int(whole), int(part * 1e9)


def replies(
    reply: Callable[[int, int, Any], Any],
    answer: Answer | None,
    request: Any,
    datapath: Datapath,
    texts: SwitchTexts,
    now: float,
) -> list[Any]:
    """Return the replies with what ``answer`` makes; SwitchRefusal where there is none."""
    if answer is None:
        raise SwitchRefusal("BAD_REQUEST", "BAD_MULTIPART")
    bodies = answer(request.body, datapath, texts, now)
    more = [REPLY_MORE] * (len(bodies) - 1) + [0]
    return [reply(request.type, flags, body) for flags, body in zip(more, bodies, strict=True)]


def aggregate(entries: Iterable[TableEntry]) -> list[AggregateStats]:
    """Return the sums of ``entries``: both versions have one layout for them."""
    found = list(entries)
    packets, octets = sum(e.packets for e in found), sum(e.octets for e in found)
    return [AggregateStats(packets, octets, len(found))]


def pieces(entries: Sequence[Any], largest: int) -> list[tuple[Any, ...]]:
    """Cut entries, none larger than ``largest`` bytes, into pieces; at least one piece."""
    count = max(1, MAX_PIECE // largest)
    return [tuple(entries[at : at + count]) for at in range(0, len(entries), count)] or [()]
