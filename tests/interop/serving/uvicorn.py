"""uvicorn on both loops."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS"]


def _serve(loop: str, place: Place, **options: Any) -> None:
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
        **options,
        **place.entrance,
    )


_ZTTP: dict[str, Any] = {"http": "zttp", "http2": True}
"""The one of its protocols that speaks HTTP/2, where zttp is installed."""

_LOG = r'203\.0\.113\.9:51234 - "GET / HTTP/1\.1" 200'

VARIANTS = (
    *(
        Variant(
            name=f"uvicorn-{loop}",
            serve=partial(_serve, loop),
            websocket=True,
            log=_LOG,
        )
        for loop in ("asyncio", "uvloop")
    ),
    *(
        Variant(
            name=f"uvicorn-http2-{loop}",
            serve=partial(_serve, loop, **_ZTTP),
            http2=True,
            websocket=True,
            log=_LOG,
        )
        for loop in ("asyncio", "uvloop")
    ),
)
