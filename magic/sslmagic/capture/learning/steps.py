"""What may stand next in all samples, and how many bits it costs to say so.

A literal is told once, a field and a length are told by their name, and what is unknown
must be told for each sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sslmagic.capture.learning.checksums import Checksums
from sslmagic.capture.learning.columns import Columns, Cursors, State, Step
from sslmagic.capture.learning.lengths import lengths, prefixed
from sslmagic.capture.learning.literals import literals
from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.unknowns import Unknowns
from sslmagic.wire.parts import Literal

__all__ = ["Steps"]


class Steps:
    """The steps through all samples at once."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._columns = Columns(samples)
        self._checksums = Checksums(self._columns)
        self._unknowns = Unknowns(self._columns)
        self.ends: Cursors = self._columns.ends

    def behind(self, state: State) -> Iterator[Step]:
        """Yield the steps that can be taken behind a state."""
        columns, cursors = self._columns, state.cursors
        yield from self._fields(state)
        if not state.has_length:
            yield from lengths(columns, cursors)
        yield from prefixed(columns, cursors)
        yield from self._checksums.behind(cursors)
        if state.has_length and not columns.are_even:
            yield self._unknowns.rest(cursors)
        if all(at < end for at, end in zip(cursors, self.ends, strict=True)):
            yield from literals(columns, cursors)
            yield self._unknowns.octet(state)
            yield from self._unknowns.delimited(cursors)

    def _fields(self, state: State) -> Iterator[Step]:
        for cost, field, spellings in self._columns.spellings:
            if (behind := self._columns.behind(state.cursors, spellings)) is None:
                continue
            if not field.ends_outside:
                yield Step(cost, (field,), behind)
            elif behind == self.ends:
                if state.has_length:
                    yield Step(cost, (field,), behind)
            elif (
                octet := self._columns.constant(behind)
            ) is not None and octet not in field.alphabet:
                # The literal that ends it is taken with it.
                forth = tuple(at + 1 for at in behind)
                yield Step(cost + 8.0, (field, Literal(bytes((octet,)))), forth)
