"""The virtual switch and its load carrier speak OpenFlow as Ryu's parser understands it."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

import pytest
from ryu.ofproto import ofproto_parser, ofproto_protocol

from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.of10.statistics import (
    FlowStatsRequest10,
    PortStatsRequest10,
    StatsRequest,
)
from horizon_ryu.wire.of13.match import OxmMatch
from horizon_ryu.wire.of13.multipart import MultipartRequest
from horizon_ryu.wire.of13.statistics import FlowStatsRequest13, PortStatsRequest13
from horizon_ryu.wire.ofp13 import OFP_NO_BUFFER, OFPG, OFPMP, OFPP, OFPTT
from horizon_ryu.wire.symmetric import FeaturesRequest
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13
from virtual_switch.hot_messages import read_packet_out
from virtual_switch.load import LoadSwitch
from virtual_switch.load_network import LoadNetwork

VERSIONS = [OPENFLOW_10, OPENFLOW_13]
FRAME = b"\x01\x80\xc2\x00\x00\x0e" + bytes(6) + b"\x88\xcc" + bytes(46)
PORTS = {1: True, 2: False}


def parse(version: int, data: bytes) -> Any:
    """Return what Ryu reads in one message."""
    datapath = ofproto_protocol.ProtocolDesc(version)
    read_version, kind, size, xid = struct.unpack_from("!BBHI", data)
    assert (read_version, size) == (version, len(data))
    return ofproto_parser.msg(datapath, version, kind, size, xid, data)


def switch_of(version: int) -> LoadSwitch:
    """Return a switch with the ports, in their states."""
    switch = LoadSwitch(42, PORTS, version)
    for number, up in PORTS.items():
        switch.set_port(number, up)
    return switch


def answer_to(version: int, xid: int, request: Any) -> bytes:
    """Return what such a switch answers to a request."""
    message = codec_of(version).messages.encode(xid, request)
    return switch_of(version).switch.handle(message, 0.0).data


def stats_request(version: int, kind: int) -> Any:
    """Return a request for all statistics of a kind."""
    if version == OPENFLOW_10:
        every = codec_of(version).messages.decode(codec_of(version).encode_flow_stats_request(0))
        flows: Any = FlowStatsRequest10(every.message.body.match, OFPTT.ALL, 0xFFFF)
        bodies = {1: flows, 2: flows, 4: PortStatsRequest10(0xFFFF)}
        return StatsRequest(kind, 0, bodies.get(kind, b""))
    flows = FlowStatsRequest13(OFPTT.ALL, OFPP.ANY, OFPG.ANY, 0, 0, OxmMatch())
    bodies = {1: flows, 2: flows, 4: PortStatsRequest13(OFPP.ANY)}
    return MultipartRequest(kind, 0, bodies.get(kind, b""))


def packet_out(version: int, port: int) -> bytes:
    """Return a controller's packet-out of FRAME, written by Ryu."""
    datapath = ofproto_protocol.ProtocolDesc(version)
    parser, ofproto = datapath.ofproto_parser, datapath.ofproto
    message = parser.OFPPacketOut(
        datapath,
        buffer_id=OFP_NO_BUFFER,
        in_port=ofproto.OFPP_CONTROLLER,
        actions=[parser.OFPActionOutput(port)],
        data=FRAME,
    )
    message.serialize()
    return bytes(message.buf)


@pytest.mark.parametrize("version", VERSIONS)
def test_features_and_ports(version: int) -> None:
    features = parse(version, answer_to(version, 5, FeaturesRequest()))
    assert (features.datapath_id, features.xid) == (42, 5)
    if version == OPENFLOW_10:
        ports = features.ports.values()
    else:
        reply = answer_to(version, 6, stats_request(version, OFPMP.PORT_DESC))
        ports = parse(version, reply).body
    assert [(p.port_no, p.name.rstrip(b"\0"), p.state & 1) for p in ports] == [
        (1, b"p1", 0),
        (2, b"p2", 1),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_packet_in_and_port_status(version: int) -> None:
    message = parse(version, LoadSwitch(42, PORTS, version).packet_in(7, FRAME))
    in_port = message.in_port if version == OPENFLOW_10 else message.match["in_port"]
    assert (in_port, message.data, message.buffer_id) == (7, FRAME, OFP_NO_BUFFER)
    switch = LoadSwitch(42, (3,), version).switch
    switch.connect()
    status = parse(version, switch.set_carrier(3, False).data)
    assert (status.desc.port_no, status.desc.state & 1, status.reason) == (3, 1, 2)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_controllers_packet_out_is_read(version: int) -> None:
    assert read_packet_out(packet_out(version, 9)) == ([9], FRAME)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4])
def test_statistics_without_entries(version: int, kind: int) -> None:
    reply = answer_to(version, 8, stats_request(version, kind))
    assert parse(version, reply).xid == 8


@pytest.mark.parametrize("version", VERSIONS)
def test_lldp_passes_a_cable_and_is_lost_on_a_silent_one(version: int) -> None:
    switches = [LoadSwitch(dpid, [1, 2], version) for dpid in (1, 2)]
    network = LoadNetwork(switches, {(1, 2): (2, 1), (2, 1): (1, 2)})
    with socket.create_server(("127.0.0.1", 0)) as server:
        network.connect(server.getsockname(), time.monotonic() + 30)
        peers = [server.accept()[0] for _ in switches]
        for peer in peers:
            table = codec_of(version).messages
            peer.sendall(table.encode(3, FeaturesRequest()))
            if version == OPENFLOW_13:
                peer.sendall(table.encode(4, stats_request(version, OFPMP.PORT_DESC)))
        assert network.run(network.joined, time.monotonic() + 30)
        peers[0].sendall(packet_out(version, 2))
        answer = switches[1].packet_in(1, FRAME)
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
