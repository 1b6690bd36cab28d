"""ASGI: each connection's client in its scopes, and no header that names another.

scope["client"]                            (host, port), or None where there is none
scope["extensions"]["sslmagic"]["preamble"]  what named the client; None if direct
scope["extensions"]["sslmagic"]["peer"]      the other end of the TCP connection
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sslmagic.headers import claims_forwarding
from sslmagic.listener.peername import IPName, PeerName
from sslmagic.loopserver import CLIENT

__all__ = ["EXTENSION", "Application", "ClientScope", "Receive", "Scope", "Send"]

EXTENSION = "sslmagic"
"""The key among a scope's extensions."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_SCOPES = ("http", "websocket")


class ClientScope:
    """An ASGI application whose server's connections a `LoopServer` began.

    On a connection that had a preamble, the headers are removed that may name another
    client: X-Cluster-Client-Ip, X-Forwarded-* and Forwarded.

    Args:
        app: the application, which gets each scope with its client.
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope.

        Raises:
            RuntimeError: nobody knows whose connection it is, or the server says it is
                another's. The server answers 500: better than a wrong address.
        """
        if scope["type"] in _SCOPES:
            _introduce(scope, CLIENT.get(None))
        await self.app(scope, receive, send)


def _introduce(scope: Scope, name: PeerName | None) -> None:
    if name is None:
        raise RuntimeError(
            "the server started this scope outside of its connection's context"
        )
    client = (name[0], name[1]) if isinstance(name, IPName) else None
    said = scope.get("client")
    if client is not None and said is not None and tuple(said) != client:
        raise RuntimeError(
            f"the connection is from {client}, and its server says {tuple(said)}:"
            " is its own handling of forwarded headers on?"
        )
    scope["client"] = client
    extension = {"preamble": name.preamble, "peer": name.peer}
    scope["extensions"] = {**(scope.get("extensions") or {}), EXTENSION: extension}
    if name.preamble is not None:
        scope["headers"] = [
            line for line in scope["headers"] if not claims_forwarding(line[0])
        ]
