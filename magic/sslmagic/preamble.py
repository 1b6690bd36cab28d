"""The values that a preamble carries: who the client is, and where it connected.

A `Preamble` keeps both addresses as one packed block, the one that MAGIC and PROXY v2
have on the wire, and formats them when they are first looked at: a receiver that only
passes them on never pays for their text.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Self

from sslmagic.address import MAPPED, host_text, pack_host, source_fault
from sslmagic.errors import EncodeError
from sslmagic.tlv import TLV

__all__ = [
    "Address",
    "Command",
    "Endpoint",
    "Preamble",
    "Transport",
    "UnixEndpoint",
    "block_fault",
    "checked",
    "plain_reader",
    "unmapped_block",
]


class Command(enum.IntEnum):
    """What the preamble says of the connection (spec.md section 4.1)."""

    LOCAL = 0
    """The sender speaks for itself, a health check say: there is no client."""
    PROXY = 1
    """The sender relays the client at `Preamble.source`."""


class Transport(enum.IntEnum):
    """Address family and transport: the PROXY v2 code points (spec.md section 4.2)."""

    UNKNOWN = 0x00
    TCP4 = 0x11
    UDP4 = 0x12
    TCP6 = 0x21
    UDP6 = 0x22
    UNIX = 0x31
    UNIX_DGRAM = 0x32

    @property
    def label(self) -> str:
        """The name that people and JSON use: `UNIX-DGRAM` for `UNIX_DGRAM`."""
        return self.name.replace("_", "-")

    @property
    def block_length(self) -> int:
        """Octets of the address block: 0, 12, 36 or 216."""
        return _BLOCK_LENGTH[self]

    @property
    def is_stream(self) -> bool:
        """Whether a preamble of this transport can precede a stream."""
        return self & 0x0F == 1


class Endpoint(NamedTuple):
    """An IP address and port."""

    host: str
    """A literal address in canonical text, never a name."""
    port: int
    """0 to 65535."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``203.0.113.9:443`` or ``[2001:db8::1]:443``.

        Raises:
            ValueError: the text is something else.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise ValueError(f"{text!r} does not end in :PORT, 0 to 65535")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            raise ValueError(f"{text!r} is an IPv6 address without its [brackets]")
        return cls(host_text(pack_host(host)), int(port))

    def __str__(self) -> str:
        if ":" in self.host:
            return f"[{self.host}]:{self.port}"
        return f"{self.host}:{self.port}"


