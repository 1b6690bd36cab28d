"""Tornado on both loops."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.interop.serving.answer import answer
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS", "app"]


def app(**settings: Any) -> Any:
    """An application that says whom it sees, in what Tornado calls its request."""
    from tornado.web import Application, RequestHandler
    from tornado.websocket import WebSocketHandler

    from sslmagic.servers.tornado import client

    def said(handler: RequestHandler) -> bytes:
        request = handler.request
        name = client(request)
        who = (request.remote_ip, name[1])
        return answer(who, name.preamble, name.peer, request.headers.get_all())

    class Here(WebSocketHandler):
        async def get(self, *words: Any, **more: Any) -> None:
            if "Upgrade" in self.request.headers:
                await super().get(*words, **more)
            else:
                self.set_header("Content-Type", "application/json")
                await self.finish(said(self))

        async def open(self, *_: str, **__: str) -> None:
            await self.write_message(said(self).decode())

    return Application([("/", Here)], **settings)


def _serve(loop: str, place: Place) -> None:
    import asyncio
    import logging

    import uvloop

    from sslmagic.servers import tornado

    logging.basicConfig(level=logging.INFO)
    where: dict[str, Any] = {"port": place.port, "address": place.host}
    if place.uds is not None:
        where = {"path": place.uds}
    tornado.run(
        app(),
        **where,
        ssl_options=place.context(),
        loop_factory=uvloop.new_event_loop
        if loop == "uvloop"
        else asyncio.new_event_loop,
        **place.entrance,
    )


VARIANTS = tuple(
    Variant(
        name=name,
        serve=partial(_serve, loop),
        websocket=True,
        log=r"200 GET / \(203\.0\.113\.9\)",
    )
    for name, loop in {"tornado": "asyncio", "tornado-uvloop": "uvloop"}.items()
)
