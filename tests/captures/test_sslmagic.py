"""The first reader: `magic inspect`'s, on every capture."""

from __future__ import annotations

from pathlib import Path

import pytest

from sslmagic.capture.conversations import Reader
from sslmagic.capture.judge import ANYBODY, Judge
from sslmagic.capture.pairs import Pairs
from sslmagic.trust import Trust
from sslmagic.wire import FORMATS
from sslmagic_cli.inspect.record import recorded
from tests.captures.agreement import differences
from tests.captures.capture import Capture, captures


@pytest.mark.parametrize("capture", captures(), ids=lambda one: one.name)
def test_every_connection_is_what_it_is(capture: Capture) -> None:
    judge = judge_of(capture)
    reader = Reader([capture.path], wanted=judge.wanted)
    found = sorted(
        map(recorded, map(judge.judge, reader)), key=lambda one: one["number"]
    )
    assert list(differences(capture.connections, found)) == []


@pytest.mark.parametrize(
    "capture",
    [one for one in captures() if one.pairs],
    ids=lambda one: one.name,
)
def test_both_sides_of_a_gateway_are_matched(capture: Capture) -> None:
    folder = capture.path.parent
    (name,) = {pair["front"] for pair in capture.pairs}
    front = str(folder / f"{name}.pcapng")
    judge, pairs = judge_of(capture), Pairs()
    # The back first: nobody need say which is which.
    for conversation in Reader([capture.path, front], wanted=judge.wanted):
        pairs.add(judge.judge(conversation))
    found = [
        {
            "front": Path(pair.front.capture).stem,
            "front_number": pair.front.number - len(capture.connections),
            "number": pair.back.number,
        }
        for pair in pairs.matched()
    ]
    assert found == capture.pairs


def test_there_are_pairs_of_every_format() -> None:
    # Else the test of pairs would have nothing to go by, and pass.
    formats = {
        one.connections[pair["number"] - 1]["format"]
        for one in captures()
        for pair in one.pairs
    }
    assert formats == set(FORMATS)


def judge_of(capture: Capture) -> Judge:
    told = capture.reader
    trust = ANYBODY
    if peers := told.get("peers"):
        trust = Trust(peers, told.get("direct", ()), formats=FORMATS)
    return Judge(
        trust, ssl=told.get("protocol") == "ssl", keys=not told.get("unsigned", False)
    )
