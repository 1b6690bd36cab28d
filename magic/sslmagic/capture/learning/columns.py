"""The samples side by side: a place in all of them at once, and the steps from it.

What a step costs is counted in bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.spelling import SPELLINGS, Field, spelt, stands
from sslmagic.wire.learnt import MOST
from sslmagic.wire.parts import MOST_UNKNOWN, Part, Unknown

__all__ = ["NAME", "START", "Columns", "Cursors", "State", "Step"]

NAME = 10.0
"""Bits that name a part and its encoding: there are some hundred of them."""
START = 16.0
"""Bits that begin octets whose meaning is unknown."""

Cursors = tuple[int, ...]
"""A place in every sample."""


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


class Columns:
    """What stands at places of samples, and what is known to be spelt there."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.octets = [sample.octets for sample in samples]
        self.ends: Cursors = tuple(len(octets) for octets in self.octets)
        self.are_even = len(set(self.ends)) == 1
        """Whether all are equally long."""
        self.spellings: list[tuple[float, Field, list[bytes]]] = []
        """The fields that every sample holds: the bits of each, and how it is spelt."""
        first = self.octets[0]
        self.spelt_at = bytearray(len(first))
        """Where a field may stand in the first sample."""
        for rank, field in enumerate(SPELLINGS):
            spellings = [spelt(field, sample) for sample in samples]
            known = [one for one in spellings if one is not None]
            if len(known) < len(spellings) or not all(
                spelling in octets
                for spelling, octets in zip(known, self.octets, strict=True)
            ):
                continue
            self.spellings.append((NAME + rank / 1000, field, known))
            width = len(known[0])
            for at in stands(field, known[0], first):
                self.spelt_at[at : at + width] = b"\1" * width

    def constant(self, cursors: Cursors) -> int | None:
        """Return the octet that stands at all cursors; None if they differ."""
        found = {
            octets[at] if at < len(octets) else -1
            for octets, at in zip(self.octets, cursors, strict=True)
        }
        octet = found.pop()
        return None if found or octet < 0 else octet

    def behind(self, cursors: Cursors, spellings: Sequence[bytes]) -> Cursors | None:
        """Return the cursors behind a field; None if it does not stand there."""
        rows = zip(self.octets, cursors, spellings, strict=True)
        if not all(octets.startswith(said, at) for octets, at, said in rows):
            return None
        return tuple(
            at + len(said) for at, said in zip(cursors, spellings, strict=True)
        )

    def unknown(self, starts: Cursors, ends: Cursors) -> Unknown:
        """Return what stands between as octets of no fixed width."""
        widths = [end - start for start, end in zip(starts, ends, strict=True)]
        return Unknown(
            text=self._are_text(starts, ends),
            longest=MOST_UNKNOWN if max(widths) < MOST_UNKNOWN else MOST,
        )

    def _are_text(self, starts: Cursors, ends: Cursors) -> bool:
        return all(
            octets[start:end].isascii() and octets[start:end].decode().isprintable()
            for octets, start, end in zip(self.octets, starts, ends, strict=True)
        )
