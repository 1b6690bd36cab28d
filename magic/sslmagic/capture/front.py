"""How much of a stream's front is wanted to judge it.

    b""       ─▶ the longest signature
    preamble  ─▶ its end, what its proof covers, and enough to tell what follows
    TLS       ─▶ the end of the ClientHello, and a signature's length behind it
    else      ─▶ enough to say what it is

The answer only grows with the octets that are there, and is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable

from sslmagic.decoder import Framer, choice_among
from sslmagic.errors import DecodeError
from sslmagic.hello import LIMIT, hello_length, starts_client_hello
from sslmagic.wire import FORMATS, LONGEST_SIGNATURE, signature

__all__ = ["SHOWN", "Front", "wanted"]

SHOWN = 256
"""Octets of a front that is no valid preamble: those that a person is shown."""
_TOLD = 64
"""Octets of anything else than TLS: a request line, a banner."""
_TLS = 0x16
_MOST_RECORD = 1 << 14
_MOST_HELLO = LIMIT + 4096
"""Octets of the records of a ClientHello that are waited for: the longest, and room
for one that is cut into many."""


class Front:
    """Says how many octets of a stream's front are wanted. Picklable.

    Args:
        formats: those of which a preamble may be.
        limit: the longest preamble in octets; None for each format's own limit.
    """

    __slots__ = ("formats", "limit")

    def __init__(
        self, formats: Iterable[str] = FORMATS, *, limit: int | None = None
    ) -> None:
        self.formats = tuple(formats)
        self.limit = limit

    def __call__(self, octets: bytes) -> int:
        """Return how many are wanted in all, given those there; 0 if that is enough."""
        total = self._total(octets)
        return total if total > len(octets) else 0

    def _total(self, octets: bytes) -> int:
        if not octets:
            return LONGEST_SIGNATURE
        if octets[0] == _TLS:
            # No preamble starts so, and no layout may.
            return _without(octets)
        if self.limit is None:
            plain = choice_among(self.formats).short_cuts.get(octets[0])
            if plain is not None and (found := plain(octets)) is not None:
                return len(octets) - len(found[1]) + _behind(found[1])
        framer = Framer(self.formats, limit=self.limit)
        try:
            frame = framer.feed(octets)
        except DecodeError:
            return _without(octets)
        if frame is None:
            return len(octets) + framer.wanted
        bound = frame.proof.bound if frame.proof else 0
        return len(frame.octets) + max(bound, _behind(framer.rest))


wanted = Front()
"""For whoever wants every format by its own limit."""


def _without(octets: bytes) -> int:
    """Return how much is wanted of a front that has no valid preamble."""
    told = starts_client_hello(octets)
    if told is None:
        return SHOWN
    return _hello(octets) if told else SHOWN


def _behind(rest: bytes) -> int:
    if not rest:
        return LONGEST_SIGNATURE
    if signature(rest) is not None:
        return _TOLD
    return _hello(rest) if starts_client_hello(rest) is not False else _TOLD


def _hello(octets: bytes) -> int:
    """Return the end of the ClientHello and of what may be a signature behind it."""
    if (end := _one_record(octets)) is not None:
        return end + LONGEST_SIGNATURE
    try:
        end = hello_length(octets)
    except DecodeError:
        return SHOWN
    if end is not None:
        return end + LONGEST_SIGNATURE
    at = 0
    # To the end of the last record that has begun, and by a quarter at the least: asked
    # for octet by octet, or record by record, a hello would be read a thousand times.
    while len(octets) >= at + 5:
        at += 5 + (octets[at + 3] << 8 | octets[at + 4])
    return min(max(at, len(octets) * 5 // 4, len(octets) + 1), _MOST_HELLO)


def _one_record(octets: bytes) -> int | None:
    """Return what `hello_length` does, of nearly every hello: one whole record."""
    if octets[:2] != b"\x16\x03" or octets[5:7] != b"\x01\0" or len(octets) < 9:
        return None
    size = octets[3] << 8 | octets[4]
    length = 4 + (octets[7] << 8 | octets[8])
    return 5 + size if length <= size <= min(_MOST_RECORD, len(octets) - 5) else None
