"""Sentences on how what was measured differs from what the report says; no I/O.

Each is made of the curves that there are: what was not measured, or came out otherwise, is not
said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from statistics import median

from experiments.sentences import Curves, ends, number, percent, ranges
from experiments.summary import CurvePoint

REPORT_GAP_MS = 200.0
"""By which the report's downtime is lower with plane separation (4.1.2)."""
REPORT_TOTAL_MS = 5.0
"""The report's total time of a migration on OpenFlow (4.1.2)."""
STEADY = 1.5
"""Medians of a curve that lie this many times apart at most are roughly constant."""
TOLERANCE = 0.1
_OFF = percent(TOLERANCE)
_FULL = 97.0
"""Per cent of a CPU from which on it has nothing to spare, as it is measured."""
_TWO = 2
_EQUAL = 50
"""Per cent of a CPU that each of two routers of equal weight has anyhow."""
_EMULATED = (
    "The Xen hosts are emulated, many times slower than the report's machines: their times are to "
    "be held against each other only."
)


def _joined(sentences: Callable[[Curves], Iterator[str]]) -> Callable[[Curves], str]:
    """Return what says all of the sentences."""

    @wraps(sentences)
    def said(curves: Curves) -> str:
        return " ".join(sentences(curves))

    return said


@_joined
def downtime(curves: Curves) -> Iterator[str]:
    """Tell of downtimes, in ms."""
    yield f"Ours, from the packets that were lost: {ranges(curves, 'ms')}."
    still = _without_any(curves)
    if still:
        yield f"Nothing was lost with {_names(still)}: the data plane did not stand still."
    for label, points in curves.items():
        if label not in still and len(points) >= _TWO:
            steady = _spread(points) <= STEADY
            yield f"{label}: {'roughly constant, as in the report' if steady else 'not constant'}."
    for where, separated, standard in _pairs(curves):
        gap = _middle(standard) - _middle(separated)
        yield (
            f"On {where} it is {number(abs(gap))} ms {'lower' if gap >= 0 else 'higher'} with "
            f"plane separation (report: {number(REPORT_GAP_MS)} ms lower, of the control plane)."
        )
    if "netns, standard" in curves:
        yield (
            "A router on netns has no memory to copy: in its place a standstill of "
            f"{number(REPORT_GAP_MS)} ms is asked for."
        )
    if _has_xen(curves):
        yield _EMULATED


@_joined
def losses(curves: Curves) -> Iterator[str]:
    """Tell of packets lost."""
    yield f"Ours: {ranges(curves, 'packets')}."
    still = _without_any(curves)
    if still:
        yield f"As in the report nothing is lost with {_names(still)}."
    for label, points in curves.items():
        if label in still:
            continue
        if not label.endswith("standard"):
            yield f"{label} loses packets here, and none in the report: see the logs of this run."
        elif len(points) >= _TWO:
            yield f"{label}: {_how_it_rises(points)}."
    if "netns, standard" in curves:
        yield "Through routers on netns packets go both ways, so that a standstill counts twice."


def _how_it_rises(points: Sequence[CurvePoint]) -> str:
    first, last = points[0], points[-1]
    if last.y.median <= first.y.median:
        return "no rise with the rate, other than in the report"
    times, rates = last.y.median / max(first.y.median, 1.0), float(last.x) / float(first.x)
    near = rates / STEADY <= times <= rates * STEADY
    how = "in proportion, as in the report" if near else "not in proportion"
    return f"{number(times)} times the losses at {number(rates)} times the rate, {how}"


@_joined
def total(curves: Curves) -> Iterator[str]:
    """Tell of total times, in ms."""
    yield f"Ours: {ranges(curves, 'ms')}."
    if "OpenFlow" in curves:
        times = _middle(curves["OpenFlow"]) / REPORT_TOTAL_MS
        yield (
            f"On OpenFlow that is {number(times)} times the report's {number(REPORT_TOTAL_MS)} ms, "
            "which is the time of sending; ours ends when every switch has confirmed that the "
            "traffic has turned."
        )
    for where, separated, standard in _pairs(curves):
        gap = (_middle(separated) - _middle(standard)) / 1000
        yield (
            f"On {where} plane separation takes {number(abs(gap))} s "
            f"{'more' if gap >= 0 else 'less'} than the standard migration (report: 15 s more, for "
            "data planes that are made equal and interfaces that are mapped anew)."
        )
    if _has_xen(curves):
        yield _EMULATED


@_joined
def bandwidth(curves: Curves) -> Iterator[str]:
    """Tell of two senders' bandwidths over time, in kb/s, and of their limits."""
    for sender in ("A", "B"):
        points, limits = curves.get(f"sender {sender}", ()), curves.get(f"limit of {sender}", ())
        wanted = {point.x: point.y.median for point in limits}
        parts = [one.y.median / wanted[one.x] for one in points if wanted.get(one.x)]
        free = [one.y.median for one in points if one.x not in wanted]
        if free:
            yield f"Sender {sender}: {number(median(free))} kb/s where it has no limit"
        if parts:
            off = sum(abs(part - 1) > TOLERANCE for part in parts)
            where = f"and {percent(median(parts))} of its limit where it has one"
            yield f"{where}; {off} of {len(parts)} such seconds are more than {_OFF} off."
    yield (
        "The report has some instability around each change. It has queues; the switch here, in "
        "user space, has none, and is controlled by meters, or by classes of the link that go by "
        "marks."
    )


