"""hypercorn on both loops."""

from __future__ import annotations

from functools import partial

from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS"]


def _serve(loop: str, place: Place) -> None:
    from sslmagic.servers import hypercorn
    from tests.interop.serving.asgi_app import app

    bind = f"{place.host}:{place.port}" if place.uds is None else f"unix:{place.uds}"
    hypercorn.run(
        app,
        bind=bind,
        certfile=place.certificate,
        keyfile=place.key,
        accesslog="-",
        worker_class=loop,
        **place.entrance,
    )


VARIANTS = tuple(
    Variant(
        name=f"hypercorn-{loop}",
        serve=partial(_serve, loop),
        http2=True,
        websocket=True,
        log=r'203\.0\.113\.9:51234 - - \[.*"GET / 1\.1" 200',
    )
    for loop in ("asyncio", "uvloop")
)
