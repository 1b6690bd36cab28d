"""Inputs for the fuzz target: every vector as a seed, and what can happen to it."""

from __future__ import annotations

import random
from collections.abc import Iterator

from sslmagic.wire import FORMATS
from tests.vectors.vector import raw, vectors

__all__ = ["inputs", "seeds"]

ODD = (0x00, 0x01, 0x02, 0x03, 0x0A, 0x0D, 0x10, 0x20, 0x2B, 0x30, 0x7F, 0x80, 0xFF)
LONGEST = 700
"""Longer seeds are cut: a mutation of padding finds nothing."""


def seeds() -> list[tuple[str, bytes]]:
    """Return every vector as a format and a stream."""
    found = [(vector.format, vector.octets[:LONGEST]) for vector in vectors()]
    found += [
        (test["format"], bytes.fromhex(test["wire"] + test["rest"]))
        for name in ("proof", "e5")
        for test in raw(name)
    ]
    return found


def inputs(chance: random.Random) -> Iterator[bytes]:
    """Yield inputs for ever: mutated seeds, and valid beginnings that go wrong."""
    whole = seeds()
    while True:
        format, stream = chance.choice(whole)
        octets = bytearray(stream)
        for _ in range(chance.choice((1, 1, 1, 2, 4, 8))):
            chance.choice(MUTATIONS)(octets, chance)
        if chance.random() < 0.1:
            other = chance.choice(whole)[1]
            octets[chance.randint(0, len(octets)) :] = other[
                chance.randint(0, len(other)) :
            ]
        yield bytes([FORMATS.index(format) + 3 * chance.randrange(80)]) + octets


def flip(octets: bytearray, chance: random.Random) -> None:
    if octets:
        octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)


def odd(octets: bytearray, chance: random.Random) -> None:
    if octets:
        octets[chance.randrange(len(octets))] = chance.choice(ODD)


def insert(octets: bytearray, chance: random.Random) -> None:
    at = chance.randint(0, len(octets))
    octets[at:at] = chance.randbytes(chance.choice((1, 1, 2, 3)))


def delete(octets: bytearray, chance: random.Random) -> None:
    at = chance.randint(0, len(octets))
    del octets[at : at + chance.choice((1, 1, 2, 3, 12))]


def repeat(octets: bytearray, chance: random.Random) -> None:
    at = chance.randint(0, len(octets))
    octets[at:at] = octets[at : at + chance.choice((1, 3, 7, 15))]


def cut(octets: bytearray, chance: random.Random) -> None:
    del octets[chance.randint(0, len(octets)) :]


def tail(octets: bytearray, chance: random.Random) -> None:
    """Keep a beginning, put random octets behind it."""
    octets[chance.randint(0, len(octets)) :] = chance.randbytes(chance.randint(0, 64))


def count(octets: bytearray, chance: random.Random) -> None:
    """Move a number up or down by a little: a length, if there is one."""
    if len(octets) > 1:
        at = chance.randrange(len(octets) - 1)
        number = int.from_bytes(octets[at : at + 2], "big")
        number += chance.choice((-4, -3, -2, -1, 1, 2, 3, 4))
        octets[at : at + 2] = (number & 0xFFFF).to_bytes(2, "big")


MUTATIONS = (flip, odd, insert, delete, repeat, cut, tail, count)
