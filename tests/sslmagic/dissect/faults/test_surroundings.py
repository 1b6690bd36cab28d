"""surroundings.py: the preamble is missing, late, or has the wrong thing behind it."""

from __future__ import annotations

import pytest

from sslmagic.dissect.faults import surroundings
from sslmagic.dissect.faults.draft import Draft
from sslmagic.errors import EncodeError
from sslmagic.preamble import Preamble
from tests.sslmagic.dissect.faults.second import (
    check_valid,
    every_family,
    every_one_of,
    made,
    second,
)


@every_one_of(surroundings)
@every_family
def test_the_second_reader_agrees(name: str, format: str, preamble: Preamble) -> None:
    one = made(name, format, preamble)
    stream = one.exchange.said["peer"]
    assert one.expected["verdict"] == name
    if name in ("nested", "hello"):
        check_valid(one, format)
        offset = one.expected["offset"]
        assert isinstance(offset, int)
        assert (second(stream[offset:], format)[0] == "valid") == (name == "nested")
    elif name == "silent":
        assert stream == b""
    else:
        assert second(stream, format)[:2] == ("format", 0)


def test_nobody_looks_behind_what_is_not_believed() -> None:
    draft = Draft(
        format="magic", preamble=Preamble.local(), octets=b"", verdict="source"
    )
    for change in (surroundings.nested, surroundings.plaintext):
        with pytest.raises(EncodeError, match="not believed"):
            change(draft)
