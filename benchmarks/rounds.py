"""Interleaved rounds: every subject is measured in turn, again and again.

On a machine that does other things too, a subject measured first and another one
measured a minute later are measured on two machines. So each round measures all of
them, and a ratio is the median of the ratios within a round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median

__all__ = ["Samples", "interleaved", "ratio"]

Samples = Mapping[str, list[float]]
"""What each subject took, one entry a round."""


def interleaved(subjects: Mapping[str, Callable[[], float]], *, rounds: int) -> Samples:
    """Measure every subject once a round; the order turns by one each round."""
    samples: dict[str, list[float]] = {name: [] for name in subjects}
    names = list(subjects)
    for turn in range(rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            samples[name].append(subjects[name]())
    return samples


def ratio(samples: Samples, name: str, base: str) -> float:
    """Return the median over the rounds of *name* as a multiple of *base*."""
    pairs = zip(samples[name], samples[base], strict=True)
    return median(value / unit for value, unit in pairs if unit)
