"""uvicorn on both loops."""

from __future__ import annotations

from functools import partial

from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS"]


def _serve(loop: str, place: Place) -> None:
    from sslmagic.servers import uvicorn
    from tests.interop.serving.asgi_app import app

    uvicorn.run(
        app,
        host=place.host,
        port=place.port,
        uds=place.uds,
        ssl_certfile=place.certificate,
        ssl_keyfile=place.key,
        loop=loop,
        **place.entrance,
    )


VARIANTS = tuple(
    Variant(name=f"uvicorn-{loop}", serve=partial(_serve, loop), websocket=True)
    for loop in ("asyncio", "uvloop")
)
