"""uvicorn's HTTP protocols: trailers are no headers, whenever they come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from sslmagic.servers.uvicorn_protocols import without_trailers

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nA: 1\r\n"
CHUNKS = b"\r\n1\r\na\r\n0\r\n"
TRAILERS = b"X-Forwarded-For: 6.6.6.6\r\nExpect: 100-continue\r\nA: 2\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nA: 3\r\n\r\n"
NAMES = [b"host transfer-encoding a", b"host connection a"]

Run = Callable[[Coroutine[Any, Any, None]], None]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the names of the headers, once the whole body is there."""
    while (await receive())["more_body"]:
        pass
    body = b" ".join(name for name, _ in scope["headers"]) + b"\n"
    fields = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("own", [HttpToolsProtocol, H11Protocol])
@pytest.mark.parametrize("at_once", [True, False])
def test_trailers_are_no_headers(
    own: type[asyncio.Protocol], at_once: bool, run: Run
) -> None:
    config = uvicorn.Config(
        app, http=without_trailers(own), lifespan="off", log_config=None
    )
    config.load()
    state = ServerState()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        kind: Any = config.http_protocol_class
        server = await loop.create_server(
            lambda: kind(config, state, {}), "127.0.0.1", 0
        )
        async with server:
            address = server.sockets[0].getsockname()
            reader, writer = await asyncio.open_connection(*address)
            if at_once:
                writer.write(HEAD + CHUNKS + TRAILERS + LAST)
            else:
                # The second request, unlike the first, has its head's fields again.
                writer.write(HEAD + b"Expect: 100-continue\r\n" + CHUNKS)
                assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
                writer.write(TRAILERS + LAST)
            said = await reader.read()
            writer.close()
            await writer.wait_closed()
        bodies = [line for line in said.split(b"\n") if not line.endswith(b"\r")]
        first, last = (body for body in bodies if body)
        assert first.replace(b" expect", b"") == NAMES[0]
        assert last == NAMES[1]
        assert b" 100 " not in said

    run(main())


def test_each_protocol_has_one_without() -> None:
    kind = without_trailers(HttpToolsProtocol)
    assert kind is not HttpToolsProtocol
    assert issubclass(kind, HttpToolsProtocol)
    assert without_trailers(HttpToolsProtocol) is kind
    assert without_trailers(kind) is kind
    assert without_trailers(H11Protocol) is H11Protocol
