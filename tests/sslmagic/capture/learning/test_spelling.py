"""Spellings: each can be told from the others, and reads what it writes."""

from __future__ import annotations

import pytest

from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.spelling import SPELLINGS, Field, spelt, value
from sslmagic.preamble import Endpoint

NODE = Endpoint("10.0.0.5", 8443)
FOUR = Sample(b"", Endpoint("203.0.113.171", 51234), NODE)
SIX = Sample(b"", Endpoint("2001:db8::ab", 51234), NODE, None, Endpoint("::2", 443))


@pytest.mark.parametrize("field", SPELLINGS, ids=repr)
@pytest.mark.parametrize("sample", [FOUR, SIX], ids=["ipv4", "ipv6"])
def test_each_reads_what_it_writes(field: Field, sample: Sample) -> None:
    said = spelt(field, sample)
    if said is not None:
        assert field.read(said) == value(field, sample)


def test_they_are_all_different() -> None:
    assert len(set(SPELLINGS)) == len(SPELLINGS)
    said = {spelt(field, SIX) for field in SPELLINGS} - {None}
    assert len(said) > 25


def test_the_listener_stands_for_a_destination_that_is_not_known() -> None:
    ports = {
        spelt(field, FOUR)
        for field in SPELLINGS
        if field.name == "destination port" and field.form == "decimal"
    }
    assert ports == {b"8443", b"08443"}


def test_a_port_that_is_not_known_is_not_spelt() -> None:
    hostly = Sample(b"", Endpoint("203.0.113.171", 0), NODE)
    said = [spelt(field, hostly) for field in SPELLINGS if field.name == "source port"]
    assert set(said) == {None}
