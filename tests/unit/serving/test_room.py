from __future__ import annotations

from functools import partial

from xen_bridge.serving.room import Place, Room, party_of


def idle(room: Room, host: str, ended: list[str], name: str) -> Place:
    place = room.enter(host)
    assert place is not None
    place.ended_by(lambda: ended.append(name))
    return place


def test_the_one_that_was_idle_longest_gives_way() -> None:
    room, ended = Room(2), []
    first = idle(room, "a", ended, "first")
    idle(room, "b", ended, "second")
    assert room.enter("c") is not None
    assert ended == ["first"]
    assert room.total == 2
    first.leave()
    assert room.total == 2


def test_who_is_served_keeps_its_place() -> None:
    room, ended = Room(2), []
    first = idle(room, "a", ended, "first")
    second = idle(room, "a", ended, "second")
    first.busy()
    second.busy()
    assert room.enter("b") is None
    assert not room.make_room()
    first.idle()
    assert room.enter("b") is not None
    assert ended == ["first"]


def test_idle_again_is_idle_from_then_on() -> None:
    room, ended = Room(2), []
    first = idle(room, "a", ended, "first")
    idle(room, "a", ended, "second")
    first.busy()
    first.idle()
    assert room.enter("b") is not None
    assert ended == ["second"]


def test_an_address_that_has_its_share_ends_its_own() -> None:
    room, ended = Room(10, 2), []
    idle(room, "victim", ended, "victim")
    idle(room, "attacker", ended, "one")
    idle(room, "attacker", ended, "two")
    assert room.enter("attacker") is not None
    assert ended == ["one"]


def test_a_place_nobody_can_end_yet_is_not_given_away() -> None:
    room = Room(1)
    assert room.enter("a") is not None
    assert room.enter("b") is None


def test_leaving_twice_is_leaving_once_and_frees_the_address() -> None:
    room = Room(10, 1)
    place = room.enter("a")
    assert place is not None
    assert room.enter("a") is None
    place.leave()
    place.leave()
    place.idle()
    assert room.total == 0
    assert room.enter("a") is not None


def test_of_the_doubtful_the_last_gives_way_when_nobody_is_idle() -> None:
    room, ended = Room(4), []
    known = idle(room, "a", ended, "known")
    known.busy()
    for name in ("first", "second"):
        idle(room, "a", ended, name).doubtful(partial(ended.append, name))
    idle(room, "b", ended, "silent")
    for _ in range(3):
        newcomer = room.enter("a")
        assert newcomer is not None
        newcomer.busy()
    assert ended == ["silent", "second", "first"]
    assert room.enter("a") is None


def test_the_doubtful_of_an_address_give_way_to_that_address_only() -> None:
    room, ended = Room(4, 2), []
    idle(room, "a", ended, "a").doubtful(partial(ended.append, "a"))
    for name in ("b1", "b2"):
        idle(room, "b", ended, name).doubtful(partial(ended.append, name))
    assert room.enter("b") is not None
    assert ended == ["b2"]


def test_who_is_believed_is_doubtful_no_more() -> None:
    room, ended = Room(1), []
    place = idle(room, "a", ended, "a")
    place.doubtful(partial(ended.append, "a"))
    place.busy()
    assert room.enter("b") is None
    assert ended == []


def test_a_peer_that_is_waited_for_gives_way() -> None:
    room, ended = Room(1), []
    place = idle(room, "a", ended, "a")
    place.busy()
    with place.waiting():
        assert room.enter("b") is not None
    assert ended == ["a"]


def test_addresses_of_one_ipv6_network_are_one_party() -> None:
    room = Room(10, 2)
    assert room.enter("2001:db8::1") is not None
    assert room.enter("2001:db8::ffff:2%eth0") is not None
    assert room.enter("2001:db8::3") is None
    assert room.enter("2001:db8:0:1::1") is not None


def test_an_ipv4_address_is_one_party_however_it_is_written() -> None:
    assert party_of("::ffff:192.0.2.1") == party_of("192.0.2.1") == "192.0.2.1"
    assert party_of("/run/socket") == "/run/socket"
