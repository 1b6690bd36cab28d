"""The rules by which Linux puts a stream together, in small."""

from __future__ import annotations

import random

import pytest

from tests.harness.content import stream
from tests.harness.frames import ACK, FIN, RST, SYN
from tests.harness.model import Joins, always, is_decided, model, never
from tests.harness.script import Piece, Script, shuffled


def read(*pieces: Piece, joins: Joins = always, sack: bool = False) -> bytes:
    options: tuple[tuple[str, object], ...] = (("SAckOK", b""),) if sack else ()
    script = Script(stream=b"", pieces=list(pieces), options=options)
    return model(script, joins=joins)


def said(start: int, octets: bytes, flags: int = ACK) -> Piece:
    return Piece(start, octets, flags)


@pytest.mark.parametrize(
    ("pieces", "octets"),
    [
        ([said(0, b"ab"), said(2, b"c")], b"abc"),
        ([said(2, b"c"), said(0, b"ab")], b"abc"),
        ([said(0, b"ab"), said(0, b"XXc")], b"abc"),
        ([said(1, b"b"), said(0, b"XYc")], b"XYc"),
        ([said(2, b"cd"), said(3, b"X"), said(0, b"ab")], b"abcd"),
        ([said(3, b"X"), said(2, b"cde"), said(0, b"ab")], b"abcde"),
        ([said(2, b"cd"), said(3, b"Xe"), said(0, b"ab")], b"abcde"),
        ([said(2, b"cd"), said(2, b"XYe"), said(0, b"ab")], b"abXYe"),
        ([said(0, b"ab", ACK | FIN), said(2, b"c")], b"ab"),
        ([said(2, b"", ACK | FIN), said(0, b"ab"), said(2, b"c")], b"ab"),
        ([said(1, b"bcd"), said(2, b"", ACK | FIN), said(0, b"a")], b"abcd"),
        ([said(0, b"a"), said(1, b"", RST), said(1, b"b")], b"a"),
        ([said(0, b"a"), said(2, b"", RST), said(1, b"b")], b"ab"),
        ([said(-1, b"", SYN), said(0, b"a"), said(2, b"c")], b"a"),
    ],
)
def test_a_stream(pieces: list[Piece], octets: bytes) -> None:
    assert read(*pieces) == octets


def test_a_reset_at_the_end_of_what_waits() -> None:
    pieces = [said(2, b"c"), said(3, b"", RST), said(0, b"ab")]
    assert read(*pieces, sack=True) == b""
    assert read(*pieces, sack=False) == b"abc"


def test_what_depends_on_memory_is_undecided() -> None:
    pieces = [said(1, b"bc"), said(3, b"de"), said(2, b"XY"), said(0, b"a")]
    assert read(*pieces) == b"abcde"
    assert read(*pieces, joins=never) == b"abcYe"
    assert not is_decided(Script(stream=b"", pieces=pieces))


def test_a_script_without_conflicts_is_decided_and_says_its_stream() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        script = shuffled(stream(chance), chance, conflicts=False, resets=False)
        assert is_decided(script)
        assert model(script) == script.stream


def test_most_scripts_are_decided() -> None:
    chances = [random.Random(seed) for seed in range(300)]
    scripts = [shuffled(stream(chance), chance) for chance in chances]
    assert sum(map(is_decided, scripts)) > 280
    kinds = {piece.flags for script in scripts for piece in script.pieces}
    assert {ACK, ACK | FIN, RST, SYN} <= kinds


def test_a_script_is_the_same_for_the_same_seed() -> None:
    one, other = (random.Random("7") for _ in range(2))
    assert shuffled(stream(one), one) == shuffled(stream(other), other)
