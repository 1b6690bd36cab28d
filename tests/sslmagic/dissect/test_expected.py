"""expected.py: what a reader must say, as the vectors and the schema have it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from sslmagic.dissect.exchange import Exchange
from sslmagic.dissect.expected import Way, expected, expected_preamble
from sslmagic.dissect.faults.draft import Draft
from sslmagic.preamble import Preamble
from sslmagic.tlv import TLV
from sslmagic.wire import FORMATS, encode
from tests.captures.capture import SCHEMA
from tests.sslmagic.dissect.recipes import IPV4, PATH, session
from tests.vectors.vector import vectors


@pytest.mark.parametrize("format", FORMATS)
def test_the_preamble_is_said_as_the_vectors_say_it(format: str) -> None:
    (vector,) = (one for one in vectors(format) if one.id == "tcp4")
    said = expected_preamble(IPV4, format, encode(IPV4, format))
    assert {**said, "rest_length": len(vector.rest)} == vector.decoded


def test_a_checksum_is_said_as_well() -> None:
    tagged = Preamble(
        source=IPV4.source,
        destination=IPV4.destination,
        tlvs=[TLV(5, b"probe-17")],
    )
    said: Any = expected_preamble(tagged, "magic", encode(tagged, "magic", crc32c=True))
    assert [one["name"] for one in said["tlvs"]] == ["UNIQUE_ID", "CRC32C"]


def said(draft: Draft, ending: Way = "close") -> dict[str, Any]:
    return expected(draft, Exchange(), PATH, session(), ending)


DRAFT = Draft(format="magic", preamble=IPV4, octets=encode(IPV4))


@pytest.mark.parametrize("ending", ["close", "reset", "open"])
def test_the_schema_of_captures_has_it(ending: Way) -> None:
    one = {"number": 1, **said(DRAFT, ending)}
    whole = {"about": "one", "connections": [one]}
    jsonschema.validate(whole, json.loads(SCHEMA.read_text("utf-8")))
    assert one["follows"] == "tls"


def test_whose_preamble_is_not_believed_has_no_client() -> None:
    refused = Draft(format="magic", preamble=IPV4, octets=b"", verdict="tlv", offset=9)
    one = said(refused)
    assert one["offset"] == 9
    assert not {"client", "preamble", "follows", "tls"} & set(one)


def test_what_is_late_begins_behind_the_hello() -> None:
    late = Draft(format="magic", preamble=IPV4, octets=DRAFT.octets, verdict="late")
    spoken = session()
    one = expected(late, Exchange(), PATH, spoken, "close")
    assert one["offset"] == len(spoken.hello)
