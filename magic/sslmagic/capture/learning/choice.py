"""Which few samples are searched together, where all of them would take too long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sslmagic.capture.learning.sample import Sample

__all__ = ["diverse", "fewer"]

_FEW = 10
"""Samples that are searched together at first."""
_FEWEST = 3
"""Samples that may stand for all."""


def diverse(samples: Sequence[Sample]) -> list[Sample]:
    """Return a few samples that differ: in length first, then from first to last."""
    by_length: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_length[len(sample.octets)].append(sample)
    chosen: list[Sample] = []
    groups = sorted(by_length.values(), key=len, reverse=True)
    depth = 0
    while len(chosen) < min(_FEW, len(samples)):
        for group in groups:
            if depth < len(group) and len(chosen) < _FEW:
                # From both ends inwards: what grows shows early.
                at = depth // 2 if depth % 2 == 0 else -1 - depth // 2
                chosen.append(group[at])
        depth += 1
    return chosen


def fewer(few: Sequence[Sample], samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Yield the choices to try behind *few* of the *samples*, which have no layout.

    One connection whose client said something in front of its ClientHello would keep
    anything from being learnt, if all that differ had to be explained.
    """
    yield from _usual(few)
    yield from _alike(samples)
    yield from _all_but_one(few)


def _usual(few: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Return all but those whose lengths are farthest from the middle."""
    middle = sorted(len(one.octets) for one in few)[len(few) // 2]
    nearest = sorted(few, key=lambda one: abs(len(one.octets) - middle))
    for count in range(1, len(few) // 3 + 1):
        if len(nearest[-count].octets) != middle and len(few) > _FEWEST:
            yield nearest[:-count]


def _alike(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Return a few samples of the length that most have, if they are several."""
    by_length: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_length[len(sample.octets)].append(sample)
    largest = max(by_length.values(), key=len)
    if _FEWEST <= len(largest) < len(samples):
        yield diverse(largest)


def _all_but_one(few: Sequence[Sample]) -> Iterator[list[Sample]]:
    for left_out in few if len(few) > _FEWEST else ():
        yield [one for one in few if one is not left_out]
