"""Octets of unknown meaning: told in full for each sample, wherever they end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sslmagic.capture.learning.columns import START, Columns, Cursors, State, Step
from sslmagic.wire.parts import Literal, Unknown

__all__ = ["Unknowns"]

_DELIMITERS = frozenset(range(0x21)) | frozenset(b",;:|/=&#?@!\"'()[]{}<>-_~\x7f\xff")
_ENDS = frozenset(b"\0\r\n\xff")
"""Those that end what is no text, too."""
_NO_TEXT = re.compile(rb"[^ -~]")


class Unknowns:
    """What is unknown of some samples."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        first = columns.octets[0]
        self._last = {
            octet: first.rfind(octet) for octet in sorted(_DELIMITERS & set(first))
        }
        """Where each that ends words stands last in the first sample."""

    def octet(self, state: State) -> Step:
        """Return a single one."""
        begin = 0.0 if state.in_unknown else START
        forth = tuple(at + 1 for at in state.cursors)
        return Step(begin + 8.0 * len(forth), (Unknown(width=1),), forth)

    def rest(self, cursors: Cursors) -> Step:
        """Return all that is left."""
        ends = self._columns.ends
        told = sum(ends) - sum(cursors)
        return Step(START + 8.0 * told, (self._columns.unknown(cursors, ends),), ends)

    def delimited(self, cursors: Cursors) -> Iterator[Step]:
        """Yield unknown octets of no fixed width, up to an octet that ends words."""
        first, start = self._columns.octets[0], cursors[0]
        text_end = _text_end(first, start)
        for octet, last in self._last.items():
            if last < start:
                continue
            if octet not in _ENDS and first.find(octet, start) > text_end:
                continue
            ends = tuple(
                octets.find(octet, at)
                for octets, at in zip(self._columns.octets, cursors, strict=True)
            )
            widths = {end - at for end, at in zip(ends, cursors, strict=True)}
            if min(ends) < 0 or len(widths) == 1:
                continue
            unknown = self._columns.unknown(cursors, ends)
            told = sum(ends) - sum(cursors) + (1 if unknown.text else len(cursors))
            cost = START + 2.0 + 8.0 * told
            forth = tuple(end + 1 for end in ends)
            literal = Literal(bytes((octet,)))
            yield Step(cost, (unknown, literal), forth)


def _text_end(octets: bytes, at: int) -> int:
    """Return where printable ASCII ends."""
    found = _NO_TEXT.search(octets, at)
    return len(octets) if found is None else found.start()
