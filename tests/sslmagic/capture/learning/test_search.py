"""The search: the sequence of parts that says most with the fewest words."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from sslmagic.capture.learning import search as searching
from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.search import SearchLimitError, search
from sslmagic.preamble import Endpoint
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.learnt import MOST
from sslmagic.wire.parts import Literal, Part, Unknown

CHANCE = random.Random(7)
CLIENTS = [
    Endpoint(f"203.{CHANCE.randrange(256)}.113.{n + 7}", CHANCE.randrange(1024, 65536))
    for n in range(8)
]
SHOP = Endpoint("198.51.100.2", 443)
SOURCE, PORT = Address(of="source"), Port(of="source", width=2)
BINARY = [
    bytes(map(int, one.host.split("."))) + one.port.to_bytes(2, "big")
    for one in CLIENTS
]


def found(rows: list[bytes], seconds: float = 9.0) -> tuple[Part, ...] | None:
    return search(
        seconds=seconds,
        samples=[
            Sample(octets, client, SHOP)
            for octets, client in zip(rows, CLIENTS[: len(rows)], strict=True)
        ],
    )


def test_fields_between_literals() -> None:
    rows = [b"\xb1\0" + one + b"\0\xff" for one in BINARY]
    assert found(rows) == (Literal(b"\xb1\0"), SOURCE, PORT, Literal(b"\0\xff"))


def test_a_field_is_cheaper_than_a_literal_that_is_as_long() -> None:
    rows = [b"\xb1\xc6\x33\x64\x02\x01\xbb" + one for one in BINARY]
    assert found(rows) == (
        Literal(b"\xb1"),
        Address(of="destination"),
        Port(of="destination", width=2),
        SOURCE,
        PORT,
    )


@pytest.mark.parametrize(
    ("length", "of"),
    [
        (lambda body: len(body).to_bytes(2, "big"), Length(width=2)),
        (lambda body: len(body).to_bytes(4, "little"), Length(width=4, order="little")),
        (lambda body: bytes((len(body) + 2,)), Length(of="whole", width=1)),
        (lambda body: bytes((len(body) + 9,)), Length(width=1, bias=9)),
        (lambda body: b"%03d" % len(body), Length(form="decimal", width=3)),
        (lambda body: b"%04x" % len(body), Length(form="hex", width=4)),
    ],
)
def test_lengths_that_vary(length: Callable[[bytes], bytes], of: Length) -> None:
    bodies = [one + CHANCE.randbytes(n % 5) for n, one in enumerate(BINARY)]
    rows = [b"\xb1" + length(body) + body for body in bodies]
    assert found(rows) == (Literal(b"\xb1"), of, SOURCE, PORT, Unknown())


@pytest.mark.parametrize("form", [b"%02x", b"%02X"])
def test_lengths_in_hex(form: bytes) -> None:
    bodies = [b"," + one + b"\xff" * (n + 3) for n, one in enumerate(BINARY)]
    assert {len(body) for body in bodies} >= {10, 16}
    parts = found([b"H" + form % len(body) + body for body in bodies])
    assert parts is not None
    upper = form == b"%02X"
    assert parts[1] == Length(form="hex", width=2, upper=upper)


def test_lengths_in_hex_of_two_cases_are_none() -> None:
    forms = (b"%02x", b"%02X")
    bodies = [b"," + one + b"\xff" * (n + 3) for n, one in enumerate(BINARY)]
    rows = [b"H" + forms[n % 2] % len(body) + body for n, body in enumerate(bodies)]
    forms_found = {part.form for part in found(rows) or () if isinstance(part, Length)}
    assert "hex" not in forms_found


def test_a_decimal_length_ends_at_a_literal() -> None:
    bodies = [one + b"x" * (n % 9) for n, one in enumerate(BINARY)]
    rows = [b"L%d:%s" % (len(body) + 1, body) for body in bodies]
    parts = found(rows)
    assert parts is not None
    assert parts[:5] == (
        Literal(b"L"),
        Length(form="decimal"),
        Literal(b":"),
        SOURCE,
        PORT,
    )


def test_strings_with_their_lengths() -> None:
    names = [b"a", b"bc", b"def", b"ghij", b"k", b"lm", b"n", b"op"]
    rows = [
        b"\xa5" + bytes((len(one.host),)) + one.host.encode() + bytes((len(name),))
        + name + b"\xff%d;" % one.port
        for one, name in zip(CLIENTS, names, strict=True)
    ]  # fmt: skip
    assert found(rows) == (
        Literal(b"\xa5"),
        Length(of="next", width=1),
        Address(of="source", form="text", family="ipv4"),
        Length(of="next", width=1),
        Unknown(text=True),
        Literal(b"\xff"),
        Port(of="source", form="decimal"),
        Literal(b";"),
    )


def test_what_is_unknown_in_the_middle() -> None:
    rows = [b"\xb1" + CHANCE.randbytes(6) + one for one in BINARY]
    assert found(rows) == (Literal(b"\xb1"), Unknown(width=6), SOURCE, PORT)


def test_words_of_unknown_meaning_and_no_fixed_width() -> None:
    rows = [
        b"id=%s;c=%s;p=%d\n" % (b"q" * (n + 1), one.host.encode(), one.port)
        for n, one in enumerate(CLIENTS)
    ]
    parts = found(rows)
    assert parts is not None
    assert Address(of="source", form="text", family="ipv4") in parts
    assert Unknown(text=True) in parts
    assert parts[-1] == Literal(b"\n")


def test_checksums() -> None:
    rows = [b"\xb1" + one for one in BINARY]
    summed = Checksum(algorithm="sum16", width=2)
    assert found([row + summed.of(row) for row in rows]) == (
        Literal(b"\xb1"),
        SOURCE,
        PORT,
        summed,
    )


def test_nothing_in_common_is_unknown_or_nothing() -> None:
    assert found([CHANCE.randbytes(4) for _ in range(8)]) == (Unknown(width=4),)
    assert found([b"a" * (n + 1) for n in range(8)]) is None


def test_long_runs_of_unknown_octets_do_not_keep_it_busy() -> None:
    rows = [
        b"\xb1" + (len(one) + len(tail)).to_bytes(2, "big") + one + tail
        for n, one in enumerate(BINARY)
        for tail in (CHANCE.randbytes(600 + 3 * n),)
    ]
    longer = Unknown(longest=MOST)
    begun = time.process_time()
    assert found(rows) == (Literal(b"\xb1"), Length(width=2), SOURCE, PORT, longer)
    assert time.process_time() - begun < 3


def test_a_search_that_is_not_done_in_time_is_no_verdict() -> None:
    rows = [b"\xb1" + CHANCE.randbytes(300 + n) for n in range(8)]
    with pytest.raises(SearchLimitError):
        found(rows, seconds=0.05)


def test_what_was_found_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "_PATIENCE", 50)
    rows = [
        b"\xb1" + (6 + len(tail)).to_bytes(2, "big") + one + tail
        for n, one in enumerate(BINARY)
        for tail in (CHANCE.randbytes(200 + 3 * n),)
    ]
    parts = found(rows)
    assert parts is not None
    assert parts[:4] == (Literal(b"\xb1"), Length(width=2), SOURCE, PORT)


@pytest.mark.parametrize("tail", [b"\0\0", b"\0\0\0\0", b"\0"])
def test_zeros_at_the_end_are_no_length_of_nothing(tail: bytes) -> None:
    rows = [b"\xb1" + one + tail for one in BINARY]
    assert found(rows) == (Literal(b"\xb1"), SOURCE, PORT, Literal(tail))


@pytest.mark.parametrize("filler", [bytes(4000), CHANCE.randbytes(1600)])
def test_constants_of_any_length(filler: bytes) -> None:
    rows = [b"\xb1" + filler + one for one in BINARY]
    assert found(rows) == (Literal(b"\xb1" + filler), SOURCE, PORT)
    rows = [b"\xb1" + one + filler for one in BINARY[:3]]
    assert found(rows) == (Literal(b"\xb1"), SOURCE, PORT, Literal(filler))
    tails = [filler + b"A" * (n % 3) for n in range(len(BINARY))]
    rows = [
        b"\xb1" + (6 + len(tail)).to_bytes(2, "big") + one + tail
        for one, tail in zip(BINARY, tails, strict=True)
    ]
    front = (Literal(b"\xb1"), Length(width=2), SOURCE, PORT, Literal(filler))
    assert found(rows) == (*front, Unknown(text=True))


def test_a_destination_amid_constants() -> None:
    before, behind = CHANCE.randbytes(700), CHANCE.randbytes(900)
    there = bytes(map(int, SHOP.host.split(".")))
    rows = [b"\xb1" + before + there + behind + one for one in BINARY]
    assert found(rows) == (
        Literal(b"\xb1" + before),
        Address(of="destination"),
        Literal(behind),
        SOURCE,
        PORT,
    )
