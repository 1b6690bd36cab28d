"""X-Forwarded-For and Forwarded, walked from the nearest hop to the client.

    X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.2      from 10.0.0.1
                     │        │            └── a peer of ours: go on
                     │        └── none of ours: the client
                     └── the client's own words: not read, not passed on

Each proxy appends whom it was asked by, so that an address is worth what the proxy to
its right is worth. What stands left of the first one that is no proxy of ours may be
anything, broken quoting included: both lists are cut from the right.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from sslmagic.address import pack_host
from sslmagic.headers import (
    Header,
    HeaderError,
    HeaderReason,
    believed,
    claims_address,
    folded,
    may_speak,
    quoted,
)
from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.trust import Trust

__all__ = ["Walk", "is_named", "walk_forwarded", "walk_x_forwarded_for"]

_LONGEST = 80
"""Octets that a node may have: an address and a port need 53."""

_HOST = rb"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+))"
_NUMBER = rb"[0-9]{1,5}"
_OBFUSCATED = rb"_[0-9A-Za-z._-]+"
_WITH_PORT = re.compile(_HOST + rb"(?::(?P<port>" + _NUMBER + rb"))?")
# RFC 7239 section 6: the port may be hidden where the address is not.
_NODE = re.compile(
    _HOST + rb"(?::(?:(?P<port>" + _NUMBER + rb")|" + _OBFUSCATED + rb"))?"
)
_HIDDEN = re.compile(
    rb"(?:unknown|"
    + _OBFUSCATED
    + rb")(?::(?:"
    + _NUMBER
    + rb"|"
    + _OBFUSCATED
    + rb"))?",
    re.IGNORECASE,
)

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# RFC 9110 section 5.6.4. Whitespace round a semicolon is none of RFC 7239's, and sent.
_PAIR = re.compile(
    rb"[ \t]*+(?:(?P<name>" + _TOKEN + rb")=(?:(?P<token>" + _TOKEN + rb")|"
    rb'"(?P<quoted>(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+)"))?+'
    rb"[ \t]*+(?:;|\Z)"
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_QUOTE, _COMMA, _BACKSLASH = b'",\\'

# What is named is sought in whatever may be an address, since each server has a grammar
# of its own: 010.0.0.5, "[10.0.0.5]", 10.0.0.5: +80 and 2001:DB8::5:80 are addresses.
_ANY_FOR = re.compile(rb"for[ \t]*=([^;,]*)", re.IGNORECASE)
_ANY_FOUR = re.compile(rb"[0-9.]{7,}")
_ANY_SIX = re.compile(rb"[0-9A-Fa-f:.]{2,}")
_LONGEST_SIX = 45


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Where a walk ended."""

    client: str
    """The client's literal address."""
    values: tuple[bytes, ...]
    """The header's lines from the client on; what it said itself is cut off."""


def walk_x_forwarded_for(
    values: Sequence[bytes], *, peer: Endpoint | UnixEndpoint, trust: Trust
) -> Walk:
    """Return the client that the lines of X-Forwarded-For name, one list together.

    An element is an address, as it is or with a port: ``203.0.113.9:443``,
    ``[2001:db8::1]:443``.

    Args:
        values: each line's, one or more.
        peer: the other end of the TCP connection, which may speak for a client.
        trust: who else may.

    Raises:
        HeaderError: an element that was walked to is not one believable address.
    """
    return _walk(values, _elements, _address, peer, trust)


def walk_forwarded(
    values: Sequence[bytes], *, peer: Endpoint | UnixEndpoint, trust: Trust
) -> Walk:
    """Return the client that the lines of Forwarded name, one list together.

    RFC 7239; an element has one ``for=``.

    Args:
        values: each line's, one or more.
        peer: the other end of the TCP connection, which may speak for a client.
        trust: who else may.

    Raises:
        HeaderError: an element that was walked to breaks the syntax, or does not name
            one believable address.
    """
    return _walk(values, _quoted_elements, _for, peer, trust)


def is_named(host: str, headers: Iterable[Header]) -> bool:
    """Return whether a header names this address as a client's or a proxy's.

    However it is written, and with any port. By Forwarded ``for=`` names it, ``by=``
    does not: that is the proxy's own address. X-Cluster-Client-Ip is not asked.
    """
    try:
        packed = pack_host(host.partition("%")[0])
    except ValueError:
        return False
    return any(
        packed in _addresses(text)
        for name, value in headers
        if claims_address(name)
        for text in _texts(name, value.replace(b"\\", b""))
    )


