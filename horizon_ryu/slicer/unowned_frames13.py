"""Frames of nobody on a switch of OpenFlow 1.3: those that the first table has dropped, counted.

The switch counts them at the entry that drops them, and is asked now and then.
"""

from __future__ import annotations

from horizon_ryu.slicer.classifier13 import SLICER_COOKIE, UNOWNED
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.of13.match import OxmMatch
from horizon_ryu.wire.of13.multipart import MultipartRequest
from horizon_ryu.wire.of13.statistics import FlowStatsRequest13
from horizon_ryu.wire.ofp13 import OFPG, OFPMP, OFPP
from horizon_ryu.wire.versions import OPENFLOW_13

ASK_SECONDS = 5.0
"""Between two questions."""
_PACKETS_AT = 16
_COOKIE = SLICER_COOKIE | UNOWNED
_QUESTION = codec_of(OPENFLOW_13).messages.encode(
    0,
    MultipartRequest(
        int(OFPMP.AGGREGATE),
        0,
        FlowStatsRequest13(0, int(OFPP.ANY), int(OFPG.ANY), _COOKIE, _COOKIE, OxmMatch()),
    ),
)


class UnownedFrames13:
    """The count of one switch."""

    def __init__(self, link: SlicedLink) -> None:
        self._link = link
        self._due = 0.0
        self.count = 0
        """Frames that the switch had dropped when it was asked last."""

    def look(self, now: float) -> None:
        """Ask the switch, if that is due."""
        if now >= self._due:
            self._due = now + ASK_SECONDS
            self._link.forward(self, _QUESTION)

    def answered(self, _asked: Asked, message: bytes, _now: float) -> None:
        """Take the switch's answer."""
        self.count = int.from_bytes(message[_PACKETS_AT : _PACKETS_AT + 8], "big")

    def refused(self, _asked: Asked, _message: bytes, _now: float) -> None:
        """Know no more than before."""
