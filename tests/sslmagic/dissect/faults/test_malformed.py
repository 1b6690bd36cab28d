"""malformed.py: a decoder refuses each where it is said to."""

from __future__ import annotations

import pytest

from sslmagic.dissect.faults import FAULTS, malformed
from sslmagic.dissect.faults.draft import Draft
from sslmagic.errors import EncodeError
from sslmagic.preamble import Preamble
from tests.sslmagic.dissect.faults.second import (
    every_family,
    every_one_of,
    made,
    second,
)


@every_one_of(malformed)
@every_family
def test_the_second_reader_agrees(name: str, format: str, preamble: Preamble) -> None:
    one = made(name, format, preamble)
    found, where, _ = second(one.exchange.said["peer"], format)
    assert (found, where) == (one.expected["verdict"], one.expected["offset"])
    assert found == name


@pytest.mark.parametrize("name", ["length", "address"])
def test_a_fault_of_addresses_needs_some(name: str) -> None:
    draft = Draft(format="magic", preamble=Preamble.local(), octets=bytes(12))
    with pytest.raises(EncodeError, match="without addresses"):
        FAULTS[name].change(draft)