@_joined
def cap(curves: Curves) -> Iterator[str]:
    """Tell of packets forwarded by two routers, of which the first has the cap."""
    yield f"Ours: {ends(curves, 'packets/s', 'cap in %')}."
    for label, word in (("r1 (varied)", "falls with its cap"), ("r2", "rises as that cap falls")):
        points = curves.get(label, ())
        if len(points) < _TWO:
            continue
        low, high = points[0].y, points[-1].y
        if label == "r2":
            low, high = high, low
        if low.high < high.low:
            yield f"The rate of {label} {word}, as in the report."
        else:
            yield f"That the rate of {label} {word} cannot be told from chance here."
    free = [one for one in curves.get("r1 (varied)", ()) if float(one.x) >= _EQUAL]
    if len(free) >= _TWO and _spread(free) <= STEADY:
        yield (
            f"From a cap of {_EQUAL} % on it hardly changes: routers of equal weight have half of "
            "the CPU each anyhow."
        )
    yield (
        "The report offers 150,000 packets a second, to a machine that is not emulated; here "
        "routers filter, so that their CPU is what bounds them. How much an emulated CPU does in "
        "its time depends on what else the machine does, so that rates stray; shares and parts do "
        "not."
    )


@_joined
def cap_shares(curves: Curves) -> Iterator[str]:
    """Tell of CPU shares, in per cent of a CPU."""
    yield "The report shows no shares."
    one, both = curves.get("r1 (varied)", ()), curves.get("both", ())
    over = [point.y.median - float(point.x) for point in one]
    if over:
        most = max(over)
        how = "never" if most <= 0 else f"at most {number(most)} % of a CPU"
        yield f"Here r1 is {how} above its cap."
    if len(both) >= _TWO:
        least, most = (pick(point.y.median for point in both) for pick in (min, max))
        yield f"Both together use {number(least)} to {number(most)} % of the CPU that they share."
    if len(one) >= _TWO and len(curves.get("r2", ())) >= _TWO:
        yield _what_the_other_took(one, curves["r2"])
    busy = [point.y.median for point in curves.get("Domain 0", ())]
    if busy and max(busy) >= _FULL:
        yield (
            "Domain 0, on a CPU of its own, has nothing to spare: it brings the packets, and is "
            "then what bounds the rates, as the report says of its own."
        )


def _what_the_other_took(one: Sequence[CurvePoint], other: Sequence[CurvePoint]) -> str:
    given = one[-1].y.median - one[0].y.median
    taken = other[0].y.median - other[-1].y.median
    what = f"Of the {number(given)} % that the cap takes from r1, r2 takes {number(taken)} %"
    return f"{what}." if given <= 0 else f"{what}, {percent(max(0.0, taken) / given)} of it."


def parts(parameter: str, curves: Curves) -> str:
    """Tell of the parts that a router has of what two do, in per cent."""
    return f"Measured here only: {ends(curves, '%', parameter)}."


def only_ours(unit: str, curves: Curves) -> str:
    """Tell of what the report does not have."""
    return f"Measured here only: {ranges(curves, unit)}."


def orders(curves: Curves) -> str:
    """Tell of packets lost by the order of changes."""
    still = _without_any(curves)
    lossless = f" Only {_names(still)} loses nothing." if len(still) == 1 else ""
    return f"Ours: {ranges(curves, 'packets')}.{lossless}"


@_joined
def distance(curves: Curves) -> Iterator[str]:
    """Tell of total times against the controller's delay, each way, both in ms."""
    yield f"Ours: {ends(curves, 'ms', 'delay in ms')}."
    for points in _long(curves):
        yield f"It rises by {number(_slope(points) / 2)} round trips to the controller."


@_joined
def flows(curves: Curves) -> Iterator[str]:
    """Tell of total times against the number of flows, in ms."""
    yield f"Ours: {ends(curves, 'ms', 'flows')}."
    for points in _long(curves):
        yield f"Each further flow takes {number(_slope(points))} ms."


@_joined
def switches(curves: Curves) -> Iterator[str]:
    """Tell of total times against the switches on the path, in ms."""
    yield f"Ours: {ends(curves, 'ms', 'switches')}."
    for points in _long(curves):
        times = points[-1].y.median / points[0].y.median
        longer = float(points[-1].x) / float(points[0].x)
        yield f"A path {number(longer)} times as long takes {number(times)} times the time:"
        yield "all entries but the ingress go out together."


def _long(curves: Curves) -> Iterator[Sequence[CurvePoint]]:
    """Yield the curves that have a beginning and an end."""
    return (points for points in curves.values() if len(points) >= _TWO)


def _pairs(
    curves: Curves,
) -> Iterator[tuple[str, Sequence[CurvePoint], Sequence[CurvePoint]]]:
    """Yield each platform with its curves of plane separation and of the standard migration."""
    for where in ("netns", "Xen"):
        separated, standard = (curves.get(f"{where}, {how}") for how in _WAYS)
        if separated and standard:
            yield where, separated, standard


_WAYS = ("plane separation", "standard")


def _has_xen(curves: Curves) -> bool:
    """Tell whether there is a curve of the lab's Xen hosts."""
    return any(label.startswith("Xen") for label in curves)


def _without_any(curves: Curves) -> list[str]:
    """Return the labels of the curves of which every value was 0."""
    return [label for label, points in curves.items() if not any(one.y.high for one in points)]


def _names(labels: Sequence[str]) -> str:
    *most, last = (f"“{label}”" for label in labels)
    return f"{', '.join(most)} and {last}" if most else last


def _middle(points: Sequence[CurvePoint]) -> float:
    return median(point.y.median for point in points)


def _spread(points: Sequence[CurvePoint]) -> float:
    medians = [point.y.median for point in points]
    return max(medians) / min(medians) if min(medians) > 0 else float("inf")


def _slope(points: Sequence[CurvePoint]) -> float:
    """Return by how much a curve rises from its first point to its last, for each of x."""
    first, last = points[0], points[-1]
    return (last.y.median - first.y.median) / (float(last.x) - float(first.x))
