"""Crossing checks: frames like any station's, known again by us alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core import frames
from horizon_ryu.core.discovery import lldp
from horizon_ryu.core.discovery.crossing_checks import CrossingChecks, PortPair, pair_of
from horizon_ryu.core.discovery.host_questions import PROBER
from horizon_ryu.core.topology import Link, PortRef
from unit.discovery.small_network import outgoing

REFS = st.builds(PortRef, st.integers(1, 50), st.integers(1, 50))
PAIRS = st.tuples(REFS, REFS).filter(lambda pair: pair[0] < pair[1])
P, Q = PortRef(1, 2), PortRef(2, 2)


@given(REFS, REFS)
def test_both_directions_are_one_pair(one: PortRef, other: PortRef) -> None:
    link = Link(one, other)
    assert pair_of(link) == pair_of(link.reversed()) == tuple(sorted(link))


@given(st.lists(PAIRS, min_size=1, max_size=20, unique=True))
def test_each_frame_says_between_which_ports_it_passed(pairs: list[PortPair]) -> None:
    checks = CrossingChecks(b"key")
    for pair in pairs:
        checks.begin(pair)
    for pair in pairs:
        sent = [outgoing(one) for one in checks.frames(pair, (None,))]
        assert [src for src, _ in sent] == list(pair)
        for (src, data), there in zip(sent, pair[::-1], strict=True):
            mac = data[6:12]
            assert checks.is_ours(mac)
            assert checks.crossed(mac, there) == pair
            assert checks.crossed(mac, src) is None
    for pair in pairs:
        macs = [outgoing(one)[1][6:12] for one in checks.frames(pair, (None,))]
        checks.end(pair)
        assert not any(map(checks.is_ours, macs))
        assert checks.frames(pair, (None,)) == []


def test_they_look_like_what_any_station_sends_to_one_other() -> None:
    checks = CrossingChecks(b"key")
    checks.begin((P, Q))
    untagged, tagged = checks.frames((P, Q), (None, 7))[:2]
    for sent, vlan in ((untagged, None), (tagged, 7)):
        data = outgoing(sent)[1]
        frame = frames.decode(data)
        assert frame is not None
        assert not lldp.is_lldp(data)
        assert frame.vlan == vlan
        assert frame.src != PROBER
        assert not frames.has_impossible_source(frame)
        assert frame.src[0] & 3 == frame.dst[0] & 3 == 2, "of local administration, one station"
        arp = frames.decode_arp(data, frame)
        assert arp is not None
        assert arp.spa == bytes(4), "so that nobody's memory changes"
        assert arp.tpa.startswith(bytes((169, 254)))
        assert 1 <= arp.tpa[2] <= 254


def test_who_begins_again_is_somebody_else() -> None:
    checks = CrossingChecks(b"key")
    checks.begin((P, Q))
    before = {outgoing(one)[1][:12] for one in checks.frames((P, Q), (None,))}
    checks.begin((P, Q))
    after = {outgoing(one)[1][:12] for one in checks.frames((P, Q), (None,))}
    assert not before & after
    assert not any(checks.is_ours(macs[6:]) for macs in before)
