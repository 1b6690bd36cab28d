"""How sure: more samples that differ make a part surer, and one sample is none."""

from __future__ import annotations

import dataclasses

import pytest

from sslmagic.capture.learning.evidence import evidence, is_known
from sslmagic.capture.learning.sample import Sample
from sslmagic.preamble import Endpoint
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Unknown
from sslmagic.wire.variant import Variant

NODE = Endpoint("10.0.0.5", 8443)
VARIANT = Variant(
    (
        Literal(b"\xb1"),
        Length(width=1),
        Address(of="source", form="text"),
        Literal(b" "),
        Port(of="source", width=2),
        Checksum(algorithm="sum8"),
        Unknown(width=1),
    )
)


def samples(*clients: Endpoint) -> list[Sample]:
    found: list[Sample] = []
    for number, one in enumerate(clients):
        body = one.host.encode() + b" " + one.port.to_bytes(2, "big")
        front = b"\xb1" + bytes((len(body) + 2,)) + body
        octets = front + bytes((sum(front) & 0xFF, number))
        found.append(Sample(octets, one, NODE))
    return found


FAR = (
    Endpoint("203.0.113.9", 51234),
    Endpoint("198.51.100.77", 40001),
    Endpoint("8.8.4.4", 1234),
)


def test_more_that_differ_are_surer() -> None:
    one, two, three = (
        [part.sure for part in evidence(VARIANT, samples(*FAR[:n]))] for n in (1, 2, 3)
    )
    assert one[0] == one[3] == 0.0
    for less, more in ((one, two), (two, three)):
        assert all(a <= b for a, b in zip(less, more, strict=True))
        assert less[0] < more[0]
    assert three[-1] == 0.0
    assert min(three[:-1]) > 0.99


def test_what_never_varies_may_be_a_literal() -> None:
    same = [Endpoint(FAR[0].host, port) for port in (50000, 50001, 50002)]
    _, length, address, _, port, *_ = evidence(VARIANT, samples(*same))
    assert (length.why, address.why) == (
        "always the same: may be a literal",
        "always the same value",
    )
    assert max(length.sure, address.sure) <= 0.9
    assert port.same_front
    assert port.distinct == 3


def lengths(length: Length, *counts: int) -> tuple[float, str]:
    """How sure a length is that counted so many octets, and why."""
    tail = (Literal(b":"), Address(of="source"), Port(of="source", width=2), Unknown())
    variant = Variant((Literal(b"L"), length, *tail))
    rows: list[Sample] = []
    for number, count in enumerate(counts):
        client = Endpoint(f"203.0.113.{number}", 40000 + number)
        rest = bytes((203, 0, 113, number)) + client.port.to_bytes(2, "big")
        field = length.write(count)
        octets = b"L" + field + b":" + rest + bytes(count - len(rest) - 1)
        rows.append(Sample(octets, client, NODE))
    found = evidence(variant, rows)[1]
    assert found.part == length
    return round(found.sure, 3), found.why


@pytest.mark.parametrize("bias", [0, 9])
def test_a_length_is_as_sure_as_its_values_differ(bias: int) -> None:
    length = Length(form="decimal", bias=bias)
    rising = [
        lengths(length, *counts)[0]
        for counts in ((41, 42), (41, 42, 43), (41, 42, 43, 44), (7, 30, 44, 95, 123))
    ]
    assert rising == sorted(set(rising))
    assert rising[0] < 0.96
    assert rising[1] < 0.99
    assert rising[-1] == 1.0
    # The same two again and again are no more than the two.
    assert lengths(length, *[41, 42] * 9)[0] == rising[0]


def test_a_bias_that_was_made_to_fit_supports_less() -> None:
    plain, biased = Length(form="decimal"), Length(form="decimal", bias=9)
    assert lengths(plain, 41, 42) == (0.95, "2 lengths from 41 to 42, all right")
    assert lengths(biased, 41, 42) == (
        0.75,
        "2 lengths from 41 to 42, all right, beside a bias",
    )
    assert lengths(biased, 41, 42, 43)[0] == 0.944


def test_a_length_that_varies_is_surer_than_one_that_never_did() -> None:
    plain = Length(form="decimal")
    assert lengths(plain, 41, 41, 41)[0] < lengths(plain, 41, 42, 41)[0]


def test_a_port_that_nobody_knows_is_a_guess() -> None:
    hostly = [
        Sample(one.octets, Endpoint(one.client.host, 0), NODE) for one in samples(*FAR)
    ]
    port = evidence(VARIANT, hostly)[4]
    assert (port.sure, port.why) == (0.5, "a guess: no port is known")


@pytest.mark.parametrize(
    ("part", "known"),
    [
        (Literal(b"A"), True),
        (Unknown(width=1), False),
        (Checksum(), False),
        (Checksum(algorithm="xor8"), True),
    ],
)
def test_what_has_a_meaning(part: Literal | Unknown | Checksum, known: bool) -> None:
    assert is_known(part) == known


def test_what_is_unknown_and_always_the_same() -> None:
    octets = [(one.octets[:-1] + b"\0", one.client) for one in samples(*FAR)]
    rows = [Sample(said, client, NODE) for said, client in octets]
    assert evidence(VARIANT, rows)[-1].why == "unknown, always the same"


def test_a_source_that_may_be_the_destination_is_a_guess() -> None:
    rows = [dataclasses.replace(one, destination=one.client) for one in samples(*FAR)]
    source = evidence(VARIANT, rows)[2]
    assert (source.part.name, source.sure) == ("source", 0.5)
    assert source.why == "a guess: clients and destination had one address"


def test_a_client_whom_the_preamble_names_is_no_witness() -> None:
    rows = [
        dataclasses.replace(one, client=one.client._replace(port=0), is_named=True)
        for one in samples(*FAR)
    ]
    source = evidence(VARIANT, rows)[2]
    assert (source.sure, source.why) == (0.9, "3 values, all as known: named for it")


@pytest.mark.parametrize(
    ("octets", "sure"),
    [
        (b"VT", 1.0),
        (b" id=", 1.0),
        (b"\r\n", 1.0),
        (b".", 1.0),
        # A flag, a virtual server, an hour, a version.
        (b"\x01", 0.9),
        (b"W\0", 0.9),
        (b"\xc0\0\x02\x50\x01\xbb", 0.9),
        (b"T03:", 0.9),
        (b"v", 0.9),
        # The gateway's own address.
        (b"\x0a\0\0\x01", 0.5),
        (b"via 10.0.0.1 ", 0.5),
    ],
)
def test_what_one_capture_cannot_tell_from_a_literal(
    octets: bytes, sure: float
) -> None:
    literal = Literal(octets)
    ports = [Port(of="source", width=2), Address(of="source")]
    variant = Variant((Literal(b"\xb1"), *ports, literal))
    gateway = Endpoint("10.0.0.1", 40000)
    rows = [
        Sample(
            b"\xb1" + client.port.to_bytes(2, "big")
            + bytes(map(int, client.host.split("."))) + octets,
            client, NODE, gateway,
        )
        for n in range(1, 9)
        for client in (Endpoint(f"203.0.113.{n}", 30000 + 999 * n),)
    ]  # fmt: skip
    first, *_, found = evidence(variant, rows)
    assert (found.part, round(found.sure, 3)) == (literal, sure)
    assert found.may_vary == found.why.startswith("constant here") == (sure < 1)
    assert not first.may_vary
