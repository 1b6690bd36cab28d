"""Interleaved rounds: every subject is measured in turn, again and again.

On a machine that does other things too, a subject measured first and another one
measured a minute later are measured on two machines. So each round measures all of
them, and a ratio is the median of the ratios within a round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TypeVar

__all__ = ["interleaved", "ratio"]

Sample = TypeVar("Sample")


def interleaved(
    subjects: Mapping[str, Callable[[], Sample]], *, rounds: int
) -> Mapping[str, Sequence[Sample]]:
    """Measure every subject once a round; the order turns by one each round."""
    samples: dict[str, list[Sample]] = {name: [] for name in subjects}
    names = list(subjects)
    for turn in range(rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            samples[name].append(subjects[name]())
    return samples


def ratio(values: Sequence[float], base: Sequence[float]) -> float:
    """Return the median over the rounds of *values* as multiples of *base*."""
    return median(
        value / unit for value, unit in zip(values, base, strict=True) if unit
    )