class UnixEndpoint(NamedTuple):
    """The address of a UNIX stream socket."""

    path: str = ""
    """At most 108 octets, empty if unnamed; octets that are no UTF-8 are escaped as
    surrogates, as `os.fsdecode` does."""

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = Endpoint | UnixEndpoint | tuple[str, int]
"""What a `Preamble` is built from; it always gives back the named kinds."""


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
    """The address the client connected to; None for LOCAL and UNKNOWN."""

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
            found, block = _pack(source, destination, transport)
        if transport is not None and transport is not found:
            raise EncodeError(f"these addresses are no {transport.label}")
        _set_command(self, Command(command))
        _set_transport(self, found)
        _set_block(self, block)
        _set_tlvs(self, tuple(TLV(kind, bytes(value)) for kind, value in tlvs))

    @classmethod
    def local(cls, tlvs: Iterable[TLV | tuple[int, bytes]] = ()) -> Preamble:
        """Return a LOCAL preamble: the sender speaks for itself."""
        return cls(command=Command.LOCAL, tlvs=tlvs)

    @classmethod
    def packed(
        cls, transport: Transport, block: bytes, tlvs: tuple[TLV, ...] = ()
    ) -> Preamble:
        """Return a PROXY preamble from a packed address block, for hot paths.

        Raises:
            EncodeError: the block is not canonical for *transport*, or its source
                cannot be a client.
        """
        if len(block) != _BLOCK_LENGTH[transport]:
            raise EncodeError(
                f"{transport.label} takes a block of {_BLOCK_LENGTH[transport]} octets,"
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
            if name == "tlvs":
                _set_tlvs(self, ())
            elif name == "command":
                _set_command(self, Command.PROXY)
            elif name == "source":
                _set_source(self, _endpoint(self.transport, self.block, 0))
            elif name == "destination":
                _set_destination(self, _endpoint(self.transport, self.block, 1))
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
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, self._key()

    def __repr__(self) -> str:
        said = [f"command={self.command.name}", f"transport={self.transport.label}"]
        if self.source is not None:
            said += [f"source={str(self.source)!r}"]
            said += [f"destination={str(self.destination)!r}"]
        if self.tlvs:
            said += [f"tlvs={list(self.tlvs)!r}"]
        return f"Preamble({', '.join(said)})"


# The slots' own setters: `__setattr__` is closed, and these are the fast way past it.
_set_command = Preamble.__dict__["command"].__set__
_set_transport = Preamble.__dict__["transport"].__set__
_set_block = Preamble.__dict__["block"].__set__
_set_tlvs = Preamble.__dict__["tlvs"].__set__
_set_source = Preamble.__dict__["source"].__set__
_set_destination = Preamble.__dict__["destination"].__set__
_new = object.__new__

_BLOCK_LENGTH = {transport: (0, 12, 36, 216)[transport >> 4] for transport in Transport}
_TCP4 = Transport.TCP4
_PATH_SIZE = 108


def checked(transport: Transport, block: bytes, tlvs: tuple[TLV, ...] = ()) -> Preamble:
    """Return a PROXY preamble from a block that `block_fault` has passed."""
    preamble: Preamble = _new(Preamble)
    _set_transport(preamble, transport)
    _set_block(preamble, block)
    # The empty one too: found empty later, it costs twenty times as much.
    _set_tlvs(preamble, tlvs)
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


def block_fault(transport: Transport, block: bytes) -> tuple[int, str] | None:
    """Return where in *block* it is no canonical claim and why, or None.

    The block has the right length. Not canonical is an IPv6 pair of which both sides
    are IPv4-mapped: `unmapped_block` says it as IPv4.
    """
    family = transport >> 4
    if family == 0:
        return None
    if family == 3:
        return _path_fault(block, 0) or _path_fault(block, _PATH_SIZE)
    size = 4 if family == 1 else 16
    if why := source_fault(block[:size]):
        return 0, f"{why} cannot be a client's source"
    if block[2 * size : 2 * size + 2] == b"\0\0":
        return 2 * size, "port 0 cannot be a client's source port"
    if block[:12] == MAPPED == block[16:28]:
        return 0, "a pair of IPv4-mapped addresses is not canonical: it is IPv4"
    return None


def unmapped_block(transport: Transport, block: bytes) -> tuple[Transport, bytes]:
    """Return an IPv6 block of two mapped addresses as IPv4, others as they are."""
    if transport >> 4 == 2 and block[:12] == MAPPED == block[16:28]:
        ipv4 = block[12:16] + block[28:32] + block[32:]
        return Transport(0x10 | transport & 0x0F), ipv4
    return transport, block


def _path_fault(block: bytes, start: int) -> tuple[int, str] | None:
    field = block[start : start + _PATH_SIZE]
    path = field.rstrip(b"\0")
    if (nul := path.find(b"\0")) >= 0:
        return start + nul, "a UNIX path is followed by zeros only"
    return None


def _endpoint(
    transport: Transport, block: bytes, side: int
) -> Endpoint | UnixEndpoint | None:
    family = transport >> 4
    if family == 0:
        return None
    if family == 3:
        path = block[_PATH_SIZE * side : _PATH_SIZE * (side + 1)].rstrip(b"\0")
        return UnixEndpoint(path.decode("utf-8", "surrogateescape"))
    size = 4 if family == 1 else 16
    port = 2 * size + 2 * side
    return Endpoint(
        host_text(block[size * side : size * (side + 1)]),
        block[port] << 8 | block[port + 1],
    )


def _pack(
    source: Address, destination: Address, transport: Transport | None
) -> tuple[Transport, bytes]:
    datagram = transport is not None and not transport.is_stream
    if isinstance(source, UnixEndpoint) or isinstance(destination, UnixEndpoint):
        if not (
            isinstance(source, UnixEndpoint) and isinstance(destination, UnixEndpoint)
        ):
            raise EncodeError("a UNIX address and an IP address make no preamble")
        block = _pack_path(source) + _pack_path(destination)
        return (Transport.UNIX_DGRAM if datagram else Transport.UNIX), block
    hosts = [_pack_side(*source, "source"), _pack_side(*destination, "destination")]
    if len(hosts[0]) == len(hosts[1]) == 4:
        found = Transport.UDP4 if datagram else Transport.TCP4
    else:
        found = Transport.UDP6 if datagram else Transport.TCP6
        hosts = [MAPPED + host if len(host) == 4 else host for host in hosts]
    ports = source[1] << 16 | destination[1]
    block = hosts[0] + hosts[1] + ports.to_bytes(4, "big")
    if fault := block_fault(found, block):
        raise EncodeError(fault[1])
    return found, block


def _pack_side(host: str, port: int, name: str) -> bytes:
    if not 0 <= port <= 65535:
        raise EncodeError(f"{name} port {port} is not in 0 to 65535")
    try:
        return pack_host(host)
    except ValueError as error:
        raise EncodeError(f"{name}: {error}") from None


def _pack_path(endpoint: UnixEndpoint) -> bytes:
    try:
        path = endpoint.path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise EncodeError(f"UNIX path {endpoint.path!r} cannot be encoded") from None
    if len(path) > _PATH_SIZE:
        raise EncodeError(f"a UNIX path of {len(path)} octets: {_PATH_SIZE} is most")
    if b"\0" in path:
        raise EncodeError("abstract UNIX addresses and embedded NULs are not carried")
    return path.ljust(_PATH_SIZE, b"\0")


def _restored(
    command: Command, transport: Transport, block: bytes, tlvs: tuple[TLV, ...]
) -> Preamble:
    if command is Command.LOCAL:
        return Preamble.local(tlvs)
    return checked(transport, block, tlvs)
