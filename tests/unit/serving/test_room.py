from __future__ import annotations

from xen_bridge.serving.room import Place, Room


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
