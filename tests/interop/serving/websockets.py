"""websockets on both loops, and in threads."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.interop.serving.answer import answer
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS", "plain", "said"]


def said(connection: Any) -> str:
    """Whom a connection is from, in what websockets calls it."""
    name = connection.remote_address
    headers = connection.request.headers.raw_items()
    return answer(name, name.preamble, name.peer, headers).decode()


def plain(connection: Any, request: Any) -> Any:
    """Answers a request that asks for no WebSocket."""
    assert connection.request is request
    if "Upgrade" in request.headers:
        return None
    response = connection.respond(200, said(connection))
    response.headers["X-Says"] = "websockets"
    return response


def _where(place: Place) -> dict[str, Any]:
    if place.uds is not None:
        return {"path": place.uds}
    return {"host": place.host, "port": place.port}


def _serve(loop: str, place: Place) -> None:
    import asyncio
    import logging

    import uvloop

    from sslmagic.servers import websockets

    async def handler(connection: Any) -> None:
        await connection.send(said(connection))
        await connection.wait_closed()

    logging.basicConfig(level=logging.INFO)
    loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    websockets.run(
        handler,
        **_where(place),
        ssl=place.context(),
        process_request=plain,
        loop_factory=loops[loop],
        **place.entrance,
    )


def _serve_threads(place: Place) -> None:
    import logging

    from sslmagic.servers import websockets_sync

    def handler(connection: Any) -> None:
        connection.send(said(connection))
        # Until it is closed.
        for _ in connection:
            pass

    logging.basicConfig(level=logging.INFO)
    websockets_sync.run(
        handler,
        **_where(place),
        ssl=place.context(),
        process_request=plain,
        **place.entrance,
    )


VARIANTS = (
    *(
        Variant(name=f"websockets-{loop}", serve=partial(_serve, loop), websocket=True)
        for loop in ("asyncio", "uvloop")
    ),
    Variant(name="websockets-sync", serve=_serve_threads, websocket=True),
)
