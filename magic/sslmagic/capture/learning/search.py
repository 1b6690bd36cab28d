"""Finds the sequence of parts that says most about samples with the fewest words.

What a sequence costs is counted in bits, as if somebody had to be told the layout and
then all samples: a literal is told once, a field and a length are told by their name,
and what is unknown must be told for each sample. The cheapest one is the layout
(minimum description length): a chance match saves less than it costs.

Long runs of unknown octets hold chance matches without end. So a layout that has been
found is taken once looking further has not made it cheaper for a while.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal as OneOf
from typing import NamedTuple

from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.spelling import SPELLINGS, Field, spelt
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.learnt import MOST
from sslmagic.wire.parts import DIGITS, HEX, MOST_UNKNOWN, Literal, Part, Unknown

__all__ = ["SearchLimitError", "search"]

_NAME = 10.0
"""Bits that name a part and its encoding: there are some hundred of them."""
_START = 16.0
"""Bits that begin octets whose meaning is unknown."""
_BIAS = 6.0
"""Bits of a bias that is not 0."""
_SECONDS = 3.0
"""How long one search takes at most."""
_PATIENCE = 1_500
"""Places looked at since the last one that made the layout cheaper, or since the start:
the first layout is found at some 200 mostly, the cheapest at some 500."""
_A_FEW = 64
"""Places between two looks at the clock."""
_MOST_BIAS = 64
_DELIMITERS = frozenset(range(0x21)) | frozenset(b",;:|/=&#?@!\"'()[]{}<>-_~\x7f\xff")
_ENDS = frozenset(b"\0\r\n\xff")
"""Those that end what is no text, too."""
_NO_TEXT = re.compile(rb"[^ -~]")
_WIDTHS = (1, 2, 4)
_ORDERS: tuple[OneOf["big", "little"], ...] = ("big", "little")

_Cursors = tuple[int, ...]


class _State(NamedTuple):
    cursors: _Cursors
    has_length: bool
    in_unknown: bool


class _Step(NamedTuple):
    cost: float
    parts: tuple[Part, ...]
    cursors: _Cursors
    has_length: bool = False
    """Whether it is the length that says where the preamble ends."""


class SearchLimitError(Exception):
    """No layout was found in time: there may be one."""


def search(
    samples: Sequence[Sample], *, seconds: float = _SECONDS
) -> tuple[Part, ...] | None:
    """Return the parts of the layout of *samples*, all of one kind; None if none is.

    Literals that touch are one, and so are unknown octets.

    Raises:
        SearchLimitError: none was found within so many *seconds*.
    """
    return _Search(samples).run(time.monotonic() + seconds)


class _Search:
    """The cheapest way through all samples at once (Dijkstra)."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._octets = [sample.octets for sample in samples]
        self._ends = tuple(len(octets) for octets in self._octets)
        self._are_even = len(set(self._ends)) == 1
        columns = enumerate(zip(*self._octets, strict=False))
        self._common = next(
            (at for at, column in columns if len(set(column)) > 1), min(self._ends)
        )
        first = self._octets[0]
        self._last = {
            octet: first.rfind(octet) for octet in sorted(_DELIMITERS & set(first))
        }
        self._sums: dict[tuple[str, int, int], bytes] = {}
        self._spellings: list[tuple[float, Field, list[bytes]]] = []
        for rank, field in enumerate(SPELLINGS):
            spellings = [spelt(field, sample) for sample in samples]
            known = [one for one in spellings if one is not None]
            if len(known) == len(spellings) and all(
                spelling in octets
                for spelling, octets in zip(known, self._octets, strict=True)
            ):
                self._spellings.append((_NAME + rank / 1000, field, known))

    def run(self, until: float) -> tuple[Part, ...] | None:
        start = _State((0,) * len(self._octets), has_length=False, in_unknown=False)
        best = {start: 0.0}
        came: dict[_State, tuple[_State, tuple[Part, ...]]] = {}
        order = itertools.count()
        queue = [(0.0, next(order), start)]
        found: _State | None = None
        least = float("inf")
        seen = cheaper = 0
        while queue:
            cost, _, state = heapq.heappop(queue)
            if cost >= least:
                break
            if cost > best[state]:
                continue
            seen += 1
            is_late = seen % _A_FEW == 1 and time.monotonic() > until
            if is_late or seen - cheaper > _PATIENCE:
                if found is None:
                    raise SearchLimitError
                break
            for step in self._steps(state):
                there = _State(
                    step.cursors,
                    state.has_length or step.has_length,
                    isinstance(step.parts[-1], Unknown) and len(step.parts) == 1,
                )
                total = cost + step.cost
                if total >= min(best.get(there, least), least):
                    continue
                best[there] = total
                came[there] = state, step.parts
                if step.cursors == self._ends:
                    found, least, cheaper = there, total, seen
                else:
                    heapq.heappush(queue, (total, next(order), there))
        return None if found is None else _retraced(came, found)

    def _steps(self, state: _State) -> Iterator[_Step]:
        cursors = state.cursors
        yield from self._fields(state)
        if not state.has_length:
            yield from self._lengths(cursors)
        yield from self._prefixed(cursors)
        yield from self._checksums(cursors)
        if state.has_length and not self._are_even:
            yield self._rest(cursors)
        if all(at < end for at, end in zip(cursors, self._ends, strict=True)):
            forth = tuple(at + 1 for at in cursors)
            if (octet := self._constant(cursors)) is not None:
                yield _Step(8.0, (Literal(bytes((octet,))),), forth)
            begin = 0.0 if state.in_unknown else _START
            bits = begin + 8.0 * len(cursors)
            yield _Step(bits, (Unknown(width=1),), forth)
            yield from self._delimited(cursors)

    def _constant(self, cursors: _Cursors) -> int | None:
        """The octet that stands at all cursors; None if they differ or one is none."""
        found = {
            octets[at] if at < len(octets) else -1
            for octets, at in zip(self._octets, cursors, strict=True)
        }
        octet = found.pop()
        return None if found or octet < 0 else octet

    def _fields(self, state: _State) -> Iterator[_Step]:
        for cost, field, spellings in self._spellings:
            if (behind := self._behind(state.cursors, spellings)) is None:
                continue
            if not field.ends_outside:
                yield _Step(cost, (field,), behind)
            elif behind == self._ends:
                if state.has_length:
                    yield _Step(cost, (field,), behind)
            elif (
                octet := self._constant(behind)
            ) is not None and octet not in field.alphabet:
                # The literal that ends it is taken with it.
                forth = tuple(at + 1 for at in behind)
                yield _Step(cost + 8.0, (field, Literal(bytes((octet,)))), forth)

    def _behind(self, cursors: _Cursors, spellings: Sequence[bytes]) -> _Cursors | None:
        """Return the cursors behind a field; None if it does not stand there."""
        rows = zip(self._octets, cursors, spellings, strict=True)
        if not all(octets.startswith(said, at) for octets, at, said in rows):
            return None
        return tuple(
            at + len(said) for at, said in zip(cursors, spellings, strict=True)
        )

    def _numbers(
        self, cursors: _Cursors
    ) -> Iterator[tuple[Length, list[int], _Cursors]]:
        """Numbers that stand at the cursors, however they are written."""
        rows = list(zip(self._octets, cursors, strict=True))
        for width in _WIDTHS:
            if any(at + width > len(octets) for octets, at in rows):
                break
            for order in _ORDERS[: 1 if width == 1 else 2]:
                numbers = [
                    int.from_bytes(octets[at : at + width], order)
                    for octets, at in rows
                ]
                behind = tuple(at + width for at in cursors)
                yield Length(width=width, order=order), numbers, behind
        runs = [_digits(octets, at) for octets, at in rows]
        if all(0 < len(run) <= 5 for run in runs):
            behind = tuple(at + len(run) for at, run in zip(cursors, runs, strict=True))
            widths = {len(run) for run in runs}
            padded = any(run[:1] == b"0" and len(run) > 1 for run in runs)
            if not padded or len(widths) == 1:
                digits = widths.pop() if padded else None
                length = Length(form="decimal", width=digits)
                yield length, [int(run) for run in runs], behind

        yield from self._hex_numbers(rows)

    def _hex_numbers(
        self, rows: Sequence[tuple[bytes, int]]
    ) -> Iterator[tuple[Length, list[int], _Cursors]]:
        for width in (2, 4):
            fields = [octets[at : at + width] for octets, at in rows]
            if not all(len(one) == width and HEX.issuperset(one) for one in fields):
                return
            joined = b"".join(fields)
            is_upper = joined != joined.lower()
            if is_upper and joined != joined.upper():
                continue
            length = Length(form="hex", width=width, upper=is_upper)
            numbers = [int(one, 16) for one in fields]
            yield length, numbers, tuple(at + width for _, at in rows)

    def _lengths(self, cursors: _Cursors) -> Iterator[_Step]:
        """Lengths of the rest or the whole."""
        for length, numbers, behind in self._numbers(cursors):
            rows = list(zip(numbers, behind, self._ends, strict=True))
            rests = {number - (end - at) for number, at, end in rows}
            wholes = {number - end for number, _, end in rows}
            end = self._ending(length, behind)
            if end is None:
                continue
            literal, forth = end
            if forth == self._ends and wholes != {0}:
                # Zeros at the end say that nothing follows, and are a trailer.
                continue
            if rests == {0}:
                made, cost = length, _NAME
            elif wholes == {0}:
                made, cost = _of(length, "whole"), _NAME
            elif (
                len(rests) == 1
                and not self._are_even
                and abs(bias := rests.pop()) <= _MOST_BIAS
            ):
                made, cost = _of(length, "rest", bias), _NAME + _BIAS
            else:
                continue
            cost += 8.0 * len(literal)
            yield _Step(cost, (made, *literal), forth, has_length=True)

    def _ending(
        self, length: Length, behind: _Cursors
    ) -> tuple[tuple[Part, ...], _Cursors] | None:
        """Return the literal that must end a number in text, and where it ends."""
        if not length.ends_outside:
            return (), behind
        octet = self._constant(behind)
        if octet is None or octet in DIGITS:
            return None
        return (Literal(bytes((octet,))),), tuple(at + 1 for at in behind)

    def _prefixed(self, cursors: _Cursors) -> Iterator[_Step]:
        """Fields and unknown octets that have their own length in front."""
        for length, numbers, behind in self._numbers(cursors):
            if length.ends_outside:
                # With a literal behind it, it is in front of the literal.
                continue
            made = _of(length, "next")
            for cost, field, spellings in self._spellings:
                if not field.ends_outside or numbers != [len(s) for s in spellings]:
                    continue
                if (forth := self._behind(behind, spellings)) is not None:
                    yield _Step(cost + 6.0, (made, field), forth)
            forth = tuple(at + n for at, n in zip(behind, numbers, strict=True))
            fits = all(at <= end for at, end in zip(forth, self._ends, strict=True))
            if fits and len(set(numbers)) > 1:
                text = self._is_text(behind, forth)
                # Any number fits in front of enough octets: unless they are text, it is
                # told in full, and only what then stands in line pays for its name.
                told = sum(numbers) + (0 if text else sum(behind) - sum(cursors))
                cost = _NAME + _START + 8.0 * told
                yield _Step(cost, (made, _unknown(numbers, text=text)), forth)

    def _checksums(self, cursors: _Cursors) -> Iterator[_Step]:
        is_same = len(set(cursors)) == 1 and cursors[0] <= self._common
        if min(cursors) < 2 or is_same:
            return
        for checksum in _CHECKSUMS:
            forth = tuple(at + checksum.width for at in cursors)
            if all(
                octets[at : at + checksum.width] == self._sum(checksum, number, at)
                for number, (octets, at) in enumerate(
                    zip(self._octets, cursors, strict=True)
                )
            ):
                yield _Step(_NAME, (checksum,), forth)

    def _sum(self, checksum: Checksum, number: int, at: int) -> bytes:
        """The checksum of what is in front of a place: many ways lead there."""
        key = checksum.algorithm, number, at
        if (found := self._sums.get(key)) is None:
            big = dataclasses.replace(checksum, order="big")
            found = self._sums[key] = big.of(self._octets[number][:at])
        return found if checksum.order == "big" else found[::-1]

    def _rest(self, cursors: _Cursors) -> _Step:
        lefts = [end - at for end, at in zip(self._ends, cursors, strict=True)]
        text = self._is_text(cursors, self._ends)
        return _Step(
            _START + 8.0 * sum(lefts), (_unknown(lefts, text=text),), self._ends
        )

    def _delimited(self, cursors: _Cursors) -> Iterator[_Step]:
        """Unknown octets of no fixed width, up to an octet that ends words."""
        first, start = self._octets[0], cursors[0]
        text_end = _text_end(first, start)
        for octet, last in self._last.items():
            if last < start:
                continue
            if octet not in _ENDS and first.find(octet, start) > text_end:
                continue
            ends = tuple(
                octets.find(octet, at)
                for octets, at in zip(self._octets, cursors, strict=True)
            )
            widths = {end - at for end, at in zip(ends, cursors, strict=True)}
            if min(ends) < 0 or len(widths) == 1:
                continue
            text = self._is_text(cursors, ends)
            told = sum(ends) - sum(cursors) + (1 if text else len(cursors))
            cost = _START + 2.0 + 8.0 * told
            forth = tuple(end + 1 for end in ends)
            literal = Literal(bytes((octet,)))
            yield _Step(cost, (_unknown(widths, text=text), literal), forth)

    def _is_text(self, starts: _Cursors, ends: _Cursors) -> bool:
        return all(
            octets[start:end].isascii() and octets[start:end].decode().isprintable()
            for octets, start, end in zip(self._octets, starts, ends, strict=True)
        )


