"""X-Cluster-Client-Ip: who may say it, what it says, and how a gateway says it.

On plaintext HTTP this header does the work of a preamble. It is believed by the same
`Trust`, and only ever for the TCP peer: an address that a preamble supplied is a
client's, and no client may name another.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Iterable

from sslmagic.address import host_text, pack_host
from sslmagic.errors import EncodeError, SslMagicError, UntrustedError
from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint
from sslmagic.trust import Standing, Trust

__all__ = [
    "CLUSTER_CLIENT_IP",
    "ClusterHeaders",
    "Header",
    "HeaderError",
    "HeaderReason",
    "believed",
    "claims_address",
    "claims_client",
    "claims_forwarding",
    "folded",
    "may_speak",
    "quoted",
    "received",
    "sent",
    "without_client",
]

Header = tuple[bytes, bytes]
"""Name and value, as HTTP/1.1 parsers and ASGI have them."""

CLUSTER_CLIENT_IP = b"X-Cluster-Client-Ip"

# CGI and WSGI turn every octet of a name that is no letter and no digit into "_", so
# that X_Cluster_Client_Ip and X.Cluster.Client.Ip reach an application as the header
# they resemble: names are compared the way it will see them.
_FOLDED = bytes(
    octet if octet < 128 and chr(octet).isalnum() else ord("-")
    for octet in bytes(range(256)).lower()
)
_CLUSTER = CLUSTER_CLIENT_IP.lower()
_ADDRESSES = frozenset(
    {
        *(b"forwarded", b"forwarded-for", b"x-forwarded", b"x-forwarded-for"),
        *(b"client-ip", b"x-client-ip", b"x-real-ip", b"true-client-ip"),
        *(b"cf-connecting-ip", b"fastly-client-ip"),
    }
)
"""What proxies, and those who ask them (django-ipware, say), name a client in."""
_FORWARDED_PREFIX = b"x-forwarded-"
_CONNECTION = b"connection"


_SHOWN = 80
"""Octets of a value that an error shows: whoever sent it chose how many it has."""


class HeaderReason(enum.StrEnum):
    """Why a request is answered 400; few and stable, as labels of a metric are."""

    SEVERAL = "several"
    """Several headers, or a list, where one address belongs."""
    ALIAS = "alias"
    """A name that an application may take for the header's, and is not."""
    ADDRESS = "address"
    """What should be a literal address is none."""
    HIDDEN = "hidden"
    """A proxy names nobody: `unknown`, or an identifier of its own."""
    SOURCE = "source"
    """Whoever named this address is not believed about it."""
    CONFLICT = "conflict"
    """Two headers name different clients."""


class HeaderError(SslMagicError, ValueError):
    """A peer that may name a client named none, or not one: answer 400.

    `reason` is a label for counters.
    """

    def __init__(self, message: str, reason: HeaderReason) -> None:
        super().__init__(message, reason)
        self.message = message
        self.reason = reason

    def __str__(self) -> str:
        return self.message


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClusterHeaders:
    """What a request says of its client, and what it says of the rest."""

    client: str | None
    """The client's literal address; None if nobody who may said one."""
    headers: tuple[Header, ...]
    """The headers without what may not be believed, in their order."""


def received(
    headers: Iterable[Header],
    *,
    peer: Endpoint | UnixEndpoint | None,
    trust: Trust,
    preamble: bool,
) -> ClusterHeaders:
    """Return whom a request is from, as far as its headers may say.

    A peer that may speak for clients says exactly one literal address, or says nothing.
    From any other peer the header is removed. On a connection that had a preamble that
    one named the client, and the headers are removed that name another where anybody
    looks: those of `claims_forwarding`.

    Args:
        headers: the request's, each line by itself, and no trailers: no proxy answers
            for these, and the client's own would stand where the nearest proxy's do.
        peer: the other end of the TCP connection, never the client of a preamble; None
            where nobody knows it.
        trust: who may speak for a client.
        preamble: whether the connection had one.

    Raises:
        HeaderError: a peer that may speak for clients named no single address, or one
            that is not believed. Answer 400.
    """
    lines = tuple(headers)
    if preamble:
        kept = tuple(line for line in lines if not claims_forwarding(line[0]))
        return ClusterHeaders(client=None, headers=kept)
    claims = [line for line in lines if claims_client(line[0])]
    if not claims:
        return ClusterHeaders(client=None, headers=lines)
    if peer is None or not may_speak(peer, trust):
        return ClusterHeaders(client=None, headers=without_client(lines))
    return ClusterHeaders(client=_client(claims, peer, trust), headers=lines)


