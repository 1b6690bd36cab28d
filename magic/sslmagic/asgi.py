"""ASGI: each request's client in its scope, and no known header for another.

scope["client"]                            (host, port), or None where there is none
scope["extensions"]["sslmagic"]["preamble"]  what named the client; None if direct
scope["extensions"]["sslmagic"]["peer"]      the other end of the TCP connection
scope["extensions"]["sslmagic"]["header"]    what named the client, if it was a header

`ClientScope` is what our servers put round an application. `ClusterClientIP` is for
applications on any server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from sslmagic.attribution import (
    BAD_REQUEST,
    CLUSTER,
    INTERNAL_SERVER_ERROR,
    Attribution,
    Counters,
    RewrittenError,
    peer_at,
)
from sslmagic.forwarded import is_named
from sslmagic.headers import HeaderError, claims_forwarding
from sslmagic.listener.peername import IPName, PeerName
from sslmagic.loopserver import CLIENT
from sslmagic.reception import Peer
from sslmagic.trust import Trust

__all__ = [
    "EXTENSION",
    "Application",
    "ClientScope",
    "ClusterClientIP",
    "Receive",
    "Scope",
    "Send",
]

EXTENSION = "sslmagic"
"""The key among a scope's extensions."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_SCOPES = ("http", "websocket")
_RESPONSE = "websocket.http.response"
_POLICY_VIOLATION, _INTERNAL_ERROR = 1008, 1011


class ClientScope:
    """An ASGI application whose server's connections a `LoopServer` began.

    On a connection that had a preamble, the headers are removed in which an application
    may look for another client: those of `sslmagic.headers.claims_forwarding`.

    Args:
        app: the application, which gets each scope with its client.
        name: the client of the only connection that it serves; by default each scope's
            is found by the context in which it starts.
    """

    def __init__(self, app: Application, name: PeerName | None = None) -> None:
        self.app = app
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope.

        Raises:
            RuntimeError: nobody knows whose connection it is, or the server says it is
                another's. The server answers 500: better than a wrong address.
        """
        if scope["type"] in _SCOPES:
            name = CLIENT.get(None) if self._name is None else self._name
            _introduce(scope, name)
        await self.app(scope, receive, send)


class ClusterClientIP:
    """An ASGI application whose requests are from whom a trusted peer names.

    For any server, ours or not. *app* gets every scope with its client; requests whose
    client a trusted peer names badly are answered 400.

    On stock uvicorn with httptools, which takes trailers for headers, a trusted peer
    must set each accepted header on every request, and not only remove the client's.

    Args:
        app: the application.
        trust: which TCP peers may name a client; those of a UNIX socket are `unix`.
        accept: the headers that they may name it in: X-Cluster-Client-Ip, and by name
            X-Forwarded-For and Forwarded.

    Raises:
        ConfigurationError: *accept* is empty, or has another header.
    """

    def __init__(
        self, app: Application, *, trust: Trust, accept: Iterable[str] = (CLUSTER,)
    ) -> None:
        self.app = app
        self._attribution = Attribution(trust, accept)

    @property
    def counters(self) -> Counters:
        """What became of the requests."""
        return self._attribution.counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        if scope["type"] in _SCOPES:
            try:
                self._attribute(scope)
            except HeaderError:
                return await _answer(scope, receive, send, *BAD_REQUEST)
            except RewrittenError as error:
                self._attribution.rewritten(error)
                return await _answer(scope, receive, send, *INTERNAL_SERVER_ERROR)
        return await self.app(scope, receive, send)

    def _attribute(self, scope: Scope) -> None:
        extensions: dict[str, Any] = scope.get("extensions") or {}
        known: dict[str, Any] = extensions.get(EXTENSION) or {}
        peer = known["peer"] if "peer" in known else _peer(scope)
        preamble = known.get("preamble")
        said = self._attribution.decide(
            scope["headers"], peer=peer, preamble=preamble is not None
        )
        # In place, so that the server's log of this request has its client too.
        scope["headers"] = list(said.headers)
        if said.client is not None:
            scope["client"] = (said.client, 0)
        extension = {"preamble": preamble, "peer": peer, "header": said.header}
        scope["extensions"] = {**extensions, EXTENSION: extension}


def _peer(scope: Scope) -> Peer | None:
    """Return the TCP peer by the word of a server that is not ours.

    Raises:
        RewrittenError: the server may have somebody else's address from a header.
    """
    host, port = scope.get("client") or ("", 0)
    if not host:
        server = scope.get("server")
        # A connection that was reset before the server asked whose it is has no name
        # any more, and its request is still read. It is no UNIX socket's for that.
        is_tcp = server is not None and server[1] is not None
        return None if is_tcp else peer_at("", 0)
    # The port tells nothing: uvicorn takes it from X-Forwarded-For as well, daphne from
    # X-Forwarded-Port, and others leave the peer's.
    if port == 0 or is_named(host, scope["headers"]):
        raise RewrittenError(
            f"the server names {host!a}, port {port!a}, as its peer, which its own"
            " handling of forwarded headers may have made of it: turn it off (uvicorn:"
            " --no-proxy-headers), so that the TCP peer can be told"
        )
    return peer_at(host, port)


async def _answer(
    scope: Scope, receive: Receive, send: Send, status: int, line: bytes
) -> None:
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()
        if _RESPONSE not in (scope.get("extensions") or {}):
            code = _POLICY_VIOLATION if status < 500 else _INTERNAL_ERROR
            await send({"type": "websocket.close", "code": code, "reason": ""})
            return
        kind = _RESPONSE
    fields = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(line)).encode()),
    ]
    await send({"type": f"{kind}.start", "status": status, "headers": fields})
    await send({"type": f"{kind}.body", "body": line})


def _introduce(scope: Scope, name: PeerName | None) -> None:
    if name is None:
        raise RuntimeError(
            "the server started this scope outside of its connection's context"
        )
    client = (name[0], name[1]) if isinstance(name, IPName) else None
    # A server may say "" for nobody, which is as good as None.
    said = tuple(scope.get("client") or ())
    if (said if said and said[0] else None) != client:
        raise RuntimeError(
            f"the connection is from {client}, and its server says {said or None}:"
            " is its own handling of forwarded headers on, or does the application read"
            " on for one connection in the task of another?"
        )
    scope["client"] = client
    extension = {"preamble": name.preamble, "peer": name.peer}
    scope["extensions"] = {**(scope.get("extensions") or {}), EXTENSION: extension}
    # A list of its own: a server may go on adding to the one that it has.
    scope["headers"] = [
        line
        for line in scope["headers"]
        if name.preamble is None or not claims_forwarding(line[0])
    ]
