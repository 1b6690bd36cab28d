"""The address block: who the client is and where it connected, packed.

MAGIC and PROXY v2 have the same one on the wire (spec.md section 4.3): source address,
destination address, source port, destination port; or two paths of UNIX sockets. It
is read, written and judged here, for every format.
"""

from __future__ import annotations

import enum
from typing import NamedTuple, Self

from sslmagic.address import MAPPED, host_text, pack_host, source_fault
from sslmagic.errors import EncodeError

__all__ = [
    "Address",
    "Endpoint",
    "Transport",
    "UnixEndpoint",
    "block_fault",
    "endpoint_in",
    "pack_block",
    "unmapped_block",
]


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


Address = Endpoint | UnixEndpoint | tuple[str, int] | tuple[str, int, int, int]
"""What a `Preamble` is built from, a socket's name in IPv6 too, of which flow and scope
are left out; it always gives back the named kinds."""

_BLOCK_LENGTH = {transport: (0, 12, 36, 216)[transport >> 4] for transport in Transport}
_PATH_SIZE = 108


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


def endpoint_in(
    transport: Transport, block: bytes, side: int
) -> Endpoint | UnixEndpoint | None:
    """Return the source (*side* 0) or destination (1) of a block; None of UNKNOWN."""
    if transport is Transport.TCP4:
        host, port = block[4 * side : 4 * side + 4], 8 + 2 * side
        return Endpoint("%d.%d.%d.%d" % (*host,), block[port] << 8 | block[port + 1])
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


def pack_block(
    source: Address, destination: Address, transport: Transport | None
) -> tuple[Transport, bytes]:
    """Return the transport of two addresses, and their block.

    Args:
        transport: None, or a datagram transport to say that they are of one.

    Raises:
        EncodeError: they cannot be a client's, or make no pair.
    """
    datagram = transport is not None and not transport.is_stream
    if isinstance(source, UnixEndpoint) or isinstance(destination, UnixEndpoint):
        if not (
            isinstance(source, UnixEndpoint) and isinstance(destination, UnixEndpoint)
        ):
            raise EncodeError("a UNIX address and an IP address make no preamble")
        block = _pack_path(source) + _pack_path(destination)
        return (Transport.UNIX_DGRAM if datagram else Transport.UNIX), block
    hosts = [_pack_side(source, "source"), _pack_side(destination, "destination")]
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


def _pack_side(side: tuple[str, int] | tuple[str, int, int, int], name: str) -> bytes:
    if len(side) not in (2, 4):
        raise EncodeError(f"{name} {side!r} is no (host, port), nor a name in IPv6")
    host, port = side[:2]
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
