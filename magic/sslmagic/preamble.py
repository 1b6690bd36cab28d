"""The values that a preamble carries: who the client is, and where it connected.

A `Preamble` keeps both addresses as one packed block, the one that MAGIC and PROXY v2
have on the wire, and formats them when they are first looked at: a receiver that only
passes them on never pays for their text.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, NoReturn

from sslmagic.block import (
    Address,
    Endpoint,
    Transport,
    UnixEndpoint,
    block_fault,
    endpoint_in,
    pack_block,
)
from sslmagic.errors import EncodeError
from sslmagic.tlv import TLV

__all__ = [
    "Command",
    "Endpoint",
    "Preamble",
    "Transport",
    "UnixEndpoint",
    "checked",
    "plain_reader",
    "undirected",
]


class Command(enum.IntEnum):
    """What the preamble says of the connection (spec.md section 4.1)."""

    LOCAL = 0
    """The sender speaks for itself, a health check say: there is no client."""
    PROXY = 1
    """The sender relays the client at `Preamble.source`."""


class Preamble:
    """What a preamble says; immutable, hashable, picklable (spec.md section 4).

    Args:
        source: the client, as an `Endpoint`, a (host, port) tuple or a
            `UnixEndpoint`; None for LOCAL and for an unknown transport.
        destination: the address that the client connected to, of the same kind.
            IPv4-mapped addresses are taken as IPv4; where one side is IPv4 and the
            other IPv6, the transport is TCP6.
        command: LOCAL or PROXY.
        transport: found from the addresses; name it for datagrams, and
            `Transport.UNKNOWN` for a PROXY preamble without addresses.
        tlvs: `TLV` values or (type, value) tuples; order is kept.

    Raises:
        EncodeError: the values do not make a preamble.
    """

    __slots__ = ("block", "command", "destination", "source", "tlvs", "transport")

    lacks_destination: ClassVar[bool] = False
    """Whether it names a client, but not where that connected: `destination` is None.
    Some learnt layouts have no place for it; every other format needs one."""
    command: Command
    """LOCAL or PROXY."""
    transport: Transport
    """Family and transport of the addresses."""
    block: bytes
    """The packed address block: source, destination, source port, destination port."""
    tlvs: tuple[TLV, ...]
    """Type-length-value extensions in the order of the wire."""
    source: Endpoint | UnixEndpoint | None
    """The client; None for LOCAL and UNKNOWN."""
    destination: Endpoint | UnixEndpoint | None
    """The address the client connected to; None for LOCAL and UNKNOWN, and if it
    `lacks_destination`."""

    def __init__(
        self,
        *,
        source: Address | None = None,
        destination: Address | None = None,
        command: Command = Command.PROXY,
        transport: Transport | None = None,
        tlvs: Iterable[TLV | tuple[int, bytes]] = (),
    ) -> None:
        if (source is None) != (destination is None):
            raise EncodeError("source and destination come together or not at all")
        if source is None or destination is None:
            if command is Command.PROXY and transport is not Transport.UNKNOWN:
                raise EncodeError("a PROXY preamble needs a source and a destination")
            found, block = Transport.UNKNOWN, b""
        elif command is Command.LOCAL:
            raise EncodeError("a LOCAL preamble carries no addresses")
        else:
            found, block = pack_block(source, destination, transport)
        if transport is not None and transport is not found:
            raise EncodeError(f"these addresses are no {transport.label}")
        _set_command(self, Command(command))
        _set_transport(self, found)
        _set_block(self, block)
        # Not bytes() of the value itself, which makes of 5 five zeros.
        own = [TLV(kind, memoryview(value).tobytes()) for kind, value in tlvs]
        _set_tlvs(self, tuple(own))

    @classmethod
    def local(cls, tlvs: Iterable[TLV | tuple[int, bytes]] = ()) -> Preamble:
        """Return a LOCAL preamble: the sender speaks for itself."""
        return cls(command=Command.LOCAL, tlvs=tlvs)

    @classmethod
    def without_destination(cls, source: Address) -> Preamble:
        """Return a preamble that does not say where its client connected.

        Raises:
            EncodeError: *source* is no IP address and port that a client can have.
        """
        if isinstance(source, UnixEndpoint):
            raise EncodeError("a UNIX source comes together with a destination")
        nowhere = "::" if ":" in source[0] else "0.0.0.0"
        return undirected(*pack_block(source, (nowhere, 0), None))

    @classmethod
    def packed(
        cls, transport: Transport, block: bytes, tlvs: tuple[TLV, ...] = ()
    ) -> Preamble:
        """Return a PROXY preamble from a packed address block, for hot paths.

        Raises:
            EncodeError: the block is not canonical for *transport*, or its source
                cannot be a client.
        """
        if len(block) != transport.block_length:
            raise EncodeError(
                f"{transport.label} takes a block of {transport.block_length} octets,"
                f" not {len(block)}"
            )
        if fault := block_fault(transport, block):
            raise EncodeError(fault[1])
        return checked(transport, block, tlvs)

    def tlv(self, kind: int) -> TLV | None:
        """Return the first TLV of that type, or None."""
        return next((tlv for tlv in self.tlvs if tlv.type == kind), None)

    if not TYPE_CHECKING:  # so that a misspelt attribute stays an error to checkers

        def __getattr__(self, name):
            # Reached for slots that are still empty: the parsers of the wire fill
            # only what they have read, the rest is worked out here, once.
            if name == "source":
                source = endpoint_in(self.transport, self.block, 0)
                _set_source(self, source)
                return source
            if name == "tlvs":
                _set_tlvs(self, ())
            elif name == "command":
                _set_command(self, Command.PROXY)
            elif name == "destination":
                _set_destination(self, endpoint_in(self.transport, self.block, 1))
            else:
                raise AttributeError(f"a Preamble has no {name!r}")
            return getattr(self, name)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Preamble is immutable: {name} stays as it is")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Preamble is immutable: {name} stays as it is")

    def _key(self) -> tuple[Command, Transport, bytes, tuple[TLV, ...]]:
        return self.command, self.transport, self.block, self.tlvs

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Preamble):
            return NotImplemented
        if self.lacks_destination is not other.lacks_destination:
            return False
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, self._key()

    def __repr__(self) -> str:
        said = [f"command={self.command.name}", f"transport={self.transport.label}"]
        if self.source is not None:
            said += [f"source={str(self.source)!r}"]
        if self.destination is not None:
            said += [f"destination={str(self.destination)!r}"]
        if self.tlvs:
            said += [f"tlvs={list(self.tlvs)!r}"]
        return f"Preamble({', '.join(said)})"


class _Undirected(Preamble):
    """One that does not say where its client connected.

    In its block the destination is what was said of it, an address without a port, say,
    and zeros where nothing was.
    """

    __slots__ = ()

    lacks_destination = True
    if not TYPE_CHECKING:  # what shadows a slot
        destination = None

    def __reduce__(self) -> tuple[object, ...]:
        return undirected, (self.transport, self.block)


# The slots' own setters: `__setattr__` is closed, and these are the fast way past it.
_set_command = Preamble.__dict__["command"].__set__
_set_transport = Preamble.__dict__["transport"].__set__
_set_block = Preamble.__dict__["block"].__set__
_set_tlvs = Preamble.__dict__["tlvs"].__set__
_set_source = Preamble.__dict__["source"].__set__
_set_destination = Preamble.__dict__["destination"].__set__
_new = object.__new__

_TCP4 = Transport.TCP4


def checked(transport: Transport, block: bytes, tlvs: tuple[TLV, ...] = ()) -> Preamble:
    """Return a PROXY preamble from a block that `block_fault` has passed."""
    preamble: Preamble = _new(Preamble)
    _set_transport(preamble, transport)
    _set_block(preamble, block)
    # The empty one too: found empty later, it costs twenty times as much.
    _set_tlvs(preamble, tlvs)
    return preamble


def undirected(transport: Transport, block: bytes) -> Preamble:
    """Return a preamble that `lacks_destination` from a block as of `checked`."""
    preamble: Preamble = _new(_Undirected)
    _set_transport(preamble, transport)
    _set_block(preamble, block)
    _set_tlvs(preamble, ())
    return preamble


def plain_reader(
    heads: Mapping[Transport, bytes],
) -> Callable[[bytes], tuple[Preamble, bytes] | None]:
    """Return a reader of preambles that are one of *heads* and their address block.

    A short cut for the commonest ones: the reader returns the preamble and what
    follows it, or None, which sends its caller the long way, to framing and parsing.
    The heads, TCP4's among them, have one length.
    """
    head4 = heads[Transport.TCP4]
    start = len(head4)
    end4 = start + Transport.TCP4.block_length
    ends = {head: (kind, start + kind.block_length) for kind, head in heads.items()}

    def plain(octets: bytes) -> tuple[Preamble, bytes] | None:
        head = octets[:start]
        if head == head4:
            block = octets[start:end4]
            # What `block_fault` passes at once; written out, since each call here
            # would cost a tenth of the whole.
            if len(block) == 12 and 0 < block[0] < 224 and (block[8] or block[9]):
                preamble: Preamble = _new(Preamble)
                _set_transport(preamble, _TCP4)
                _set_block(preamble, block)
                return preamble, octets[end4:]
        if head not in ends:
            return None
        transport, end = ends[head]
        block = octets[start:end]
        if len(octets) < end or block_fault(transport, block):
            return None
        return checked(transport, block), octets[end:]

    return plain


def _restored(
    command: Command, transport: Transport, block: bytes, tlvs: tuple[TLV, ...]
) -> Preamble:
    if command is Command.LOCAL:
        return Preamble.local(tlvs)
    return checked(transport, block, tlvs)
