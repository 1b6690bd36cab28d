"""disbelieved.py: a decoder takes each, and whose address it says is another matter."""

from __future__ import annotations

import pytest

from sslmagic.dissect.faults import disbelieved
from sslmagic.dissect.faults.draft import Draft
from sslmagic.errors import EncodeError
from sslmagic.preamble import Preamble
from tests.sslmagic.dissect.faults.second import (
    check_valid,
    every_family,
    every_one_of,
    made,
)


@every_one_of(disbelieved)
@every_family
def test_the_second_reader_agrees(name: str, format: str, preamble: Preamble) -> None:
    one = made(name, format, preamble)
    check_valid(one, format)
    assert one.expected["verdict"] == name


def test_nobody_is_spoofed_where_nobody_is_named() -> None:
    draft = Draft(format="magic", preamble=Preamble.local(), octets=bytes(12))
    with pytest.raises(EncodeError, match="nobody is spoofed"):
        disbelieved.spoofed(draft)
