"""Which samples name their client, and in the way in which most of them do.

The others may be of clients behind NAT, whose address as known is not what the preamble
says, or no preambles of this layout at all: neither may spoil what the rest agrees on.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.spelling import SPELLINGS, Field, spelt, stands
from sslmagic.wire.fields import Address

__all__ = ["witnesses"]

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
    words = _words(octets)
    for rank, field in enumerate(SPELLINGS):
        if field.of != "source" or not is_wanted(field):
            continue
        spelling = spelt(field, sample)
        if spelling is None:
            continue
        for at in stands(field, spelling, octets):
            yield rank, "octets", at
            yield rank, "words", words[at]


def _words(octets: bytes) -> list[int]:
    """How many words, as text has them, end in front of each place."""
    is_word = [bytes((octet,)).isalnum() for octet in octets]
    ends = [
        before and not after
        for before, after in zip(is_word, [*is_word[1:], False], strict=False)
    ]
    # In front of a place what stands at it ends the word, whatever it is.
    before = [0, *itertools.accumulate(ends)]
    return [
        before[at] + (at > 0 and is_word[at - 1] and not ends[at - 1])
        for at in range(len(octets) + 1)
    ]
