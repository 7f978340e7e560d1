"""The lists of authorized nodes and of routers: files that people and commands edit."""

from __future__ import annotations

import errno
import os

import pytest

from xen_bridge.atomic_write import replace_file
from xen_bridge.errors import InvalidRequest
from xen_bridge.server.routers import RouterList, check_router
from xen_bridge.trust import list_file
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import KeyList


@pytest.fixture
def keys(tmp_path):
    return [Identity.create(tmp_path / name).node_pk for name in "abc"]


def test_a_list_that_is_not_there_is_empty(tmp_path):
    assert dict(KeyList(tmp_path / "none").names()) == {}
    assert dict(RouterList(tmp_path / "none").routers()) == {}


def test_keys_are_added_once_and_taken_away(tmp_path, keys):
    known = KeyList(tmp_path / "list")
    assert known.add(keys[0], "the  controller # of today")
    assert not known.add(keys[0])
    assert known.add(keys[1])
    assert dict(known.names()) == {keys[0]: "the controller of today", keys[1]: ""}
    assert known.remove(keys[0])
    assert not known.remove(keys[0])
    assert dict(KeyList(tmp_path / "list").names()) == {keys[1]: ""}


def test_a_file_edited_by_hand_is_read_again(tmp_path, keys):
    path = tmp_path / "list"
    known = KeyList(path)
    assert dict(known.names()) == {}
    path.write_text(f"# ours\n\n{keys[0]} controller\nnonsense here\n{keys[1]}\n")
    assert dict(known.names()) == {keys[0]: "controller", keys[1]: ""}
    path.write_bytes(b"\xff\xfe\n" + keys[2].encode() + b"\n")
    assert dict(known.names()) == {keys[2]: ""}
    os.unlink(path)
    assert dict(known.names()) == {}


def test_a_damaged_line_is_told_of(tmp_path, keys, caplog):
    path = tmp_path / "list"
    path.write_text(f"{keys[0]}\nMIIB\n")
    assert set(KeyList(path).names()) == {keys[0]}
    assert "line 2 is passed over" in caplog.text


def test_a_moment_without_descriptors_shuts_nobody_out(tmp_path, keys, caplog, monkeypatch):
    path = tmp_path / "list"
    path.write_text(f"{keys[0]} controller\n")
    known = KeyList(path)
    assert set(known.names()) == {keys[0]}
    path.write_text(f"{keys[0]} controller\n{keys[1]}\n")

    def fails(*_args, **_options):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(list_file, "read_regular", fails)
        for _ in range(3):
            assert set(known.names()) == {keys[0]}
    assert caplog.text.count("cannot be read") == 1
    assert set(known.names()) == {keys[0], keys[1]}


def test_routers_are_kept(tmp_path, keys):
    known = RouterList(tmp_path / "routers")
    known.put(check_router("r1", "https://10.0.0.11:7444", keys[0]))
    known.put(check_router("r2", "https://[fd00::2]:7444/", keys[1]))
    known.put(check_router("r1", "https://10.0.0.12:7444", keys[2]))
    again = RouterList(tmp_path / "routers").routers()
    assert {name: (one.url, one.node_pk) for name, one in again.items()} == {
        "r1": ("https://10.0.0.12:7444", keys[2]),
        "r2": ("https://[fd00::2]:7444", keys[1]),
    }
    assert known.remove("r1")
    assert not known.remove("r1")
    assert set(known.routers()) == {"r2"}


def test_a_failed_replacement_leaves_the_old_file(tmp_path):
    path = tmp_path / "list"
    replace_file(path, "old\n")
    with pytest.raises(UnicodeEncodeError):
        replace_file(path, "new\n\ud800")
    assert path.read_text() == "old\n"
    replace_file(path, "new\n")
    assert path.read_text() == "new\n"


@pytest.mark.parametrize(
    ("name", "url", "field"),
    [
        ("a/b", "https://h:1", "name"),
        ("-r", "https://h:1", "name"),
        ("", "https://h:1", "name"),
        ("r1", "http://h:1", "url"),
        ("r1", "https://h", "url"),
        ("r1", "https://:1", "url"),
        ("r1", "https://h:0", "url"),
        ("r1", "https://h:99999", "url"),
        ("r1", "https://h:x", "url"),
        ("r1", "https://h:1/path", "url"),
        ("r1", "https://h:1?q", "url"),
        ("r1", "https://user@h:1", "url"),
        ("r1", "https://h h:1", "url"),
        ("r1", "https://h:1\n", "url"),
        ("r1", "https://[::1:1", "url"),
        ("r1", "https://a..b:1", "url"),
        ("r1", "https://-a:1", "url"),
    ],
)
def test_what_cannot_be_reached_is_refused(name, url, field, keys):
    with pytest.raises(InvalidRequest) as refused:
        check_router(name, url, keys[0])
    assert refused.value.loc == (field,)


def test_a_router_with_an_odd_name_goes_by_its_uuid(keys, tmp_path):
    with pytest.raises(InvalidRequest, match="goes by its UUID"):
        check_router("my router", "https://h:1", keys[0])
    uuid = "7f07538e-d65a-4a85-83a9-dc320db2695e"
    known = RouterList(tmp_path / "routers")
    known.put(check_router(uuid, "https://h:1", keys[0]))
    assert set(RouterList(tmp_path / "routers").routers()) == {uuid}


def test_what_people_wrote_beside_the_entries_stays(tmp_path, keys):
    path = tmp_path / "list"
    path.write_text(f"# ours\n\n{keys[0]} one # who\nMIIB damaged\n{keys[1]}\n")
    known = KeyList(path)
    assert known.add(keys[2], "three")
    assert known.remove(keys[1])
    assert path.read_text() == (f"# ours\n\n{keys[0]} one # who\nMIIB damaged\n{keys[2]} three\n")
    routers = tmp_path / "routers"
    routers.write_text(f"# ours\nr1 https://h:1 {keys[0]}\n")
    RouterList(routers).put(check_router("r1", "https://h:2", keys[1]))
    assert routers.read_text() == f"# ours\nr1 https://h:2 {keys[1]}\n"


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path, keys, caplog):
    path = tmp_path / "list"
    path.write_text(f"{keys[0]}\n")
    known = KeyList(path)
    assert set(known.names()) == {keys[0]}
    path.unlink()
    os.mkfifo(path)
    assert set(known.names()) == {keys[0]}
    assert "not a regular file" in caplog.text


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_cannot_be_read_keeps_no_descriptor(tmp_path, make):
    """It is tried again each time somebody asks."""
    make(tmp_path / "list")
    known = KeyList(tmp_path / "list")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        assert dict(known.names()) == {}
    assert len(os.listdir("/proc/self/fd")) == before
