"""How sure each part of a layout is: what supports it, against a chance match.

A field that matched holds so many bits in all samples that differ; a place of the
preamble and a spelling were tried so many times. A literal is as sure as it is
unlikely that octets which vary were the same in every sample; but what varies with the
hour, the gateway or the virtual server is the same in one capture, and so nothing but a
signature and what divides words is surer than what never varied.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sslmagic.address import pack_host
from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.spelling import SPELLINGS
from sslmagic.preamble import Endpoint
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.variant import Variant

__all__ = ["Evidence", "evidence", "is_known"]

_VARIES = 16.0
"""Values that an octet takes which varies: fewer than 256, since clocks are slow."""
_ALWAYS_THE_SAME = 0.9
"""How sure a field is at most whose value never varied: a literal may look like it."""

_GUESS = 0.5
"""How sure is what looks like one thing, and may be another."""


@dataclasses.dataclass(frozen=True, slots=True)
class Evidence:
    """What the samples say of one part."""

    part: Part
    example: bytes
    """What stood there in the first sample."""
    sure: float
    """0 to 1; 0 of what is unknown."""
    distinct: int
    """How many different values stood there."""
    why: str
    """The support in words."""
    longest: int
    """Octets of the longest that stood there."""
    same_front: bool = False
    """Whether it is a port, and all of them have the same high octet."""
    may_vary: bool = False
    """Whether it is a literal that only this capture may have been the same in."""


def is_known(part: Part) -> bool:
    """Return whether a part has a meaning."""
    return not isinstance(part, Unknown) and not (
        isinstance(part, Checksum) and part.refusal is not None
    )


def evidence(variant: Variant, samples: Sequence[Sample]) -> list[Evidence]:
    """Return the evidence for each part in *samples*, which the variant reads."""
    rows = [
        [
            sample.octets[start:end]
            for _, start, end in variant.walk(sample.octets).spans
        ]
        for sample in samples
    ]
    most = max(len(sample.octets) for sample in samples)
    tried = most * len(SPELLINGS) / 2
    several = len({sample.octets for sample in samples})
    found: list[Evidence] = []
    for part, column in zip(variant.parts, zip(*rows, strict=True), strict=True):
        distinct = len(set(column))
        sure, why = _judged(part, list(column), several, tried)
        if part.name == "source port" and not any(one.client.port for one in samples):
            sure, why = _GUESS, "a guess: no port is known"
        may_vary = isinstance(part, Literal) and not _is_signature(part, len(found))
        if may_vary:
            sure, why = _in_one_capture(part, sure, why, samples)
        if part.name == "source":
            sure, why = _doubted(sure, why, samples)
        front = isinstance(part, Port) and len({part.read(o) >> 8 for o in column}) == 1
        longest = max(len(one) for one in column)
        found.append(
            Evidence(part, column[0], sure, distinct, why, longest, front, may_vary)
        )
    return found


def _is_signature(part: Literal, at: int) -> bool:
    """Whether a literal is the word of a format, or divides its words."""
    text = part.octets.decode("latin-1").strip("\r\n\t ")
    if len(part.octets) == 1:
        return at == 0 or not text or (text.isprintable() and not text.isalnum())
    is_digit = any(character.isdigit() for character in text)
    return text.isascii() and text.isprintable() and not is_digit


def _in_one_capture(
    part: Part, sure: float, why: str, samples: Sequence[Sample]
) -> tuple[float, str]:
    """Doubt what an hour, or one gateway, may have kept the same."""
    assert isinstance(part, Literal)
    peers = {one.peer.host for one in samples if isinstance(one.peer, Endpoint)}
    for peer in peers if len(peers) == 1 else ():
        if pack_host(peer) in part.octets or peer.encode() in part.octets:
            return min(sure, _GUESS), "constant here, with the gateway's own address"
    return min(sure, _ALWAYS_THE_SAME), f"constant here: {why}"


def _doubted(sure: float, why: str, samples: Sequence[Sample]) -> tuple[float, str]:
    """Doubt a source that may be something else which looks alike."""
    sides = [(one.client.host, one.destination or one.listener) for one in samples]
    if all(host == there.host for host, there in sides):
        return min(sure, _GUESS), "a guess: clients and destination had one address"
    if any(one.is_named and not one.client.port for one in samples):
        return min(sure, _ALWAYS_THE_SAME), f"{why}: named for it"
    return sure, why


def _judged(
    part: Part, column: list[bytes], several: int, tried: float
) -> tuple[float, str]:
    distinct = len(set(column))
    if isinstance(part, (Address, Port)):
        bits = 8 * _size(part, column) + _varied_bits(column)
        sure = 1 - min(1.0, tried * 2.0**-bits)
        if distinct == 1:
            return min(sure, _ALWAYS_THE_SAME), "always the same value"
        return sure, f"{distinct} values, all as known"
    if isinstance(part, Length):
        return _judged_length(part, {part.count(field) for field in column})
    if isinstance(part, Literal):
        if several == 1:
            return 0.0, "seen once: nothing tells it from what varies"
        return 1 - _VARIES ** -(several - 1), f"the same in {several} preambles"
    if is_known(part):
        sure = 1 - min(1.0, tried * 2.0 ** (-8 * part.least * distinct))
        return sure, f"right in {several} preambles"
    if distinct == 1:
        return 0.0, "unknown, always the same"
    return 0.0, f"unknown: {distinct} values"


def _judged_length(part: Length, counts: set[int]) -> tuple[float, str]:
    """Judge a length by how its values differ.

    Another number that takes as many values in the same range would have to be right by
    chance for each of them but the first: one in two for lengths of 41 and 42. How many
    samples agree says nothing, since what makes one longer may be what it counts.
    """
    if len(counts) == 1:
        sure = _ALWAYS_THE_SAME * (1 - 2.0 * 256.0**-part.least)
        return sure, "always the same: may be a literal"
    room = max(counts) - min(counts) + 1
    chance = float(room) ** -(len(counts) - 1)
    said = f"{len(counts)} lengths from {min(counts)} to {max(counts)}, all right"
    if part.bias:
        # Any number is right once, beside a bias that was made to fit it.
        return 1 - (1 - _GUESS) * chance, f"{said}, beside a bias"
    return 1 - (1 - _ALWAYS_THE_SAME) * chance, said


def _size(part: Address | Port, column: list[bytes]) -> int:
    """Return the octets of the value itself, however it is spelt."""
    if isinstance(part, Port):
        return 2
    return 16 if len(part.read(column[0])) == 16 else 4


def _varied_bits(column: list[bytes]) -> float:
    """Return the bits of what differs among values, beyond the first one."""
    distinct = sorted(set(column))
    width = max(len(one) for one in distinct)
    varied = sum(len({one[at : at + 1] for one in distinct}) > 1 for at in range(width))
    return 3.0 * min(varied, 8) * (len(distinct) - 1)
