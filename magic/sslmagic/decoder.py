"""The incremental decoder: octets in as they come, one preamble out.

    HEAD ──first octet names a format──▶ BODY ──last octet──▶ DONE
      └──────────── DecodeError ──────────┴──▶ FAILED

Both ends are final. No octet behind the preamble is ever interpreted: it belongs to
whoever speaks next, TLS say, and is in `rest`, untouched.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable
from typing import NamedTuple

from sslmagic.errors import ConfigurationError, DecodeError, IncompleteError, Reason
from sslmagic.preamble import Preamble
from sslmagic.wire import (
    FORMATS,
    FRAMERS,
    LIMITS,
    PARSERS,
    SHORT_CUTS,
    Frame,
    Framing,
    Learnt,
)
from sslmagic.wire import magic as magic_wire
from sslmagic.wire.foreign import TO_TELL, foreign

__all__ = ["Choice", "Decoder", "Framer", "checked_formats", "choice_among", "decode"]

_FIRST = {0xCD: "magic", 0x50: "proxy1", 0x0D: "proxy2"}
"""The format that each first octet announces (spec.md section 3.1)."""
_LEAST = {"magic": 12, "proxy1": 15, "proxy2": 16}
"""Octets of the shortest preamble of each format."""


class Choice(NamedTuple):
    """What the first octet of a preamble chooses among some formats."""

    framers: dict[int, tuple[str, Callable[[bytes, int], Framing], int]]
    """First octet -> the format that it announces, its framer and its limit."""
    least: int
    """Octets of the shortest preamble."""
    short_cuts: dict[int, Callable[[bytes], tuple[Preamble, bytes] | None]]
    """First octet -> a reader that returns the preamble and what
    follows it; None for all that is not whole, signed, wrong or with TLVs."""


def checked_formats(formats: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of the formats that a receiver accepts as a tuple.

    A learnt layout stands for its own name, if the first octet can choose it.

    Raises:
        ConfigurationError: none is named, one does not exist, or no first octet tells
            a learnt one from another, from TLS, or from anything else.
    """
    names = _named(formats)
    for name in names:
        if isinstance(name, Learnt) and not name.is_recognisable:
            raise ConfigurationError(
                f"layout {name} starts with no literal: whatever a client without a"
                " preamble says would be read as one, a ClientHello too"
            )
    return names


