"""summary.py: what it all comes to."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, RenderableType

from sslmagic.capture.conversation import Counts
from sslmagic.capture.pairs import Pairs
from sslmagic.capture.totals import Totals
from sslmagic.preamble import Endpoint, Preamble
from sslmagic.wire import encode
from sslmagic_cli.inspect.summary import counted, matched, span, summary
from tests.sslmagic.capture.made import CLIENT, PREAMBLE, SHOP, hello, judged


def drawn(*parts: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return capture.get()


def test_totals_fit_and_say_everything() -> None:
    totals = Totals()
    for n in range(9):
        totals.add(judged(encode(PREAMBLE) + hello(f"{n}{'x' * 60}.example")))
    totals.add(judged(hello("\x1b[2J")))
    counts = Counts(packets=1234, cut=2, fragments=3, unreadable=4)
    text = drawn(*summary(totals, counts, 0))
    first = text.splitlines()[1]
    assert first.startswith("10 connections in 0.5 s, 1 fault; 1,234 packets, 2 cut")
    assert "A preamble names the client." in text
    assert "203.0.113.0/24  9" in text
    assert "5 more" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_no_fault_is_said_too() -> None:
    totals = Totals()
    totals.add(judged(hello()))
    text = drawn(*summary(totals, None, 1))
    assert "no fault, 1 front of a gateway" in text
    assert "Of these 1 at the front of a gateway." in " ".join(text.split())
    assert drawn(*summary(Totals(), None, 0)).strip() == "0 connections"


def test_no_fault_is_not_all_that_is_said_where_the_listener_refuses() -> None:
    totals = Totals()
    totals.add(judged(encode(PREAMBLE) + hello(), b"\x15\x03\x03\0\2\2\x0a"))
    said = " ".join(drawn(*summary(totals, None, 0)).split())
    assert "no fault, 1 in order that the listener turned down" in said


def test_pairs_and_what_is_odd_about_them() -> None:
    pairs = Pairs()
    pairs.add(judged(hello(), peer=CLIENT, listener=SHOP, number=1))
    other = Preamble(source=Endpoint("192.0.2.1", 5), destination=SHOP)
    pairs.add(judged(encode(other) + hello(), number=2))
    text = drawn(*matched([*pairs.matched()], 3))
    assert "203.0.113.9:51234" in text
    assert "10.0.0.5:40112" in text
    assert "its preamble names 192.0.2.1:5" in " ".join(text.split())
    assert "and 3 pairs more: --pairs" in text


def test_what_may_be_more_than_is_known_is_said() -> None:
    assert "the first 9 connections matched with none" in drawn(*matched([], 0, 9))
    assert drawn(*matched([], 0)) == ""
    totals = Totals()
    totals.add(judged(encode(PREAMBLE), conflicting=1))
    counts = Counts(packets=1, forgotten=5, incomplete=2)
    said = " ".join(drawn(*summary(totals, counts, 0)).split())
    assert "no fault, 1 with octets that came twice and differ; 1 packet" in said
    assert "5 connections given up, too many were open" in said
    assert "2 of fragments that are not all there" in said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0215, "0.0215 s"), (59, "59 s"), (150, "2 min"), (7300, "2 h 1 min")],
)
def test_a_span_has_its_unit(seconds: float, said: str) -> None:
    assert span(int(seconds * 1e9)) == said


def test_a_number_has_its_noun() -> None:
    assert (counted(1, "pair"), counted(1000, "pair")) == ("1 pair", "1,000 pairs")
