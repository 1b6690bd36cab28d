"""uvicorn's HTTP protocols, without the trailers of a request among its headers.

    head ──▶ on_header … on_headers_complete ──▶ scope["headers"]
    body
    trailers ──▶ on_header: the client's words, for which no proxy answers; dropped

uvicorn's protocol on httptools adds fields to the scope's own list whenever they come.
Trailers that arrive together with the head would be in front of the application as
headers, and later ones would appear there in the middle of a request.
"""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["without_trailers"]


_MADE: dict[type, type[asyncio.Protocol]] = {}
"""Each protocol and what was made of it."""


def without_trailers(protocol: type[asyncio.Protocol]) -> type[asyncio.Protocol]:
    """Return this protocol of uvicorn's, or the same without trailers.

    Those on h11 have none, and are returned as they are.
    """
    try:
        # An extra of uvicorn's own brings what this needs.
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return protocol
    if not issubclass(protocol, HttpToolsProtocol) or issubclass(protocol, _Headers):
        return protocol
    if protocol not in _MADE:
        _MADE[protocol] = type(protocol.__name__, (_Headers, protocol), {})
    return _MADE[protocol]


class _Headers:
    """What a parser of httptools calls, until a head is complete.

    uvicorn documents none of these methods; httptools does, and they have to be there.
    """

    _is_head = True

    def on_message_begin(self) -> None:
        self._is_head = True
        self._protocol().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_head:
            self._protocol().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_head = False
        self._protocol().on_headers_complete()

    def _protocol(self) -> Any:
        return super()
