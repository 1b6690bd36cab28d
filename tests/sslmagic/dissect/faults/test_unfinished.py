"""unfinished.py: a decoder waits for more, and the connection ends as is said."""

from __future__ import annotations

from sslmagic.dissect.faults import unfinished
from sslmagic.preamble import Preamble
from tests.sslmagic.dissect.faults.second import (
    every_family,
    every_one_of,
    made,
    second,
)

ENDS = {
    "truncated": ("closed", "peer"),
    "reset": ("reset", "peer"),
    "timeout": ("closed", "listener"),
    "waiting": ("open", None),
}


@every_one_of(unfinished)
@every_family
def test_the_second_reader_agrees(name: str, format: str, preamble: Preamble) -> None:
    one = made(name, format, preamble)
    stream = one.exchange.said["peer"]
    found, where, _ = second(stream, format)
    assert (found, where) == ("truncated", len(stream))
    assert one.expected["verdict"] == name
    assert (one.expected["ended"], one.expected["ended_by"]) == ENDS[name]
    # Only where the stream itself ends is there a place to point to.
    assert ("offset" in one.expected) == (name == "truncated")
