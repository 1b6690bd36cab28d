"""The variant that clients of one family have in common.

It is searched among a few samples and tried on the others, and whichever it does not
read joins the few, until it reads all that can be read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from sslmagic.capture.learning.choice import diverse, fewer
from sslmagic.capture.learning.portless import with_port
from sslmagic.capture.learning.reading import begins, reads
from sslmagic.capture.learning.refine import refined
from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.search import SearchLimitError, search
from sslmagic.capture.learning.witnesses import witnesses
from sslmagic.errors import ConfigurationError
from sslmagic.wire.variant import Variant

__all__ = ["SECONDS", "variant_of"]

SECONDS = 10.0
"""How long is searched: what can be learnt takes less than one, mostly."""

_JOINING = 3
"""Samples that join the few at a time."""
_ROUNDS = 8
"""How often some of those that are not read join the few."""


def variant_of(
    samples: Sequence[Sample], family: str, needs: list[str], until: float
) -> tuple[Variant, list[Sample]] | None:
    """Return what the samples of one family have in common, and which have it."""
    speaking = [sample for sample in samples if sample.octets]
    if not speaking:
        needs.append(f"no preamble in front of any connection of an {family} client")
        return None
    naming = witnesses(speaking)
    if not naming:
        needs.append(
            f"none of {len(speaking)} preambles of {family} clients names its client in"
            " a way that is known here: are the clients right?"
        )
        return None
    few, variant = _first(naming, family, needs, until)
    if variant is None:
        return None
    best = variant, [one for one in naming if reads(variant, one.octets)]
    tried: list[Sample] = []
    for _ in range(_ROUNDS):
        fresh = [
            one
            for one in naming
            if one not in tried and not begins(best[0], one.octets)
        ]
        if len(fresh) * 20 < len(naming):
            break
        joined = diverse(fresh)[:_JOINING]
        for more in (joined, *([one] for one in joined)):
            tried += more if len(more) == 1 else []
            wider = _searched([*few, *more], family, [], until)
            if wider is None:
                continue
            read = [one for one in naming if reads(wider, one.octets)]
            if len(read) > len(best[1]):
                few, best = [*few, *more], (wider, read)
                break
    return best


def _first(
    naming: Sequence[Sample], family: str, needs: list[str], until: float
) -> tuple[list[Sample], Variant | None]:
    """Return a few samples and their variant; None if no choice of them has one."""
    few = diverse(naming)
    first: list[str] = []
    for chosen in (few, *fewer(few, naming)):
        said: list[str] = []
        variant = _searched(chosen, family, said, until)
        if variant is not None:
            needs += said
            return chosen, variant
        first = first or said
    needs += first
    return few, None


def _searched(
    few: list[Sample], family: str, needs: list[str], until: float
) -> Variant | None:
    try:
        parts = search(few, seconds=_left(until))
    except SearchLimitError:
        needs.append(
            "the search gave up in long runs of unknown octets: give other connections"
        )
        return None
    if parts is None:
        needs.append(
            f"the preambles of {family} clients have too little in common to be one"
            " layout"
        )
        return None
    parts, remark = with_port(parts, few)
    if remark:
        needs.append(remark)
    try:
        return refined(parts, [sample.octets for sample in few])
    except ConfigurationError as error:
        needs.append(str(error))
        return None


def _left(until: float) -> float:
    """Return the seconds of one search: another choice of samples may be easier."""
    return max(min(SECONDS / 3, until - time.process_time()), 0.0)
