"""Traffic control: queueing disciplines and filters, as the kernel has them (tc(8))."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from xen_bridge.errors import RequestUnsupported
from xen_bridge.netlink import wire
from xen_bridge.netlink.dump import NetlinkSocket

RTM_GETQDISC, RTM_GETTFILTER = 38, 46
RTNLGRP_TC = 4
TCMSG = struct.Struct("=BxxxiIII")
"""Family, index, handle, parent, info."""
_TCA_KIND = 1
_INGRESS = 0xFFFF0000
"""Handle of ``ingress`` and ``clsact``; TC_H_MAJ of what their filters hang on."""
_FILTERS_OF = {"ingress": (_INGRESS,), "clsact": (0xFFFFFFF2, 0xFFFFFFF3)}


@dataclass(frozen=True, slots=True)
class Qdisc:
    """A queueing discipline of the interface ``index``, and how many filters hang on it."""

    index: int
    kind: str
    handle: int
    filters: int = 0


def qdiscs() -> list[Qdisc]:
    """Return those of the thread's namespace; none without traffic control. BridgeError."""
    asked = NetlinkSocket()
    try:
        found = map(_read, asked.dump(RTM_GETQDISC, TCMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)))
        return [_with_filters(asked, one) for one in found if one is not None]
    except RequestUnsupported:
        return []
    finally:
        asked.close()


def _read(data: bytes) -> Qdisc | None:
    if len(data) < TCMSG.size:
        return None
    _, index, handle, _, _ = TCMSG.unpack_from(data)
    kind = wire.attributes(data, TCMSG.size).get(_TCA_KIND)
    return None if kind is None else Qdisc(index, wire.text(kind), handle)


def _with_filters(asked: NetlinkSocket, qdisc: Qdisc) -> Qdisc:
    if not qdisc.handle:
        # Put there by the kernel: what hangs on it could not be named.
        return qdisc
    count = 0
    for parent in _FILTERS_OF.get(qdisc.kind, (qdisc.handle,)):
        body = TCMSG.pack(socket.AF_UNSPEC, qdisc.index, 0, parent, 0)
        try:
            count += len(asked.dump(RTM_GETTFILTER, body))
        except RequestUnsupported:
            # A discipline without classes, on which no filter can hang.
            continue
    return Qdisc(qdisc.index, qdisc.kind, qdisc.handle, count)
