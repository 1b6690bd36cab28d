"""Finds the sequence of parts that says most about samples with the fewest words.

What a sequence costs is counted in bits, as if somebody had to be told the layout and
then all samples: a literal is told once, a field and a length are told by their name,
and what is unknown must be told for each sample. The cheapest one is the layout
(minimum description length): a chance match saves less than it costs.

Long runs of unknown octets hold chance matches without end. So a layout that has been
found is taken once looking further has not made it cheaper for a while.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Sequence

from sslmagic.capture.learning.columns import State
from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.steps import Steps
from sslmagic.wire.parts import Literal, Part, Unknown

__all__ = ["SearchLimitError", "search"]

_SECONDS = 3.0
"""How long one search takes at most."""
_PATIENCE = 1_500
"""Places looked at since the last one that made the layout cheaper, or since the start:
the first layout is found at some 200 mostly, the cheapest at some 500."""
_A_FEW = 64
"""Places between two looks at the clock."""


class SearchLimitError(Exception):
    """No layout was found in time: there may be one."""


def search(
    samples: Sequence[Sample], *, seconds: float = _SECONDS
) -> tuple[Part, ...] | None:
    """Return the parts of the layout of *samples*, all of one kind; None if none is.

    Literals that touch are one, and so are unknown octets.

    Raises:
        SearchLimitError: none was found within so many *seconds* of its own time.
    """
    until = time.process_time() + seconds
    steps = Steps(samples)
    start = State((0,) * len(samples), has_length=False, in_unknown=False)
    best = {start: 0.0}
    came: dict[State, tuple[State, tuple[Part, ...]]] = {}
    order = itertools.count()
    queue = [(0.0, next(order), start)]
    found: State | None = None
    least = float("inf")
    seen = cheaper = 0
    while queue:
        cost, _, state = heapq.heappop(queue)
        if cost >= least:
            break
        if cost > best[state]:
            continue
        seen += 1
        is_late = seen % _A_FEW == 1 and time.process_time() > until
        if is_late or seen - cheaper > _PATIENCE:
            if found is None:
                raise SearchLimitError
            break
        for step in steps.behind(state):
            there = State(
                step.cursors,
                state.has_length or step.has_length,
                isinstance(step.parts[-1], Unknown) and len(step.parts) == 1,
            )
            total = cost + step.cost
            if total >= min(best.get(there, least), least):
                continue
            best[there] = total
            came[there] = state, step.parts
            if step.cursors == steps.ends:
                found, least, cheaper = there, total, seen
            else:
                heapq.heappush(queue, (total, next(order), there))
    return None if found is None else _retraced(came, found)


def _retraced(
    came: dict[State, tuple[State, tuple[Part, ...]]], state: State
) -> tuple[Part, ...]:
    steps: list[tuple[Part, ...]] = []
    while state in came:
        state, parts = came[state]
        steps.append(parts)
    merged: list[Part] = []
    for part in itertools.chain.from_iterable(reversed(steps)):
        last = merged[-1] if merged else None
        if isinstance(part, Literal) and isinstance(last, Literal):
            merged[-1] = Literal(last.octets + part.octets)
        elif (
            isinstance(part, Unknown)
            and isinstance(last, Unknown)
            and part.width
            and last.width
        ):
            merged[-1] = Unknown(width=last.width + part.width)
        else:
            merged.append(part)
    return tuple(merged)
