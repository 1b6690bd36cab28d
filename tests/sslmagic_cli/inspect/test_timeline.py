"""timeline.py: a bar for each of a few, and heights for many, in bounded memory."""

from __future__ import annotations

import re

import pytest

from sslmagic_cli.inspect.timeline import Timeline
from tests.sslmagic.capture.made import MS, START, hello, judged
from tests.sslmagic_cli.inspect.captured import EVIL

SECOND = 1000 * MS


def test_a_few_have_a_bar_each() -> None:
    timeline = Timeline()
    timeline.add(judged(hello(EVIL), number=1, lasted=SECOND), "doubt")
    timeline.add(judged(number=2, opened=START + SECOND, lasted=SECOND), "ok")
    svg = timeline.drawn({1: START})
    bars = re.findall(
        r'<rect class="(\w+)" x="([\d.]+)%" y="\d+" width="([\d.]+)%"', svg
    )
    assert bars == [("front", "0.000", "50.000"), ("ok", "50.000", "50.000")]
    assert "<img" not in svg
    assert "front of a gateway" in svg
    assert "01:00:02.000" in svg


def test_the_last_of_a_long_time_is_seen() -> None:
    timeline = Timeline()
    timeline.add(judged(lasted=MS), "ok")
    timeline.add(judged(number=2, opened=START + 9999 * SECOND, lasted=MS), "fault")
    assert '<rect class="fault" x="99.600%" y="48" width="0.400%"' in timeline.drawn({})


def test_none_are_no_picture() -> None:
    assert Timeline().drawn({}) == ""


@pytest.mark.parametrize("span", [25 * MS, 60 * SECOND, 86_400 * 30 * SECOND])
def test_many_are_counted_by_stretches_of_time(span: int) -> None:
    timeline = Timeline()
    count = 4000
    for n in range(count):
        # In the order of their ends, which is not that of their beginnings.
        opened = START + span * ((n * 7919) % count) // count
        timeline.add(judged(opened=opened), "fault" if n % 4 == 0 else "ok")
    svg = timeline.drawn({})
    said = re.findall(r"(\d+) (?:ok|faulty)", svg)
    assert sum(map(int, said)) == count
    assert 10 < svg.count("<g>") <= 121
    assert len(svg) < 60_000
    for place in re.findall(r'x="([\d.]+)%"', svg):
        assert 0 <= float(place) <= 100


def test_fronts_among_many_are_fronts() -> None:
    timeline = Timeline()
    for n in range(100):
        timeline.add(judged(opened=START + n * SECOND), "doubt")
    svg = timeline.drawn({n: START + n * SECOND for n in range(30)})
    for kind, count in (("front", 30), ("in doubt", 70)):
        assert sum(map(int, re.findall(rf"(\d+) {kind}", svg))) == count


def test_all_at_one_moment() -> None:
    timeline = Timeline()
    for _ in range(100):
        timeline.add(judged(lasted=0), "ok")
    assert "100 ok" in timeline.drawn({})
    timeline = Timeline()
    timeline.add(judged(lasted=0), "ok")
    assert timeline.drawn({}).count('class="ok"') == 1
