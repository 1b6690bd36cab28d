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
from typing import TYPE_CHECKING

__all__ = ["without_trailers"]

if TYPE_CHECKING:

    class _Parsing:
        def on_message_begin(self) -> None: ...
        def on_header(self, name: bytes, value: bytes) -> None: ...
        def on_headers_complete(self) -> None: ...

else:
    _Parsing = object

# Asked for each connection.
_FOUND: dict[type[asyncio.Protocol], type[asyncio.Protocol]] = {}


def without_trailers(protocol: type[asyncio.Protocol]) -> type[asyncio.Protocol]:
    """Return this protocol of uvicorn's, or the same without trailers.

    Those on h11 have none, and are returned as they are.
    """
    if (found := _FOUND.get(protocol)) is None:
        found = _FOUND[protocol] = _without_trailers(protocol)
    return found


def _without_trailers(protocol: type[asyncio.Protocol]) -> type[asyncio.Protocol]:
    try:
        # An extra of uvicorn's own brings what this needs.
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return protocol
    if not issubclass(protocol, HttpToolsProtocol) or issubclass(protocol, _Headers):
        return protocol
    return type(protocol.__name__, (_Headers, protocol), {})


class _Headers(_Parsing):
    """What a parser of httptools calls, until a head is complete.

    uvicorn documents none of these methods; httptools does, and they have to be there.
    """

    _is_head = True

    def on_message_begin(self) -> None:
        self._is_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_head = False
        super().on_headers_complete()