def _texts(name: bytes, value: bytes) -> list[bytes]:
    return _ANY_FOR.findall(value) if folded(name) == b"forwarded" else [value]


def _addresses(text: bytes) -> Iterator[bytes]:
    """Yield what may be an address in *text*, packed."""
    for run in _ANY_FOUR.findall(text):
        octets = [octet.lstrip(b"0") or b"0" for octet in run.strip(b".").split(b".")]
        yield from _packed(b".".join(octets))
    for run in _ANY_SIX.findall(text):
        yield from _packed(run)
        yield from _packed(run.rpartition(b":")[0])


def _packed(text: bytes) -> Iterator[bytes]:
    if len(text) <= _LONGEST_SIX:
        with contextlib.suppress(ValueError):
            yield pack_host(text.decode("ascii"))


def _walk(
    values: Sequence[bytes],
    elements: Callable[[bytes], Iterator[tuple[int, bytes]]],
    address: Callable[[bytes], bytes],
    peer: Endpoint | UnixEndpoint,
    trust: Trust,
) -> Walk:
    teller, client = peer, ""
    for line in reversed(range(len(values))):
        for start, element in elements(values[line]):
            # An empty element is walked to like any other: the proxy that wrote it did
            # not know its client, and what stands left of it that client wrote.
            client = believed(address(element.strip(b" \t")), teller, trust)
            teller = Endpoint(client, 0)
            if not may_speak(teller, trust):
                kept = values[line][start:].lstrip(b" \t") if start else values[line]
                return Walk(client=client, values=(kept, *values[line + 1 :]))
    return Walk(client=client, values=tuple(values))


def _elements(value: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the elements of a list and where each begins, the last one first."""
    end = len(value)
    while (comma := value.rfind(b",", 0, end)) != -1:
        yield comma + 1, value[comma + 1 : end]
        end = comma
    yield 0, value[:end]


def _quoted_elements(value: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield them where elements may hold quoted strings, which are read backwards.

    Read forwards, a quote that the client left open would turn those of the proxies
    inside out. Backwards each element is well formed by itself.
    """
    end, is_quoted = len(value), False
    for at in range(len(value) - 1, -1, -1):
        if value[at] == _QUOTE:
            is_quoted = not is_quoted or _is_escaped(value, at)
        elif value[at] == _COMMA and not is_quoted:
            yield at + 1, value[at + 1 : end]
            end = at
    yield 0, value[:end]


def _is_escaped(value: bytes, at: int) -> bool:
    first = at
    while first and value[first - 1] == _BACKSLASH:
        first -= 1
    return (at - first) % 2 == 1


def _address(element: bytes) -> bytes:
    """Return the address of an element of X-Forwarded-For."""
    return _host(element, _WITH_PORT) or element


def _for(element: bytes) -> bytes:
    """Return the address of an element of Forwarded."""
    node = _parameters(element).get(b"for")
    if node is None:
        raise HeaderError(f"{quoted(element)} has no for=", HeaderReason.ADDRESS)
    host = _host(node, _NODE)
    if host is None:
        raise HeaderError(f"for={quoted(node)} is no address", HeaderReason.ADDRESS)
    return host


def _host(node: bytes, grammar: re.Pattern[bytes]) -> bytes | None:
    if len(node) > _LONGEST:
        return None
    if _HIDDEN.fullmatch(node):
        raise HeaderError(f"{quoted(node)} names nobody", HeaderReason.HIDDEN)
    match = grammar.fullmatch(node)
    if match is None or int(match["port"] or 0) > 65535:
        return None
    six: bytes | None = match["six"]
    if six is not None and b":" not in six:
        return None
    return six or match["four"]


def _parameters(element: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(element):
        match = _PAIR.match(element, at)
        if match is None:
            raise HeaderError(
                f"{quoted(element)} is no element of Forwarded", HeaderReason.ADDRESS
            )
        at = match.end()
        if match["name"] is None:
            continue
        name = match["name"].lower()
        if name in found:
            raise HeaderError(
                f"{quoted(element)} says {quoted(name)} twice", HeaderReason.SEVERAL
            )
        found[name] = (
            match["token"]
            if match["quoted"] is None
            else _ESCAPED.sub(rb"\1", match["quoted"])
        )
    return found
