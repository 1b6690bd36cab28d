"""Which samples name their client, and in the way in which most of them do.

The others may be of clients behind NAT, whose address as known is not what the preamble
says, or no preambles of this layout at all: neither may spoil what the rest agrees on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.spelling import SPELLINGS, Field, spelt
from sslmagic.wire.fields import Address

__all__ = ["witnesses"]

_MOST_PLACES = 8
"""How often one spelling is looked for in one sample."""

_Place = tuple[int, str, int]
"""Which spelling, and where: octets from the front, or words in front of it."""


def witnesses(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples of the largest group that names its clients alike.

    Those that have the port at one place too, if half of the group has; all whose
    address is right if not: the port may not be in the preamble, or not be known.
    """
    by_address = _largest(samples, lambda field: isinstance(field, Address))
    by_port = _largest(by_address, lambda field: not isinstance(field, Address))
    if 2 * len(by_port) >= len(by_address):
        return by_port
    return by_address


def _largest(
    samples: Sequence[Sample], is_wanted: Callable[[Field], bool]
) -> list[Sample]:
    groups: dict[_Place, list[int]] = defaultdict(list)
    for number, sample in enumerate(samples):
        for place in set(_places(sample, is_wanted)):
            groups[place].append(number)
    if not groups:
        return []

    def weight(place: _Place) -> tuple[int, int, int]:
        members = groups[place]
        several = len({samples[number].client for number in members})
        # As an offset rather than as a count of words, where both are as many.
        return several, len(members), -place[0]

    return [samples[number] for number in groups[max(groups, key=weight)]]


def _places(sample: Sample, is_wanted: Callable[[Field], bool]) -> Iterable[_Place]:
    octets = sample.octets
    for rank, field in enumerate(SPELLINGS):
        if field.of != "source" or not is_wanted(field):
            continue
        spelling = spelt(field, sample)
        if spelling is None:
            continue
        at = octets.find(spelling)
        for _ in range(_MOST_PLACES):
            if at < 0:
                break
            if _stands_alone(field, octets, at + len(spelling)):
                yield rank, "octets", at
                yield rank, "words", _words(octets[:at])
            at = octets.find(spelling, at + 1)


def _stands_alone(field: Field, octets: bytes, end: int) -> bool:
    """Whether text is not the middle of a longer word of the same kind."""
    if not field.ends_outside:
        return True
    return octets[end : end + 1] not in {bytes((one,)) for one in field.alphabet}


def _words(octets: bytes) -> int:
    """How many words end in *octets*, as text has them."""
    return sum(
        1
        for before, after in zip(octets, (octets + b" ")[1:], strict=True)
        if bytes((before,)).isalnum() and not bytes((after,)).isalnum()
    )
