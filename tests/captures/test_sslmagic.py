"""The first reader: `magic inspect`'s, on every capture."""

from __future__ import annotations

import pytest

from sslmagic.capture.conversations import Reader
from sslmagic.capture.judge import ANYBODY, Judge
from sslmagic.trust import Trust
from sslmagic.wire import FORMATS
from sslmagic_cli.inspect.record import recorded
from tests.captures.agreement import differences
from tests.captures.capture import Capture, captures


@pytest.mark.parametrize("capture", captures(), ids=lambda one: one.name)
def test_every_connection_is_what_it_is(capture: Capture) -> None:
    judge = judge_of(capture)
    reader = Reader([capture.path], wanted=judge.wanted)
    found = {said["number"]: said for said in map(recorded, map(judge.judge, reader))}
    expected = {one["number"]: one for one in capture.connections}
    assert list(differences(expected, found)) == []
    assert len(found) == len(expected)


def judge_of(capture: Capture) -> Judge:
    peers = capture.reader.get("peers")
    trust = Trust(peers, formats=FORMATS) if peers else ANYBODY
    return Judge(trust, ssl=capture.reader.get("protocol") == "ssl")
