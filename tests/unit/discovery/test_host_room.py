"""Room for stations: whoever fills a port, a switch or the network takes it from nobody else."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.discovery.host_room import Admitted, HostRoom, RoomLimits
from horizon_ryu.core.topology import PortRef


def key(number: int) -> bytes:
    return (0x0A0000000000 + number).to_bytes(6, "big")


class Crowd:
    """A room whose stations enter as it admits them."""

    def __init__(self, hosts: int, per_switch: int, per_port: int) -> None:
        self.room = HostRoom(RoomLimits(hosts, per_switch, per_port))
        self.places: dict[bytes, PortRef] = {}

    def come(self, number: int, ref: PortRef) -> bool:
        admitted = self.room.admit(ref)
        if admitted.evicted is not None:
            self.room.leave(admitted.evicted, self.places.pop(admitted.evicted))
        if admitted.may_enter:
            self.room.enter(key(number), ref)
            self.places[key(number)] = ref
        return admitted.may_enter


def test_a_port_has_its_cap() -> None:
    crowd = Crowd(100, 50, 3)
    assert [crowd.come(number, PortRef(1, 1)) for number in range(5)] == [True] * 3 + [False] * 2
    assert crowd.room.refused == {"port": 2}


def test_invented_stations_on_one_switch_keep_nobody_elsewhere_out() -> None:
    crowd = Crowd(65_536, 8_192, 2_048)
    for number in range(65_536):
        crowd.come(number, PortRef(1, 1 + number % 40))
    assert len(crowd.places) == 8_192
    assert all(crowd.come(100_000 + number, PortRef(2, 1)) for number in range(100))
    assert crowd.come(200_000, PortRef(1, 99)), "an honest port of the same switch"


def test_invented_stations_on_all_switches_but_one_keep_nobody_out_there() -> None:
    crowd = Crowd(1_000, 300, 100)
    for number in range(10_000):
        crowd.come(number, PortRef(1 + number % 9, 1 + number % 7))
    assert len(crowd.places) == 1_000
    assert all(crowd.come(100_000 + number, PortRef(99, 1)) for number in range(50))
    assert len(crowd.places) == 1_000
    for number in range(10_000, 20_000):
        crowd.come(number, PortRef(1 + number % 9, 1 + number % 7))
    assert sum(ref.dpid == 99 for ref in crowd.places.values()) == 50


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(1, 3), st.integers(1, 3))))
def test_counts_are_those_of_a_plain_count(steps: list[tuple[bool, int, int, int]]) -> None:
    room = HostRoom(RoomLimits(9, 6, 4))
    places: dict[bytes, PortRef] = {}
    for comes, number, dpid, port_no in steps:
        if comes and key(number) not in places:
            ref = PortRef(dpid, port_no)
            admitted = room.admit(ref)
            if admitted.evicted is not None:
                gone = places.pop(admitted.evicted)
                room.leave(admitted.evicted, gone)
            if admitted.may_enter:
                room.enter(key(number), ref)
                places[key(number)] = ref
        elif not comes and key(number) in places:
            room.leave(key(number), places.pop(key(number)))
        assert len(places) <= 9
        assert max(Counter(ref.dpid for ref in places.values()).values(), default=0) <= 6
        for ref in {PortRef(a, b) for a in range(1, 4) for b in range(1, 4)}:
            assert set(room.at(ref)) == {one for one, at in places.items() if at == ref}


def test_who_leaves_makes_room() -> None:
    room = HostRoom(RoomLimits(1, 1, 1))
    here = PortRef(1, 1)
    room.enter(key(1), here)
    assert room.admit(here) == Admitted(False, crowded=here)
    assert room.at(here) == (key(1),)
    room.leave(key(1), here)
    room.leave(key(1), here)
    assert room.admit(here) == Admitted(True)
    assert room.at(here) == ()
