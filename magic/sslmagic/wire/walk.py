"""Where the parts of a preamble stand: one step after the other, as octets come.

What is refused stays refused whatever follows, and what is whole stays so: an octet
decides the same wherever the stream is cut.
"""

from __future__ import annotations

from typing import NamedTuple

from sslmagic.errors import DecodeError, Reason
from sslmagic.wire.computed import Length
from sslmagic.wire.parts import Part
from sslmagic.wire.steps import Ending, Step

__all__ = ["Span", "Walk", "walked"]


class Span(NamedTuple):
    """Where a part stands."""

    part: Part
    start: int
    end: int


class Walk(NamedTuple):
    """How far the octets of a variant have come."""

    spans: list[Span]
    """The parts that are whole."""
    wanted: int
    """Octets that are surely missing; 0 when it is whole."""


def walked(
    steps: tuple[Step, ...], octets: bytes, limit: int | None
) -> tuple[Walk, DecodeError | None]:
    """Return where the parts stand in front of the first fault, and the fault.

    A length of more than *limit* octets in all is one.
    """
    walker = _Walker(steps, octets, limit)
    try:
        wanted = walker.run()
    except DecodeError as error:
        return Walk(walker.spans, 0), error
    return Walk(walker.spans, wanted), None


class _Walker:
    """Finds the parts one after the other."""

    __slots__ = ("_given", "_limit", "_octets", "_said_at", "_steps", "_total", "spans")

    def __init__(
        self, steps: tuple[Step, ...], octets: bytes, limit: int | None
    ) -> None:
        self._steps = steps
        self._octets = octets
        self._limit = limit
        self._total: int | None = None
        self._given = 0
        self._said_at = 0
        self.spans: list[Span] = []

    def run(self) -> int:
        """Return how many octets are surely missing; 0 when it is whole."""
        at = 0
        octets = self._octets
        have = len(octets)
        for index, step in enumerate(self._steps):
            part = step.part
            least, most = self._bounds(step, at)
            end = at + most if least == most else self._end(step, at, least, most)
            part.check(octets, at, at + most if end is None else end)
            if end is None or end > have:
                if self._total is not None:
                    return self._total - have
                missing = max(at + least - have, 0)
                begun = self._begun(step, at + least) if end is None else 0
                return missing + step.least_behind - begun
            if isinstance(part, Length):
                self._said(index, part, at, end)
            self.spans.append(Span(part, at, end))
            at = end
        if self._total is not None and at != self._total:
            raise self._overrun(f"{at} octets, where the length says {self._total}")
        return 0

    def _bounds(self, step: Step, at: int) -> tuple[int, int]:
        """Return the fewest and most octets of a part, as known by now."""
        least, most = step.least, step.most
        if step.ending is Ending.GIVEN:
            least = most = self._given
        elif step.ending is Ending.REST:
            assert self._total is not None
            left = self._total - step.least_behind - at
            if not least <= left <= most:
                raise self._overrun(f"{left} octets are left for the {step.part.name}")
            least = most = left
        if self._total is not None and at + least > self._total:
            raise self._overrun(f"the {step.part.name} does not fit into the length")
        return least, most

    def _end(self, step: Step, at: int, least: int, most: int) -> int | None:
        """Return where a part without a width ends; None while that cannot be told."""
        octets = self._octets
        room = at + most if self._total is None else min(at + most, self._total)
        if step.ending is Ending.LITERAL:
            # Not before its shortest: what stands there may look like the literal.
            bound = at + most + len(step.literal)
            bound = bound if self._total is None else min(bound, self._total)
            end = octets.find(step.literal, at + least, bound)
            if end < 0:
                if len(octets) >= bound:
                    raise _endless(step.part, room)
                return None
            return end
        alphabet = step.part.alphabet
        for end in range(at, min(room, len(octets))):
            if octets[end] not in alphabet:
                break
        else:
            if len(octets) < room:
                return None
            end = room
        if end - at < least:
            raise _endless(step.part, end)
        return end

    def _begun(self, step: Step, start: int) -> int:
        """Return how many octets of the literal that ends a part may be there.

        The last octets may be its first ones, and then fewer are missing. *start* is
        where it may stand at the earliest.
        """
        literal = step.literal
        tail = self._octets[start:]
        most = min(len(tail), len(literal) - 1)
        return next((n for n in range(most, 0, -1) if tail.endswith(literal[:n])), 0)

    def _said(self, index: int, part: Length, at: int, end: int) -> None:
        """Take what a length says, if it can be."""
        try:
            count = part.count(self._octets[at:end])
        except ValueError as error:
            raise DecodeError(
                f"{part.name}: {error}", reason=Reason.LENGTH, offset=at
            ) from None
        step = self._steps[index]
        least, most = step.least_behind, step.most_behind
        if part.of == "next":
            after = self._steps[index + 1]
            least, most = after.least, after.most
            self._given = count
        else:
            if part.of == "whole":
                count -= end
            self._total = end + count
        self._said_at = at
        if not least <= count <= most:
            raise DecodeError(
                f"a length of {count} octets, where {least} to {most} can be",
                reason=Reason.LENGTH,
                offset=at,
            )
        if self._limit is not None and end + count > self._limit:
            # Nobody waits for what would be refused.
            raise DecodeError(
                f"a length that makes {end + count} octets, where {self._limit} is the"
                " limit",
                reason=Reason.OVERSIZE,
                offset=at,
            )

    def _overrun(self, message: str) -> DecodeError:
        return DecodeError(message, reason=Reason.LENGTH, offset=self._said_at)


def _endless(part: Part, offset: int) -> DecodeError:
    return DecodeError(
        f"the {part.name} does not end as the layout says",
        reason=Reason.LINE,
        offset=offset,
    )
