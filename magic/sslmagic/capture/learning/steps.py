"""What may stand next in all samples, and how many bits it costs to say so.

A literal is told once, a field and a length are told by their name, and what is unknown
must be told for each sample.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal as OneOf
from typing import NamedTuple

from sslmagic.capture.learning.numbers import Cursors, numbers
from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.spelling import SPELLINGS, Field, spelt, stands
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.learnt import MOST
from sslmagic.wire.parts import DIGITS, MOST_UNKNOWN, Literal, Part, Unknown

__all__ = ["State", "Step", "Steps"]

_NAME = 10.0
"""Bits that name a part and its encoding: there are some hundred of them."""
_START = 16.0
"""Bits that begin octets whose meaning is unknown."""
_BIAS = 6.0
"""Bits of a bias that is not 0."""
_MOST_BIAS = 64
_LONG = 128
"""Octets that are the same in all samples, from which on they are taken in one step: a
search has no patience for as many places, and as many bits."""
_RUN = 64.0
"""Bits of such a run, however long: nothing else explains it."""
_HEAD = 64
"""Octets at the front that are in none: lengths stand there, and may be the same."""
_TAIL = 16
"""Octets at its end that are not in it: as many as an address has."""
_DELIMITERS = frozenset(range(0x21)) | frozenset(b",;:|/=&#?@!\"'()[]{}<>-_~\x7f\xff")
_ENDS = frozenset(b"\0\r\n\xff")
"""Those that end what is no text, too."""
_NO_TEXT = re.compile(rb"[^ -~]")


class State(NamedTuple):
    """Where a way through the samples has come to."""

    cursors: Cursors
    has_length: bool
    """Whether a length has said where the preamble ends."""
    in_unknown: bool
    """Whether the octet in front is of unknown meaning."""


class Step(NamedTuple):
    """Parts that may stand next."""

    cost: float
    """Bits."""
    parts: tuple[Part, ...]
    cursors: Cursors
    """Where they end."""
    has_length: bool = False
    """Whether it is the length that says where the preamble ends."""


class Steps:
    """The steps through all samples at once."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._octets = [sample.octets for sample in samples]
        self.ends = tuple(len(octets) for octets in self._octets)
        self._are_even = len(set(self.ends)) == 1
        columns = enumerate(zip(*self._octets, strict=False))
        self._common = next(
            (at for at, column in columns if len(set(column)) > 1), min(self.ends)
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
        self._spelt_at = bytearray(len(first))
        """Where a field may stand in the first sample."""
        for _, field, spellings in self._spellings:
            for at in stands(field, spellings[0], first):
                width = len(spellings[0])
                self._spelt_at[at : at + width] = b"\1" * width

    def behind(self, state: State) -> Iterator[Step]:
        """Yield the steps that can be taken behind a state."""
        cursors = state.cursors
        yield from self._fields(state)
        if not state.has_length:
            yield from self._lengths(cursors)
        yield from self._prefixed(cursors)
        yield from self._checksums(cursors)
        if state.has_length and not self._are_even:
            yield self._rest(cursors)
        if all(at < end for at, end in zip(cursors, self.ends, strict=True)):
            yield from self._literals(cursors)
            forth = tuple(at + 1 for at in cursors)
            begin = 0.0 if state.in_unknown else _START
            bits = begin + 8.0 * len(cursors)
            yield Step(bits, (Unknown(width=1),), forth)
            yield from self._delimited(cursors)

    def _literals(self, cursors: Cursors) -> Iterator[Step]:
        """An octet that is the same at all cursors, or much of a long run of them."""
        if run := self._long_run(cursors):
            forth = tuple(at + len(run) for at in cursors)
            yield Step(_RUN, (Literal(run),), forth)
        elif (octet := self._constant(cursors)) is not None:
            forth = tuple(at + 1 for at in cursors)
            yield Step(8.0, (Literal(bytes((octet,))),), forth)

    def _long_run(self, cursors: Cursors) -> bytes:
        """Return the octets that are the same at all cursors; empty if they are few.

        They end where a field may stand, and before their own end: the front of what
        varies may be the same.
        """
        first, start = self._octets[0], cursors[0]
        front = first[start : start + _LONG]
        rows = list(zip(self._octets, cursors, strict=True))
        if (
            start < _HEAD
            or len(front) < _LONG
            or self._spelt_at[start]
            or not all(octets.startswith(front, at) for octets, at in rows)
        ):
            return b""
        rests = [octets[at:] for octets, at in rows]
        # Where the least and the greatest are alike, all between them are.
        pairs = enumerate(zip(min(rests), max(rests), strict=False))
        length = next((at for at, (one, other) in pairs if one != other), 0)
        end = start + (length or min(map(len, rests))) - _TAIL
        field = self._spelt_at.find(1, start, end)
        return first[start : end if field < 0 else field]

    def _constant(self, cursors: Cursors) -> int | None:
        """The octet that stands at all cursors; None if they differ or one is none."""
        found = {
            octets[at] if at < len(octets) else -1
            for octets, at in zip(self._octets, cursors, strict=True)
        }
        octet = found.pop()
        return None if found or octet < 0 else octet

    def _fields(self, state: State) -> Iterator[Step]:
        for cost, field, spellings in self._spellings:
            if (behind := self._behind(state.cursors, spellings)) is None:
                continue
            if not field.ends_outside:
                yield Step(cost, (field,), behind)
            elif behind == self.ends:
                if state.has_length:
                    yield Step(cost, (field,), behind)
            elif (
                octet := self._constant(behind)
            ) is not None and octet not in field.alphabet:
                # The literal that ends it is taken with it.
                forth = tuple(at + 1 for at in behind)
                yield Step(cost + 8.0, (field, Literal(bytes((octet,)))), forth)

    def _behind(self, cursors: Cursors, spellings: Sequence[bytes]) -> Cursors | None:
        """Return the cursors behind a field; None if it does not stand there."""
        rows = zip(self._octets, cursors, spellings, strict=True)
        if not all(octets.startswith(said, at) for octets, at, said in rows):
            return None
        return tuple(
            at + len(said) for at, said in zip(cursors, spellings, strict=True)
        )

    def _lengths(self, cursors: Cursors) -> Iterator[Step]:
        """Lengths of the rest or the whole."""
        for length, said, behind in numbers(self._octets, cursors):
            rows = list(zip(said, behind, self.ends, strict=True))
            rests = {number - (end - at) for number, at, end in rows}
            wholes = {number - end for number, _, end in rows}
            end = self._ending(length, behind)
            if end is None:
                continue
            literal, forth = end
            if forth == self.ends and wholes != {0}:
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
            yield Step(cost, (made, *literal), forth, has_length=True)

    def _ending(
        self, length: Length, behind: Cursors
    ) -> tuple[tuple[Part, ...], Cursors] | None:
        """Return the literal that must end a number in text, and where it ends."""
        if not length.ends_outside:
            return (), behind
        octet = self._constant(behind)
        if octet is None or octet in DIGITS:
            return None
        return (Literal(bytes((octet,))),), tuple(at + 1 for at in behind)

    def _prefixed(self, cursors: Cursors) -> Iterator[Step]:
        """Fields and unknown octets that have their own length in front."""
        for length, said, behind in numbers(self._octets, cursors):
            if length.ends_outside:
                # With a literal behind it, it is in front of the literal.
                continue
            made = _of(length, "next")
            for cost, field, spellings in self._spellings:
                if not field.ends_outside or said != [len(s) for s in spellings]:
                    continue
                if (forth := self._behind(behind, spellings)) is not None:
                    yield Step(cost + 6.0, (made, field), forth)
            forth = tuple(at + n for at, n in zip(behind, said, strict=True))
            fits = all(at <= end for at, end in zip(forth, self.ends, strict=True))
            if fits and len(set(said)) > 1:
                text = self._is_text(behind, forth)
                # Any number fits in front of enough octets: unless they are text, it is
                # told in full, and only what then stands in line pays for its name.
                told = sum(said) + (0 if text else sum(behind) - sum(cursors))
                cost = _NAME + _START + 8.0 * told
                yield Step(cost, (made, _unknown(said, text=text)), forth)

    def _checksums(self, cursors: Cursors) -> Iterator[Step]:
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
                yield Step(_NAME, (checksum,), forth)

    def _sum(self, checksum: Checksum, number: int, at: int) -> bytes:
        """The checksum of what is in front of a place: many ways lead there."""
        key = checksum.algorithm, number, at
        if (found := self._sums.get(key)) is None:
            big = dataclasses.replace(checksum, order="big")
            found = self._sums[key] = big.of(self._octets[number][:at])
        return found if checksum.order == "big" else found[::-1]

    def _rest(self, cursors: Cursors) -> Step:
        lefts = [end - at for end, at in zip(self.ends, cursors, strict=True)]
        text = self._is_text(cursors, self.ends)
        return Step(_START + 8.0 * sum(lefts), (_unknown(lefts, text=text),), self.ends)

    def _delimited(self, cursors: Cursors) -> Iterator[Step]:
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
            yield Step(cost, (_unknown(widths, text=text), literal), forth)

    def _is_text(self, starts: Cursors, ends: Cursors) -> bool:
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
