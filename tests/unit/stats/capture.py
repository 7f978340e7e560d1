"""Records what a real Open vSwitch answers, for the tests beside: run as root, by hand.

``python tests/unit/stats/capture.py`` makes a bridge for a moment, fills it with flow entries of
every kind, asks each question of both versions, and writes ``captured/*.json``: the pieces in
hexadecimal, and what the switch's own tool says of the same entries.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
from pathlib import Path

from horizon_ryu.core.stats.stats_types import stats_types_of
from horizon_ryu.wire.capabilities import capabilities_of
from horizon_ryu.wire.stats.requests import encode
from horizon_ryu.wire.stats.types import StatsType

BRIDGE = "hzcapture"
FOLDER = Path(__file__).parent / "captured"
NAMES = {1: "OpenFlow10", 4: "OpenFlow13"}
COMMON = (
    "priority=1,actions=output:1",
    "priority=2,in_port=1,actions=output:2,output:1",
    "priority=3,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,actions=drop",
    "priority=4,dl_vlan=10,dl_vlan_pcp=3,actions=strip_vlan,output:1",
    "priority=5,vlan_tci=0x0000,actions=mod_dl_src:02:00:00:00:00:09,output:1",
    "priority=6,ip,nw_src=10.1.0.0/16,nw_dst=10.2.3.4,nw_tos=32,actions=mod_nw_dst:192.0.2.7,output:1",
    "priority=7,tcp,tp_src=80,tp_dst=8080,idle_timeout=300,actions=mod_tp_dst:81,output:1",
    "priority=8,udp,tp_dst=53,hard_timeout=3600,actions=enqueue:1:7",
    "priority=9,arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,actions=CONTROLLER:128",
    "priority=10,icmp,icmp_type=8,icmp_code=0,actions=FLOOD",
    "priority=11,in_port=2,cookie=0x485a0400deadbeef,actions=resubmit:1",
)
ONLY_13 = (
    "priority=20,dl_src=02:00:00:00:00:00/ff:ff:ff:00:00:00,actions=write_actions(output:1),goto_table:3",
    "priority=21,ipv6,ipv6_src=2001:db8::/32,ipv6_dst=2001:db8::7,actions=dec_ttl,output:1",
    "priority=22,metadata=0x5/0xff,actions=write_metadata:0x7/0xf,goto_table:1",
    "priority=23,mpls,mpls_label=77,actions=pop_mpls:0x0800,output:1",
    "priority=24,dl_vlan=11,actions=set_field:4107->vlan_vid,output:1",
    "priority=25,tun_id=0x55,reg0=0x7/0xf,actions=clear_actions",
    "priority=26,sctp,sctp_src=5,actions=push_vlan:0x8100,set_field:4196->vlan_vid,output:1",
    "table=3,priority=1,vlan_tci=0x1000/0x1000,actions=group:1",
)


def main() -> None:
    """Capture both versions."""
    FOLDER.mkdir(exist_ok=True)
    for version, name in NAMES.items():
        try:
            _build(version, name)
            answers = {
                kind.value: _ask(version, kind) for kind in stats_types_of(capabilities_of(version))
            }
            truth = _run("ovs-ofctl", "-O", name, "--no-names", "dump-flows", BRIDGE)
        finally:
            _run("ovs-vsctl", "--if-exists", "del-br", BRIDGE)
        content = {"version": version, "answers": answers, "dump_flows": truth.splitlines()[1:]}
        path = FOLDER / f"ovs_{version}.json"
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _build(version: int, name: str) -> None:
    bridge = ["add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev"]
    bridge += [f"protocols={name}", "other-config:datapath-id=00000000000000ab"]
    bridge += ["other-config:hwaddr=02:00:00:00:0a:0b", "fail_mode=secure"]
    for number in (1, 2):
        port = f"hzc{number}"
        bridge += ["--", "add-port", BRIDGE, port, "--", "set", "interface", port]
        bridge += ["type=internal", f"ofport_request={number}"]
    _run("ovs-vsctl", *bridge)
    if version == 4:
        _run("ovs-ofctl", "-O", name, "add-group", BRIDGE, "group_id=1,type=all,bucket=output:1")
    for entry in (*COMMON, *(ONLY_13 if version == 4 else ())):
        _run("ovs-ofctl", "-O", name, "add-flow", BRIDGE, entry)
    frame = "020000000002020000000001080045000014000000004011000000000000ffffffff"
    _run("ovs-ofctl", "-O", name, "packet-out", BRIDGE, f"in_port=1,packet={frame},actions=TABLE")


def _ask(version: int, kind: StatsType) -> list[str]:
    """Return the pieces of the answer; of the features of 254 tables the first two are enough."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(f"/var/run/openvswitch/{BRIDGE}.mgmt")
        link.sendall(struct.pack("!BBHI", version, 0, 8, 1))
        _receive(link)
        link.sendall(encode(version, kind, 42))
        pieces = []
        while True:
            message = _receive(link)
            if message[4:8] != struct.pack("!I", 42):
                continue
            pieces.append(message)
            if message[1] not in (17, 19) or not message[11] & 1:
                break
    if kind is StatsType.TABLE_FEATURES:
        pieces = [_first_tables(pieces[0], 2)]
    return [piece.hex() for piece in pieces]


def _first_tables(piece: bytes, count: int) -> bytes:
    end = 16
    for _ in range(count):
        end += int.from_bytes(piece[end : end + 2], "big")
    head = piece[:2] + end.to_bytes(2, "big") + piece[4:10] + b"\0\0" + piece[12:16]
    return head + piece[16:end]


def _receive(link: socket.socket) -> bytes:
    head = _exactly(link, 8)
    return head + _exactly(link, int.from_bytes(head[2:4], "big") - 8)


def _exactly(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        got = link.recv(size - len(data))
        if not got:
            raise ConnectionError("the switch hung up")
        data += got
    return data


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