def _named(formats: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of what may be decoded, where nobody's word is believed."""
    if isinstance(formats, str):
        names: tuple[str, ...] = (formats,)
    else:
        names = tuple(dict.fromkeys(formats))
    if not names:
        raise ConfigurationError("no format is named")
    for name in names:
        if name not in LIMITS and not isinstance(name, Learnt):
            raise ConfigurationError(f"{name!r} is none of {', '.join(FORMATS)}")
    _check_chosen(names)
    return names


def _check_chosen(names: tuple[str, ...]) -> None:
    """Refuse formats among which a first octet does not choose."""
    chosen = {octet: name for octet, name in _FIRST.items() if name in names}
    for layout in names:
        if not isinstance(layout, Learnt):
            continue
        if layout.starts_as_tls:
            raise ConfigurationError(
                f"layout {layout} may start with octet 0x16, as TLS does: a client"
                " without a preamble would be read as one"
            )
        if len(names) > 1 and not layout.is_recognisable:
            raise ConfigurationError(
                f"layout {layout} starts with no literal: it can only be decoded alone"
            )
        for octet in sorted(layout.firsts):
            if (other := chosen.setdefault(octet, layout)) is not layout:
                raise ConfigurationError(
                    f"layout {layout} and {other} both start with octet"
                    f" 0x{octet:02X}, which is to choose between them: accept one"
                )


def choice_among(formats: str | tuple[str, ...]) -> Choice:
    """Return what each first octet chooses among *formats*.

    A receiver asks for the same few again with every connection.
    """
    try:
        return _COMMON[formats]
    except KeyError:
        kinds = (type(formats), *map(type, formats))
        return _chosen(formats, kinds)


@functools.lru_cache(maxsize=64)
def _chosen(
    formats: str | tuple[str, ...],
    kinds: tuple[type, ...],  # noqa: ARG001 - a name alone equals the layout of that name
) -> Choice:
    choice = Choice({}, 0, {})
    least: list[int] = []
    for name in _named(formats):
        if isinstance(name, Learnt):
            found = dict.fromkeys(name.firsts, (name, name.frame, name.limit))
            choice.framers.update(found)
            least.append(name.least)
            continue
        first = next(octet for octet, known in _FIRST.items() if known == name)
        choice.framers[first] = name, FRAMERS[name], LIMITS[name]
        choice.short_cuts[first] = SHORT_CUTS[name]
        least.append(_LEAST[name])
    return choice._replace(least=min(least))


_ORDERS = [
    names
    for count in range(1, len(FORMATS) + 1)
    for names in itertools.permutations(FORMATS, count)
]
_COMMON: dict[str | tuple[str, ...], Choice] = {
    formats: _chosen(formats, ()) for formats in (*FORMATS, *_ORDERS)
}
"""What is chosen among formats without layouts, whatever their order."""


class Framer:
    """Finds the end of one preamble at the front of a stream, and parses nothing.

    `Decoder` is this and the parsing; a `Reception` checks the proof in between.

    Args:
        formats: which formats may stand there; the first octet chooses among them.
        limit: the longest preamble in octets; None for each format's own limit.
    """

    __slots__ = ("_buffer", "_error", "_framers", "_limit", "_wanted", "frame")

    frame: Frame | None
    """The whole preamble, once its last octet is in."""

    def __init__(
        self, formats: str | Iterable[str] = "magic", *, limit: int | None = None
    ) -> None:
        if not isinstance(formats, (str, tuple)):
            formats = tuple(formats)
        choice = choice_among(formats)
        self._framers = choice.framers
        self._wanted = choice.least
        self._limit = limit
        self._buffer = b""
        self._error: DecodeError | None = None
        self.frame = None

    @property
    def wanted(self) -> int:
        """How many more octets are surely the preamble's; 0 at either end."""
        return self._wanted

    @property
    def rest(self) -> bytes:
        """What came after the preamble; empty while it is not whole."""
        return self._buffer if self.frame is not None else b""

    def feed(self, octets: bytes | bytearray | memoryview) -> Frame | None:
        """Take *octets*; return the frame from its last octet on.

        Raises:
            DecodeError: close the connection. Every later call raises it again.
        """
        if self._error is not None:
            raise self._error
        # A slice of a bytearray or memoryview must not change under the frame.
        buffer = self._buffer = self._buffer + bytes(octets)
        if self.frame is not None or not buffer:
            return self.frame
        try:
            name, framing = self._framing(buffer)
        except DecodeError as error:
            raise self.fail(_explained(error, buffer)) from None
        self._wanted = framing.wanted
        if framing.wanted == 0:
            whole = buffer[: framing.length]
            proof = magic_wire.proof(whole) if name == "magic" else None
            self.frame = Frame(name, whole, proof)
            self._buffer = buffer[framing.length :]
        return self.frame

    def close(self) -> Frame:
        """Say that the stream ended; return the frame.

        Raises:
            IncompleteError: the preamble is not whole.
        """
        if self.frame is not None:
            return self.frame
        if self._error is not None:
            raise self._error
        have = len(self._buffer)
        raise self.fail(
            IncompleteError(
                "the stream ended before a preamble"
                if not have
                else "the stream ended inside the preamble",
                offset=have,
            )
        )

    def _framing(self, buffer: bytes) -> tuple[str, Framing]:
        chosen = self._framers.get(buffer[0])
        if chosen is None:
            names = dict.fromkeys(str(name) for name, _, _ in self._framers.values())
            raise DecodeError(
                f"octet 0x{buffer[0]:02X} does not start {' or '.join(names)}",
                reason=Reason.FORMAT,
                offset=0,
            )
        name, framer, limit = chosen
        return name, framer(buffer, limit if self._limit is None else self._limit)

    def fail(self, error: DecodeError) -> DecodeError:
        """End in FAILED: let go of the octets, return *error* to be raised."""
        self._error = error
        self._wanted = 0
        self._buffer = b""
        return error


def _explained(error: DecodeError, octets: bytes) -> DecodeError:
    """Return *error*, which says what stands there if it is no preamble at all."""
    is_none = error.reason is Reason.FORMAT and error.offset < TO_TELL
    protocol = foreign(octets) if is_none else None
    if protocol is None:
        return error
    return DecodeError(
        f"{error.message}: {protocol} begins where a preamble was due",
        reason=error.reason,
        offset=error.offset,
    )


class Decoder:
    """Reads one preamble off the front of a stream, without the stream.

    Feed it what the transport gave, in pieces of any size, until it returns a
    `Preamble`. To leave what follows in the kernel, read no more than `wanted` at a
    time. If a call raises anything but `DecodeError`, that is a bug.

    It believes everybody: a `Reception` asks who may speak for a client. A proof is
    not checked, and stays in `frame`.

    Args:
        formats: one format or several; the first octet chooses among them.
        limit: the longest preamble in octets; None for each format's own limit.
    """

    __slots__ = ("_framer", "_preamble")

    def __init__(
        self, formats: str | Iterable[str] = "magic", *, limit: int | None = None
    ) -> None:
        self._framer = Framer(formats, limit=limit)
        self._preamble: Preamble | None = None

    @property
    def wanted(self) -> int:
        """How many more octets are surely the preamble's; 0 at either end."""
        return self._framer.wanted

    @property
    def rest(self) -> bytes:
        """What came after the preamble; empty while it is not whole."""
        return self._framer.rest

    @property
    def frame(self) -> Frame | None:
        """The preamble's own octets and its proof, once it is whole."""
        return self._framer.frame

    def feed(self, octets: bytes | bytearray | memoryview) -> Preamble | None:
        """Take *octets*; return the preamble from its last octet on, else None.

        Raises:
            DecodeError: close the connection. Every later call raises it again.
        """
        frame = self._framer.feed(octets)
        if frame is not None and self._preamble is None:
            try:
                self._preamble = PARSERS[frame.format](frame)
            except DecodeError as error:
                raise self._framer.fail(error) from None
        return self._preamble

    def close(self) -> Preamble:
        """Say that the stream ended; return the preamble.

        Raises:
            IncompleteError: it is not whole.
        """
        self._framer.close()
        preamble = self.feed(b"")
        assert preamble is not None
        return preamble


def decode(
    octets: bytes, formats: str | Iterable[str] = "magic", *, limit: int | None = None
) -> tuple[Preamble, bytes]:
    """Return the preamble at the front of *octets*, and what follows it.

    Raises:
        IncompleteError: the preamble is not whole.
        DecodeError: the octets are none.
        ConfigurationError: a format does not exist.
    """
    # A slice of anything but bytes could change under the preamble.
    is_octets = limit is None and type(octets) is bytes
    if is_octets and type(formats) is str and formats in SHORT_CUTS:
        found = SHORT_CUTS[formats](octets)
        if found is not None:
            return found
    decoder = Decoder(formats, limit=limit)
    preamble = decoder.feed(octets)
    return (decoder.close() if preamble is None else preamble), decoder.rest