def may_speak(peer: Endpoint | UnixEndpoint, trust: Trust) -> bool:
    """Return whether *peer* may name a client."""
    return trust.standing(peer) is Standing.PEER


def believed(address: bytes, teller: Endpoint | UnixEndpoint, trust: Trust) -> str:
    """Return the one text of a client's literal address.

    Args:
        address: as *teller* wrote it.
        teller: the peer or proxy that names it.
        trust: what is believed of a peer.

    Raises:
        HeaderError: it is no literal address, or not believed from *teller*.
    """
    try:
        host = host_text(pack_host(address.decode("ascii")))
    except ValueError:
        raise HeaderError(
            f"{quoted(address)} is not one literal address", HeaderReason.ADDRESS
        ) from None
    try:
        # The header stands for a preamble, so the same claims are believed. It has no
        # port and no destination: neither is judged.
        trust.believe(Preamble(source=(host, 1), destination=(host, 1)), teller)
    except (EncodeError, UntrustedError) as error:
        raise HeaderError(str(error), HeaderReason.SOURCE) from None
    return host


def quoted(value: bytes) -> str:
    """Return what an error may show of a value: escaped, and no more than one reads."""
    return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}..."


def sent(headers: Iterable[Header], client: str) -> tuple[Header, ...]:
    """Return the headers that a gateway sends on for *client*, a literal address.

    Every copy that the client sent is gone, whatever its spelling, and so is its name
    from `Connection`, where it would tell the next proxy to remove ours.

    Raises:
        ValueError: *client* is no literal address.
    """
    address = host_text(pack_host(client)).encode("ascii")
    return (*without_client(headers), (CLUSTER_CLIENT_IP, address))


def without_client(headers: Iterable[Header]) -> tuple[Header, ...]:
    """Return the headers without X-Cluster-Client-Ip, in any spelling or number."""
    kept: list[Header] = []
    for name, value in headers:
        if claims_client(name):
            continue
        if name.lower() == _CONNECTION and _CLUSTER in value.translate(_FOLDED):
            if options := _options_kept(value):
                kept.append((name, options))
            continue
        kept.append((name, value))
    return tuple(kept)


def folded(name: bytes) -> bytes:
    """Return the one spelling of all names that an application may take for another.

    It is in lower case, with a hyphen for every octet that is no letter and no digit.
    """
    return name.translate(_FOLDED)


def claims_client(name: bytes) -> bool:
    """Return whether an application may take this name for X-Cluster-Client-Ip."""
    return name.translate(_FOLDED) == _CLUSTER


def claims_address(name: bytes) -> bool:
    """Return whether a header of this name has addresses of a client or of proxies.

    X-Cluster-Client-Ip is not among them.
    """
    return name.translate(_FOLDED) in _ADDRESSES


def claims_forwarding(name: bytes) -> bool:
    """Return whether a header of this name may say who a request is from.

    X-Cluster-Client-Ip, X-Forwarded-*, and whatever `claims_address` has.
    """
    return _claims_known(name) if len(name) <= _USUAL else _claims(name)


def _claims(name: bytes) -> bool:
    spelling = name.translate(_FOLDED)
    return (
        spelling == _CLUSTER
        or spelling in _ADDRESSES
        or spelling.startswith(_FORWARDED_PREFIX)
    )


_USUAL = 40
"""Octets of a header's name that is remembered: those of browsers are shorter."""
_claims_known = functools.lru_cache(maxsize=1024)(_claims)
"""For the same few that clients send, request after request."""


def _client(claims: list[Header], peer: Endpoint | UnixEndpoint, trust: Trust) -> str:
    if len(claims) > 1:
        raise HeaderError(
            f"{len(claims)} headers name the client", HeaderReason.SEVERAL
        )
    name, value = claims[0]
    if name.lower() != _CLUSTER:
        raise HeaderError(
            f"the header {quoted(name)} is not X-Cluster-Client-Ip", HeaderReason.ALIAS
        )
    if b"," in value:
        # Which is also how a server joins several headers.
        raise HeaderError(
            f"{quoted(value)} is not one literal address", HeaderReason.SEVERAL
        )
    return believed(value.strip(b" \t"), peer, trust)


def _options_kept(value: bytes) -> bytes:
    options = [option.strip(b" \t") for option in value.split(b",")]
    return b", ".join(option for option in options if not claims_client(option))
