"""extract.py: what is taken of a connection, wherever it was found."""

from __future__ import annotations

import json
import marshal

import pytest

from sslmagic.capture.judge import Judge
from sslmagic.capture.pairs import Hop
from sslmagic.capture.selection import Selection
from sslmagic.capture.totals import entry
from sslmagic.wire import encode
from sslmagic_cli.inspect.document import whole
from sslmagic_cli.inspect.extract import Extract
from sslmagic_cli.inspect.record import recorded
from tests.sslmagic.capture.made import PREAMBLE, conversation, hello

STREAM = encode(PREAMBLE) + hello()


@pytest.mark.parametrize("octets", [STREAM, b"\xcd\x03\x03\xff\xff", b""])
def test_all_that_is_wanted_can_be_sent(octets: bytes) -> None:
    found = conversation(octets, number=0)
    extract = Extract(Judge(), Selection(), json=True, row=lambda _: (["row"], [], []))
    connection = extract.judge.judge(found)
    extracted = marshal.loads(marshal.dumps(extract(found)))
    hop, counted, said, row = extracted
    known = Hop.of(connection)
    assert (hop is None) == (known is None) == (not octets)
    if known is not None:
        assert Hop.unpacked(5, hop) == known._replace(number=5)
    assert counted == entry(connection)
    assert json.loads(whole(5, said)) == recorded(connection) | {"number": 5}
    assert row == (["row"], [], [])


def test_what_is_not_asked_for_may_still_be_a_side_of_a_pair() -> None:
    extract = Extract(Judge(), Selection(faults=True), json=True, row=None)
    hop, counted, said, row = extract(conversation(STREAM))
    assert hop is not None
    assert (counted, said, row) == (None, b"", None)


def test_what_is_not_selected_has_its_row_if_that_is_wanted() -> None:
    extract = Extract(
        Judge(),
        Selection(faults=True),
        json=True,
        row=None,
        others_row=lambda one: ([str(one.verdict)], [], []),
    )
    assert extract(conversation(STREAM))[1:] == (None, b"", (["ok"], [], []))


def test_what_is_not_wanted_is_not_made() -> None:
    extract = Extract(Judge(), Selection(), json=False, row=None)
    assert extract(conversation(STREAM))[2:] == (b"", None)
