"""A capture in shares, each read by itself, and what they found put together.

Which share a packet is of, its ports tell: so no conversation is ever cut in two,
whatever is in the file. Since all read the same pieces of it, what they found in each
is put into the order in which one alone would have found it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sslmagic.capture.conversation import Conversation, Counts, Unreadable
from sslmagic.capture.flow import told
from sslmagic.capture.flows import SHARES, Flows
from sslmagic.capture.reading import Batch, Fault, reading
from sslmagic.capture.source import Source
from sslmagic.capture.stream import Wanted
from sslmagic.errors import CaptureError

__all__ = ["Made", "Message", "Work", "made_of", "share_of", "together"]

Made = Callable[[Conversation], Any]
"""Makes of a conversation what is wanted of it, in values that `marshal` knows."""


Message = tuple[Any, ...]
"""A `Batch` and, with the last, the counts; in values that `marshal` knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be read, and how."""

    source: Source
    wanted: Wanted
    answer: int
    plain: bool
    made: Made | None = None
    """What is made of each conversation there; None: its facts are wanted here."""


def made_of(batch: Batch, made: Made, capture: str) -> Batch:
    """Return *batch* with what is made of each conversation instead of its facts."""
    done = [
        (event, place, number, made(told(facts, capture=capture, number=0)))
        for event, place, number, facts in batch.done
    ]
    return batch._replace(done=done)


def share_of(work: Work, index: int, count: int) -> Iterator[Message]:
    """Read one of *count* shares, piece by piece."""
    counts = Counts()
    flows = Flows(
        work.source.name,
        wanted=work.wanted,
        answer=work.answer,
        counts=counts,
        number=0,
    )
    flows.others = frozenset(
        number for number in range(SHARES) if (number >> 1) % count != index
    )
    # A descriptor of its own: one that is shared has one position for all.
    with Source(work.source.name, most=work.source.size) as source:
        for batch in reading(source, flows, counts, plain=work.plain):
            end = dataclasses.astuple(counts) if batch.last else None
            if work.made is not None:
                batch = made_of(batch, work.made, work.source.name)
            yield batch.done, batch.began, batch.taken, _said(batch.fault), end


def together(
    work: Work, counts: Counts, messages: Sequence[Iterator[Message]], *, number: int
) -> Iterator[Batch]:
    """Put together what all shares have found; see `sslmagic.capture.reading.reading`.

    Args:
        counts: is filled when the end is reached.
        messages: what `share_of` gave, of every share.
        number: of the conversation before the first one.
    """
    numbers: dict[int, int] = {}
    while True:
        parts = [next(one) for one in messages]
        _, _, taken, said, end = parts[0]
        began = sorted(place for part in parts for place in part[1])
        for place in began:
            number += 1
            numbers[place] = number
        # One process would have found them by when they ended, then by when they
        # began, and no two began at the same place.
        done = sorted(ending for part in parts for ending in part[0])
        done = [
            (event, place, numbers.pop(place), facts) for event, place, _, facts in done
        ]
        if end is not None:
            _add(counts, [part[4] for part in parts])
        fault = _fault(work.source.name, said)
        yield Batch(done, began, taken, end is not None, fault)
        if end is not None:
            return


def _said(fault: Fault | None) -> tuple[str, int, bool] | None:
    if isinstance(fault, CaptureError):
        return fault.message, fault.offset, True
    if fault is None:
        return None
    return fault.strerror or str(fault), fault.errno or 0, False


def _fault(name: str, said: tuple[str, int, bool] | None) -> Fault | None:
    if said is None:
        return None
    message, number, broken = said
    if broken:
        return CaptureError(message, capture=name, offset=number)
    return OSError(number, message, name)


_OWN = ("late", "forgotten")
"""What each process counts of its own conversations."""


def _add(counts: Counts, parts: list[tuple[Any, ...]]) -> None:
    """Add what the processes counted: all packets each, and late ones of its own."""
    for field, values in zip(
        dataclasses.fields(Counts), zip(*parts, strict=True), strict=True
    ):
        if field.name == "examples":
            names = [one.name for one in dataclasses.fields(Unreadable)]
            counts.examples += [
                Unreadable(**dict(zip(names, one, strict=True))) for one in values[0]
            ]
        else:
            added = sum(values) if field.name in _OWN else values[0]
            setattr(counts, field.name, getattr(counts, field.name) + added)
