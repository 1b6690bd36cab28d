"""stream.py: one direction, put together as the Linux kernel does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic.capture.conversation import Side
from sslmagic.capture.flow import Flow
from sslmagic.capture.stream import PENDING_OCTETS, PENDING_PARTS, Stream, side

SECOND = 10**9
STREAM = bytes(range(97, 123)) * 4


def stream(need: int = 1000, first: int = 100) -> Stream:
    flow = Flow(vlans=b"", number=1, opened=0, place=0)
    one = Stream(b"", flow, lambda _: need, need)
    one.begins_at(first)
    one.open_up()
    return one


def took(*parts: tuple[int, bytes], need: int = 1000, since: int = SECOND) -> Side:
    one = stream(need)
    for time, (offset, octets) in enumerate(parts):
        one.take(offset, octets, len(octets), time, since)
    return side(one.facts())


@given(st.data())
def test_any_order_and_overlap_of_equal_data_is_the_stream(data: st.DataObject) -> None:
    """Whatever the sequence numbers, those that wrap around as well."""
    ends = sorted(data.draw(st.sets(st.integers(1, 103), max_size=8)) | {104})
    parts = list(zip([0, *ends[:-1]], ends, strict=True))
    span = st.tuples(st.integers(0, 103), st.integers(1, 104)).filter(
        lambda span: span[0] < span[1]
    )
    parts += data.draw(st.lists(span, max_size=4))
    one = stream(first=data.draw(st.integers(0, 0xFFFFFFFF)))
    for begin, end in data.draw(st.permutations(parts)):
        offset = one.offset((one.first + begin) & 0xFFFFFFFF)
        one.take(offset, STREAM[begin:end], end - begin, 1, SECOND)
    found = side(one.facts())
    assert found.octets == STREAM
    assert (found.length, found.missing, found.conflicting) == (104, None, 0)
    assert [there for there, _ in found.arrivals][-1] == 104


class TestConflicts:
    """Octets that come twice with different values."""

    def test_what_is_in_order_stays(self) -> None:
        found = took((0, b"aaaa"), (2, b"BBBB"))
        assert (found.octets, found.conflicting) == (b"aaaaBB", 2)

    def test_what_comes_in_order_goes_before_what_waits(self) -> None:
        found = took((2, b"BBBB"), (0, b"aaaa"))
        assert (found.octets, found.conflicting) == (b"aaaaBB", 2)


def test_only_what_was_wanted_is_kept() -> None:
    found = took((0, b"abcd"), (4, b"efgh"), (8, b"ijkl"), need=6)
    assert (found.octets, found.arrivals, found.length) == (
        b"abcdef",
        [(4, 0), (6, 1)],
        12,
    )


def test_a_front_that_is_enough_is_kept_as_it_is() -> None:
    asked: list[bytes] = []

    def wanted(octets: bytes) -> int:
        asked.append(octets)
        return 0 if len(octets) >= 4 else 4

    one = Stream(b"", Flow(vlans=b"", number=1, opened=0, place=0), wanted, 2)
    one.begins_at(0)
    for offset, octets in ((0, b"a"), (1, b"b"), (2, b"c"), (3, b"def")):
        one.take(offset, octets, len(octets), 0, SECOND)
    assert side(one.facts()).octets == b"abcdef"
    assert asked == [b"ab", b"abcdef"]
    assert one.pending is None


@pytest.mark.parametrize("need", [0, 1000])
def test_what_came_before_is_counted(need: int) -> None:
    found = took((0, b"abcd"), (0, b"abcd"), (8, b"ij"), (4, b"efgh"), need=need)
    assert (found.retransmitted, found.reordered, found.duplicated) == (1, 1, 0)
    assert found.length == 10


@pytest.mark.parametrize("need", [0, 1000])
def test_a_copy_at_once_is_the_captures(need: int) -> None:
    found = took((0, b"abcd"), (0, b"abcd"), need=need, since=1000)
    assert (found.retransmitted, found.duplicated, found.conflicting) == (0, 1, 0)


def test_a_copy_with_other_data_is_none() -> None:
    found = took((0, b"abcd"), (0, b"abXd"), since=1000)
    assert (found.retransmitted, found.duplicated, found.conflicting) == (1, 0, 1)


@pytest.mark.parametrize("need", [0, 1000])
def test_a_keep_alive_probe_is_no_data(need: int) -> None:
    found = took((0, b"abcd"), (3, b"\0"), need=need, since=75 * SECOND)
    assert (found.retransmitted, found.conflicting, found.length) == (0, 0, 4)


def test_what_is_missing_is_said_to_be() -> None:
    found = took((0, b"ab"), (4, b"ef"))
    assert (found.octets, found.missing, found.length) == (b"ab", 2, 6)


def test_what_was_cut_off_is_missing() -> None:
    one = stream()
    one.take(0, b"ab", 100, 0, SECOND)
    one.take(100, b"cd", 2, 0, SECOND)
    found = side(one.facts())
    assert (found.octets, found.missing, found.length) == (b"ab", 2, 102)
    assert one.pending is None


@pytest.mark.parametrize(
    ("size", "gap"), [(1, 1), (PENDING_OCTETS // 8, 0)], ids=["parts", "octets"]
)
def test_what_waits_is_bounded(size: int, gap: int) -> None:
    one = stream(1 << 30)
    offset = 10
    for _ in range(PENDING_PARTS + 2):
        one.take(offset, bytes(size), size, 0, SECOND)
        offset += size + gap
    assert one.pending is None
    assert side(one.facts()).missing == 0
    assert side(one.facts()).length == offset - gap


def test_a_stream_may_be_longer_than_its_numbers() -> None:
    one = stream(0, first=0xFFFFFF00)
    total = 0
    for _ in range(5):
        assert one.offset((one.first + total) & 0xFFFFFFFF) == total
        one.take(total, b"", 0x7000_0000, 0, SECOND)
        total += 0x7000_0000
    assert side(one.facts()).length == total


def test_what_is_counted_outside_is_counted() -> None:
    """As the readers of plain packets do."""
    one = stream(0, first=0xFFFFFFF0)
    one.next += 0x20
    assert one.reach() == 0x20
    assert one.offset(0x10) == 0x20
    one.take(0x20, b"", 1, 0, SECOND)
    assert one.next == 0x11


def test_a_fin_ends_it() -> None:
    one = stream()
    one.take(0, b"ab", 2, 0, SECOND)
    one.close_at(2, 2)
    assert side(one.facts()).ends
    one = stream()
    one.close_at(2, 2)
    found = side(one.facts())
    assert (found.ends, found.missing, found.length) == (False, 0, 2)


class TestFins:
    """A FIN among data, as tcp_data_queue and tcp_fin take it."""

    @staticmethod
    def read(*parts: tuple[int, bytes, bool]) -> Side:
        one = stream()
        for offset, octets, fin in parts:
            if fin:
                one.close_at(offset + len(octets), offset)
            if octets:
                one.take(offset, octets, len(octets), 0, SECOND)
        return side(one.facts())

    @pytest.mark.parametrize(
        ("parts", "octets"),
        [
            ([(0, b"ab", True), (2, b"c", False)], b"ab"),
            ([(2, b"", True), (0, b"ab", False), (2, b"c", False)], b"ab"),
            ([(3, b"d", False), (0, b"ab", True), (2, b"c", False)], b"ab"),
            ([(2, b"cd", False), (0, b"ab", True)], b"ab"),
            ([(3, b"d", False), (2, b"", True), (0, b"ab", False)], b"ab"),
        ],
    )
    def test_nothing_behind_it_is_read(
        self, parts: list[tuple[int, bytes, bool]], octets: bytes
    ) -> None:
        found = self.read(*parts)
        assert (found.octets, found.ends, found.missing) == (octets, True, None)
        assert found.length == len(octets)

    @pytest.mark.parametrize(
        "parts",
        [
            [(1, b"bcd", False), (2, b"", True), (0, b"a", False)],
            [(2, b"", True), (1, b"bcd", False), (0, b"a", False)],
            [(1, b"b", True), (1, b"bcd", False), (0, b"a", False)],
            [(2, b"", True), (0, b"abcd", False)],
            [(0, b"abcd", False), (2, b"", True)],
        ],
    )
    def test_it_is_gone_where_data_have_its_place(
        self, parts: list[tuple[int, bytes, bool]]
    ) -> None:
        found = self.read(*parts)
        assert (found.octets, found.ends) == (b"abcd", False)


def test_a_segment_with_a_fin_is_longer_than_one_without() -> None:
    one = stream()
    one.take(1, b"X", 1, 0, SECOND)
    one.close_at(2, 1)
    one.take(1, b"b", 1, 0, SECOND)
    one.take(1, b"Y", 1, 0, SECOND)
    one.take(0, b"a", 1, 0, SECOND)
    assert side(one.facts()).octets == b"ab"


def test_a_segment_that_fills_a_gap_is_no_copy() -> None:
    """However soon it comes, and though it ends where the last one did."""
    found = took((8, b"ij"), (0, b"abcdefghij"), since=100)
    assert (found.octets, found.duplicated) == (b"abcdefghij", 0)
