"""aiohttp on both loops."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from tests.interop.serving.answer import answer
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS", "app"]


def app(arguments: list[str] | None = None) -> Any:
    """An application that says whom it sees, in what it calls its request."""
    from aiohttp import web

    from sslmagic.servers.aiohttp import CLIENT

    def said(request: web.Request) -> bytes:
        name = request[CLIENT]
        assert request.transport is not None
        assert request.transport.get_extra_info("peername") == name
        client = (request.remote, name[1] if len(name) > 1 else 0)
        # Each way in which a handler may read its headers.
        raw = [
            (a.decode("latin-1"), b.decode("latin-1")) for a, b in request.raw_headers
        ]
        headers = [*request.headers.items(), *raw]
        return answer(client, name.preamble, name.peer, headers)

    async def here(request: web.Request) -> web.StreamResponse:
        if "Upgrade" not in request.headers:
            body = said(request)
            return web.Response(body=body, content_type="application/json")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(said(request).decode())
        await socket.close()
        return socket

    async def file(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(Path(__file__))

    made = web.Application()
    made.add_routes([web.get("/", here), web.get("/file", file)])
    return made


def _serve(loop: str, place: Place) -> None:
    import asyncio
    import logging

    import uvloop

    from sslmagic.servers import aiohttp

    logging.basicConfig(level=logging.INFO)
    where: dict[str, Any] = {"host": place.host, "port": place.port}
    if place.uds is not None:
        where = {"path": place.uds}
    new = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    aiohttp.run(
        app(), **where, ssl_context=place.context(), loop=new(), **place.entrance
    )


VARIANTS = tuple(
    Variant(
        name=f"aiohttp-{loop}",
        serve=partial(_serve, loop),
        websocket=True,
        log=r'^INFO:aiohttp.access:203\.0\.113\.9 .*"GET / HTTP/1\.1" 200',
    )
    for loop in ("asyncio", "uvloop")
)
