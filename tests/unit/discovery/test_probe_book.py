"""The book of probes: each is accepted once, soon, and from the port it left by."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.discovery.probes import OutstandingProbes, ProbeVerdict
from horizon_ryu.core.topology import PortRef

A, B, C = PortRef(1, 1), PortRef(2, 1), PortRef(3, 1)


def test_a_probe_is_fresh_once() -> None:
    book = OutstandingProbes(validity=5.0)
    number = book.issue(A, 0.0)
    assert book.hear(A, number, B, 0.1) == (ProbeVerdict.FRESH, B)
    assert book.hear(A, number, B, 0.2) == (ProbeVerdict.REPEATED, B)


def test_a_second_place_tells_the_first() -> None:
    book = OutstandingProbes(validity=5.0)
    number = book.issue(A, 0.0)
    book.hear(A, number, B, 0.1)
    assert book.hear(A, number, C, 0.1) == (ProbeVerdict.SHARED, B)


def test_it_is_accepted_only_from_the_port_it_left_by() -> None:
    book = OutstandingProbes(validity=5.0)
    number = book.issue(A, 0.0)
    assert book.hear(C, number, B, 0.1)[0] is ProbeVerdict.UNKNOWN
    assert book.hear(A, number + 1, B, 0.1)[0] is ProbeVerdict.UNKNOWN
    assert book.hear(A, number, B, 0.1)[0] is ProbeVerdict.FRESH


def test_too_late_is_unknown() -> None:
    book = OutstandingProbes(validity=5.0)
    number = book.issue(A, 0.0)
    assert book.hear(A, number, B, 5.1)[0] is ProbeVerdict.UNKNOWN


def test_forgetting_a_port_voids_what_is_under_way() -> None:
    book = OutstandingProbes(validity=5.0)
    number = book.issue(A, 0.0)
    book.forget(A)
    book.issue(A, 0.0)
    assert book.hear(A, number, B, 0.1)[0] is ProbeVerdict.UNKNOWN


def test_unheard_counts_since_the_last_heard() -> None:
    book = OutstandingProbes(validity=5.0)
    first = [book.issue(A, float(at)) for at in range(3)][-1]
    assert book.unheard(A) == 3
    book.hear(A, first, B, 2.1)
    assert book.unheard(A) == 0
    book.issue(A, 3.0)
    assert book.unheard(A) == 1
    assert book.unheard(B) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.integers(1, 20))
def test_a_page_stays_small(steps: list[float], kept: int) -> None:
    book, now = OutstandingProbes(validity=2.0, kept=kept), 0.0
    issued = []
    for step in steps:
        now += step
        issued.append((now, book.issue(A, now)))
    known = [at for at, number in issued if book.hear(A, number, B, now)[0] is ProbeVerdict.FRESH]
    assert len(known) <= kept
    assert known == [at for at, _ in issued[-kept:] if now - at <= 2.0]


def test_old_probes_cost_no_memory() -> None:
    book = OutstandingProbes(validity=1.0)
    for second in range(1000):
        book.issue(A, float(second))
    assert len(book._pages[A].probes) <= 3


def test_a_signature_is_known_while_its_probe_is_outstanding() -> None:
    book = OutstandingProbes(validity=5.0)
    number = book.issue(A, 0.0)
    assert not book.knows(A, number, b""), "it was not signed yet"
    book.left(A, b"t" * 16, b"frame")
    assert book.knows(A, number, b"t" * 16)
    for others in ((A, number, b"u" * 16), (A, number + 1, b"t" * 16), (B, number, b"t" * 16)):
        assert not book.knows(*others)
    book.forget(A)
    assert not book.knows(A, number, b"t" * 16)
