from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.openflow.output_buffer import MAX_TAKE, OutputBuffer


@given(st.lists(st.binary(min_size=1, max_size=100)), st.integers(1, 50))
def test_bytes_come_out_in_order_whatever_the_socket_takes(parts: list[bytes], step: int) -> None:
    buffer = OutputBuffer(10_000_000)
    for part in parts:
        assert buffer.append(part)
    sent = b""
    while data := buffer.take():
        sent += data[:step]
        buffer.put_back(data[step:])
    assert sent == b"".join(parts)
    assert buffer.size == 0


def test_cap() -> None:
    buffer = OutputBuffer(10)
    assert buffer.append(bytes(10))
    assert not buffer.append(b"x")
    assert buffer.take() == bytes(10)
    assert buffer.append(b"x")


def test_large_queues_are_taken_in_pieces() -> None:
    buffer = OutputBuffer(10_000_000)
    for _ in range(1000):
        buffer.append(bytes(1000))
    piece = buffer.take()
    assert MAX_TAKE <= len(piece) < MAX_TAKE + 1000
    assert buffer.size == 1_000_000 - len(piece)


def test_clear() -> None:
    buffer = OutputBuffer(10)
    buffer.append(b"abc")
    buffer.clear()
    assert buffer.take() == b""
    assert buffer.size == 0
