"""Texts of statistics that are kept: what a poll makes anew, and that nobody can tell."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.stats.samples import StatsCache
from horizon_ryu.core.timers import StatsTimers
from horizon_ryu.formats.stats_forms import JsonForm, XmlForm
from horizon_ryu.switch_stats.report import StatsDocument, StatsSection
from horizon_ryu.switch_stats.section_texts import SectionTexts
from horizon_ryu.wire.stats.types import StatsType
from unit.stats.captures import pieces
from unit.stats.test_report import DPID, joined

KINDS = (
    StatsType.DESC,
    StatsType.FEATURES,
    StatsType.PORT_DESC,
    StatsType.PORTS,
    StatsType.TABLES,
    StatsType.AGGREGATE,
    StatsType.FLOWS,
)
TIMERS = StatsTimers()


@pytest.fixture
def book() -> StatsCache:
    made = StatsCache(1 << 26, 1 << 30)
    made.joined(DPID, "192.0.2.1:40000", 4)
    for kind in KINDS:
        made.take(DPID, kind, pieces(4, kind), 100.0)
    return made


def again(kind: StatsType, change: int | None = None) -> tuple[bytes, ...]:
    """Return the answer with another transaction id, and one byte of a counter changed."""
    first, *others = pieces(4, kind)
    head = bytearray(first)
    head[4:8] = b"\x12\x34\x56\x78"
    if change is not None:
        head[change] ^= 1
    return (bytes(head), *(one[:4] + b"\x12\x34\x56\x78" + one[8:] for one in others))


def document(form: Any, book: StatsCache, now: float, texts: SectionTexts, rates: bool) -> str:
    return joined(StatsDocument(form, now, TIMERS, rates, texts).everything(book.switches.values()))


@pytest.mark.parametrize("form", [JsonForm(), XmlForm()])
@pytest.mark.parametrize("rates", [False, True])
def test_kept_texts_make_the_document_that_new_ones_make(
    book: StatsCache, form: Any, rates: bool
) -> None:
    texts = SectionTexts()
    for step, kind in enumerate((None, *KINDS)):
        if kind is not None:
            book.take(DPID, kind, again(kind, len(pieces(4, kind)[0]) - 1), 101.0 + step)
        for now in (110.0, 110.25):
            kept = document(form, book, now, texts, rates)
            assert kept == document(form, book, now, SectionTexts(), rates)


@pytest.mark.parametrize("form", [JsonForm(), XmlForm()])
def test_all_switches_are_told_as_one_is(book: StatsCache, form: Any) -> None:
    writer = StatsDocument(form, 103.0, TIMERS, False)
    switch = book.switches[DPID]
    one = "".join(writer.one(switch, None, isinstance(form, XmlForm))).strip()
    all_of_them = joined(writer.everything([switch])).strip()
    assert all_of_them == (one if isinstance(form, XmlForm) else f'{{"datapaths":[{one}]}}')


def test_a_listing_writes_nothing_while_answers_stay_the_same(book: StatsCache) -> None:
    texts = SectionTexts()
    document(JsonForm(), book, 103.0, texts, False)
    first = texts.written
    for kind in KINDS:
        book.take(DPID, kind, again(kind), 105.0)
    told = document(JsonForm(), book, 106.0, texts, False)
    assert texts.written == first
    assert told.count('"age":1.0') == len(StatsSection)


def test_a_poll_writes_its_own_section_only(book: StatsCache) -> None:
    texts = SectionTexts()
    document(JsonForm(), book, 103.0, texts, False)
    first = texts.written
    book.take(DPID, StatsType.AGGREGATE, again(StatsType.AGGREGATE, 23), 105.0)
    document(JsonForm(), book, 106.0, texts, False)
    # The section, and the switch that is joined from its sections.
    assert texts.written == first + 2


def test_rates_are_told_anew_with_each_poll(book: StatsCache) -> None:
    texts = SectionTexts()
    document(JsonForm(), book, 103.0, texts, True)
    book.take(DPID, StatsType.PORTS, again(StatsType.PORTS), 105.0)
    assert '"rx_bps":0.0' in document(JsonForm(), book, 106.0, texts, True)


def test_kept_texts_have_a_cap() -> None:
    texts = SectionTexts(most=30)
    for key in range(5):
        texts.texts(key, (), lambda: ("x" * 10,))
    assert texts.characters == 30
    texts.texts("long", (), lambda: ("x" * 300_000,))
    assert texts.characters == 30