_CHECKSUMS = [
    Checksum(algorithm="crc32c", width=4),
    Checksum(algorithm="crc32c", width=4, order="little"),
    Checksum(algorithm="crc32", width=4),
    Checksum(algorithm="crc32", width=4, order="little"),
    Checksum(algorithm="sum16", width=2),
    Checksum(algorithm="sum16", width=2, order="little"),
    Checksum(algorithm="xor8"),
    Checksum(algorithm="sum8"),
]


def _of(length: Length, of: OneOf["rest", "whole", "next"], bias: int = 0) -> Length:
    return dataclasses.replace(length, of=of, bias=bias)


def _unknown(widths: Iterable[int], *, text: bool) -> Unknown:
    """Return octets of no fixed width, of which there were so many."""
    return Unknown(
        text=text, longest=MOST_UNKNOWN if max(widths) < MOST_UNKNOWN else MOST
    )


def _text_end(octets: bytes, at: int) -> int:
    """Return where printable ASCII ends."""
    found = _NO_TEXT.search(octets, at)
    return len(octets) if found is None else found.start()


def _digits(octets: bytes, at: int) -> bytes:
    end = at
    while end < min(at + 6, len(octets)) and octets[end] in DIGITS:
        end += 1
    return octets[at:end]


def _retraced(
    came: dict[_State, tuple[_State, tuple[Part, ...]]], state: _State
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
