"""The simulated switch of the benchmarks speaks OpenFlow as Ryu's parser understands it."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

import pytest
from ryu.ofproto import ofproto_parser, ofproto_protocol

from bench import wire_messages as wire
from bench.wire_switch import WireNetwork, WireSwitch

VERSIONS = [wire.OPENFLOW_10, wire.OPENFLOW_13]
FRAME = b"\x01\x80\xc2\x00\x00\x0e" + bytes(6) + b"\x88\xcc" + bytes(46)
PORTS = {1: True, 2: False}


def parse(version: int, data: bytes) -> Any:
    """Return what Ryu reads in one message."""
    datapath = ofproto_protocol.ProtocolDesc(version)
    read_version, kind, size, xid = struct.unpack_from("!BBHI", data)
    assert (read_version, size) == (version, len(data))
    return ofproto_parser.msg(datapath, version, kind, size, xid, data)


def packet_out(version: int, port: int) -> bytes:
    """Return a controller's packet-out of FRAME, written by Ryu."""
    datapath = ofproto_protocol.ProtocolDesc(version)
    parser, ofproto = datapath.ofproto_parser, datapath.ofproto
    message = parser.OFPPacketOut(
        datapath,
        buffer_id=wire.NO_BUFFER,
        in_port=ofproto.OFPP_CONTROLLER,
        actions=[parser.OFPActionOutput(port)],
        data=FRAME,
    )
    message.serialize()
    return bytes(message.buf)


@pytest.mark.parametrize("version", VERSIONS)
def test_features_and_ports(version: int) -> None:
    features = parse(version, wire.features_reply(version, 5, 42, PORTS))
    assert (features.datapath_id, features.xid) == (42, 5)
    if version == wire.OPENFLOW_10:
        ports = features.ports.values()
    else:
        body = wire.stats_body(version, wire.STATS_PORT_DESC, 42, PORTS)
        ports = parse(version, wire.stats_reply(version, 6, wire.STATS_PORT_DESC, body)).body
    assert [(p.port_no, p.name.rstrip(b"\0"), p.state & 1) for p in ports] == [
        (1, b"p1", 0),
        (2, b"p2", 1),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_packet_in_and_port_status(version: int) -> None:
    message = parse(version, wire.packet_in(version, 7, FRAME))
    in_port = message.in_port if version == wire.OPENFLOW_10 else message.match["in_port"]
    assert (in_port, message.data, message.buffer_id) == (7, FRAME, wire.NO_BUFFER)
    status = parse(version, wire.port_status(version, 3, False, 42))
    assert (status.desc.port_no, status.desc.state & 1, status.reason) == (3, 1, 2)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_controllers_packet_out_is_read(version: int) -> None:
    assert wire.packet_out(version, packet_out(version, 9)[8:]) == ([9], FRAME)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", [wire.STATS_DESC, 1, wire.STATS_AGGREGATE, 3, 4])
def test_statistics_without_entries(version: int, kind: int) -> None:
    body = wire.stats_body(version, kind, 42, PORTS)
    assert parse(version, wire.stats_reply(version, 8, kind, body)).xid == 8


@pytest.mark.parametrize("version", VERSIONS)
def test_lldp_passes_a_cable_and_is_lost_on_a_silent_one(version: int) -> None:
    switches = [WireSwitch(dpid, [1, 2], version) for dpid in (1, 2)]
    network = WireNetwork(switches, {(1, 2): (2, 1), (2, 1): (1, 2)})
    with socket.create_server(("127.0.0.1", 0)) as server:
        network.connect(server.getsockname(), time.monotonic() + 30)
        peers = [server.accept()[0] for _ in switches]
        for peer in peers:
            peer.sendall(wire.message(version, wire.FEATURES_REQUEST, 3))
            if version == wire.OPENFLOW_13:
                body = struct.pack("!HHI", wire.STATS_PORT_DESC, 0, 0)
                peer.sendall(wire.message(version, 18, 4, body))
        assert network.run(network.joined, time.monotonic() + 30)
        peers[0].sendall(packet_out(version, 2))
        answer = wire.packet_in(version, 1, FRAME)
        assert network.run(lambda: arrived(peers[1], answer), time.monotonic() + 30)
        network.silence((2, 1))
        peers[0].sendall(packet_out(version, 2))
        assert network.run(lambda: network.probes[1, 2] == 2, time.monotonic() + 30)
        network.step(0)
        assert not arrived(peers[1], answer)
        for peer in peers:
            peer.close()
    network.close()


def arrived(peer: socket.socket, message: bytes) -> bool:
    """Tell whether the last thing the switch sent is ``message``."""
    peer.setblocking(False)
    try:
        return peer.recv(65536).endswith(message)
    except BlockingIOError:
        return False
