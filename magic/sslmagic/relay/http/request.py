"""The request that a node gets, made from the one that a client sent.

What the vendor's traffic manager does by default: X-Cluster-Client-Ip is set
(`add_cluster_ip`), X-Forwarded-Proto is removed (`strip_x_forwarded_proto`), and a
client's X-Forwarded-For is left as it came (`add_x_forwarded_for` is off), so that a
node must not take it for anything but the client's own words.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

import h11

from sslmagic.headers import (
    claims_client,
    claims_forwarding,
    folded,
    sent,
    without_client,
)
from sslmagic.relay.http.hops import HOP_BY_HOP, options
from sslmagic.relay.http.refusal import RequestError

__all__ = ["onward"]

_VERSIONS: Final = (b"1.0", b"1.1")
_UNTOUCHABLE: Final = frozenset({b"host", b"content-length", b"transfer-encoding"})
"""Fields that are never of one hop: without them the request is another one."""
_HOST: Final = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~!$&'()*+;=%-]*)(?::[0-9]{0,5})?"
)
_ABSOLUTE: Final = re.compile(rb"http://([^/?]+)(/[^?]*)?(\?.*)?", re.IGNORECASE)


def onward(request: h11.Request, client: str | None, *, last: bool) -> h11.Request:
    """Return what a node is asked on behalf of *client*.

    Args:
        request: as h11 read it, from a head that `check_head` let pass.
        client: the client's literal address; None on a UNIX socket, which has none.
        last: whether no other request may follow on the node's connection.

    Raises:
        RequestError: it is not passed on.
    """
    received = request.headers.raw_items()
    present = {name for name, _ in request.headers}
    named = options(received)
    _check(request, present, named)
    target, authority = _origin_form(request)
    kept = [line for line in received if not _is_dropped(line[0], named)]
    if request.http_version == b"1.0":
        # It knows no 100 Continue (RFC 9110 section 10.1.1), and may know no Host.
        kept = [line for line in kept if line[0].lower() != b"expect"]
        if b"host" not in present:
            kept.insert(0, (b"Host", authority))
    if b"transfer-encoding" in present:
        kept.append((b"Transfer-Encoding", b"chunked"))
    if last:
        kept.append((b"Connection", b"close"))
    headers = without_client(kept) if client is None else sent(kept, client)
    return h11.Request(method=request.method, target=target, headers=list(headers))


def _check(request: h11.Request, present: set[bytes], named: frozenset[bytes]) -> None:
    if request.http_version not in _VERSIONS:
        raise RequestError(
            HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "only HTTP/1.1 and 1.0 are spoken"
        )
    if request.http_version == b"1.0" and b"transfer-encoding" in present:
        raise _bad("Transfer-Encoding is not for HTTP/1.0")
    if named & _UNTOUCHABLE:
        raise _bad("Connection names a field that is not this hop's")
    for name, value in request.headers:
        if name == b"host" and not _HOST.fullmatch(value):
            raise _bad("Host is no host")
    if request.method == b"CONNECT":
        raise _absent("CONNECT")
    if b"upgrade" in present:
        raise _absent("Upgrade")
    if b"trailer" in present:
        raise _absent("Trailer")


def _origin_form(request: h11.Request) -> tuple[bytes, bytes]:
    """Return the target as a server is asked for it, and the host that it named.

    A server is asked for a path (RFC 9112 section 3.2.1).
    """
    target = request.target
    if b"#" in target:
        raise _bad("the target has a fragment")
    if target.startswith(b"/"):
        return target, b""
    if target == b"*":
        if request.method == b"OPTIONS":
            return target, b""
        raise _bad("the target * is for OPTIONS alone")
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise _bad("the target is no path and no http URL")
    authority, path, query = match.groups(b"")
    hosts = [value for name, value in request.headers if name == b"host"]
    # A node that goes by Host must not find another one than a node that goes by the
    # target: RFC 9112 section 3.2.2 has them agree, or the target win.
    if [host.lower() for host in hosts] not in ([], [authority.lower()]):
        raise _bad("Host is not the target's")
    if not _HOST.fullmatch(authority):
        raise _bad("the target's host is no host")
    return (path or b"/") + query, authority


def _is_dropped(name: bytes, named: frozenset[bytes]) -> bool:
    lower = name.lower()
    if lower in HOP_BY_HOP or folded(name) == b"x-forwarded-proto":
        return True
    # What a proxy in front of us said must not go because a client names it in
    # Connection, which that proxy left as it was (CVE-2022-31813).
    return lower in named and not claims_forwarding(name) and not claims_client(name)


def _absent(what: str) -> RequestError:
    return RequestError(HTTPStatus.NOT_IMPLEMENTED, f"{what} is not supported here")


def _bad(words: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, words)
