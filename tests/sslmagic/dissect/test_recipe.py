"""recipe.py: whatever the network does, the stream and what is expected stay."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sslmagic.dissect.recipe import HTTP, Recipe, expected_preamble
from sslmagic.errors import EncodeError
from sslmagic.preamble import Preamble, Transport
from sslmagic.tlv import TLV
from sslmagic.wire import FORMATS, encode
from tests.sslmagic.dissect.recipes import IPV4, PATH, session
from tests.vectors.vector import vectors

PLAIN = Recipe(path=PATH, preamble=IPV4, session=session())


def expected(**changes: Any) -> dict[str, Any]:
    return dict(dataclasses.replace(PLAIN, **changes).made().expected)


def test_a_client_over_tls() -> None:
    said = expected(format="proxy2")
    assert said == {
        "peer": {"host": "192.0.2.2", "port": 40112},
        "listener": {"host": "192.0.2.10", "port": 8443},
        "vlans": [],
        "verdict": "ok",
        "format": "proxy2",
        "client": {"host": "203.0.113.9", "port": 51234},
        "preamble": {
            "format": "proxy2",
            "command": "PROXY",
            "transport": "TCP4",
            "source": {"host": "203.0.113.9", "port": 51234},
            "destination": {"host": "198.51.100.2", "port": 443},
            "tlvs": [],
            "length": 28,
            "proof": None,
        },
        "follows": "tls",
        "tls": session().described(),
        "packets": 3 + 2 * len(session().turns) + 3,
        "ended": "closed",
        "ended_by": "peer",
        "octets": {
            "peer": 28 + sum(len(octets) for _, octets in session().turns[::2]),
            "listener": sum(len(octets) for _, octets in session().turns[1::2]),
        },
    }


def test_a_request_in_clear() -> None:
    made = dataclasses.replace(PLAIN, session=None).made()
    assert made.expected["follows"] == "http"
    assert made.exchange.said["peer"].endswith(HTTP[0][1])
    assert made.exchange.said["listener"] == HTTP[1][1]


DISORDERS: list[dict[str, Any]] = [
    {"sizes": (1, 5, 7)},
    {"octetwise": True},
    {"reordered": True},
    {"duplicated": True},
    {"retransmitted": True},
    {"overlapping": True},
    {"overlapping": True, "reordered": True, "duplicated": True, "sizes": (3, 3, 9)},
]


@pytest.mark.parametrize("disorder", DISORDERS, ids=lambda one: "-".join(one))
def test_the_network_changes_packets_and_nothing_else(disorder: dict[str, Any]) -> None:
    plain, made = PLAIN.made(), dataclasses.replace(PLAIN, **disorder).made()
    assert made.exchange.said == plain.exchange.said
    changed = {k for k, v in made.expected.items() if v != plain.expected[k]}
    assert changed == {"packets"}
    assert made.exchange.segments != plain.exchange.segments


def test_the_preamble_alone_is_disturbed() -> None:
    made = dataclasses.replace(PLAIN, reordered=True).made()
    first = [one for one in made.exchange.data() if one.start < 24]
    behind = [one for one in made.exchange.data() if one.start >= 28]
    assert [one.start for one in first] != sorted(one.start for one in first)
    assert [one.start for one in behind] == sorted(one.start for one in behind)


@pytest.mark.parametrize(
    ("ending", "ended"),
    [
        ("close", ("closed", "peer")),
        ("reset", ("reset", "peer")),
        ("open", ("open", None)),
    ],
)
def test_ends(ending: str, ended: tuple[str, str | None]) -> None:
    said = expected(ending=ending)
    assert (said["ended"], said["ended_by"]) == ended


def test_a_conflict_says_how_many_octets_differ() -> None:
    # 203.0.113.9 against 192.0.2.66: all but one.
    assert expected(fault="conflict")["conflicting"] == 3
    assert expected(fault="conflict", octetwise=True)["conflicting"] == 3


@pytest.mark.parametrize(
    ("preamble", "verdict", "format"),
    [
        (Preamble.local(), "local", "magic"),
        (Preamble(transport=Transport.UNKNOWN), "local", "proxy1"),
        (Preamble(source=("127.0.0.1", 5), destination=("::1", 5)), "source", "magic"),
    ],
)
def test_what_is_said_decides(preamble: Preamble, verdict: str, format: str) -> None:
    assert expected(preamble=preamble, format=format)["verdict"] == verdict


def test_what_is_not_captured() -> None:
    lost = dataclasses.replace(PLAIN, fault="loss").made()
    (missing,) = (one for one in lost.exchange.segments if not one.captured)
    assert (missing.start, len(missing.octets)) == (7, 7)
    midway = dataclasses.replace(PLAIN, fault="midway").made()
    assert min(one.start for _, one in midway.exchange.timed() if one.sender == "peer")
    assert "octets" not in lost.expected


def test_faults_that_the_format_does_not_have() -> None:
    with pytest.raises(EncodeError, match="proxy1 has no fault tlv: magic and proxy2"):
        expected(format="proxy1", fault="tlv")
    with pytest.raises(EncodeError, match="late"):
        expected(fault="late", session=None)


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
    said: Any = expected(preamble=tagged, crc32c=True)["preamble"]
    assert [one["name"] for one in said["tlvs"]] == ["UNIQUE_ID", "CRC32C"]
