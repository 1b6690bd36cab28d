"""gunicorn with each of its workers that take preambles off."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS", "serve"]

_HTTP2 = {"http_protocols": "h2,h1"}


def serve(app: Any, worker: Mapping[str, Any], place: Place) -> None:
    """Serves, and has what gunicorn says on the process's own output."""
    from sslmagic.servers import gunicorn

    bind = f"{place.host}:{place.port}" if place.uds is None else f"unix:{place.uds}"
    options = dict(worker)
    if place.certificate is None:
        options.pop("http_protocols", None)
    gunicorn.run(
        app,
        bind=bind,
        certfile=place.certificate,
        keyfile=place.key,
        accesslog="-",
        # Its path is the user's, and one for all that run at the same time.
        control_socket_disable=True,
        **options,
        **place.entrance,
    )


def _wsgi(worker: Mapping[str, Any], place: Place) -> None:
    from tests.interop.serving.wsgi_app import app

    serve(app, worker, place)


def _asgi(worker: Mapping[str, Any], place: Place) -> None:
    from tests.interop.serving.asgi_app import app

    serve(app, worker, place)


_LOG = r'^203\.0\.113\.9.* - .*"GET / HTTP/1\.1" 200'

VARIANTS = (
    Variant(
        name="gunicorn-sync", serve=partial(_wsgi, {"worker_class": "sync"}), log=_LOG
    ),
    Variant(
        name="gunicorn-gthread",
        serve=partial(_wsgi, {"worker_class": "gthread", "threads": 4, **_HTTP2}),
        http2=True,
        log=_LOG,
    ),
    *(
        Variant(
            name=f"gunicorn-asgi-{loop}",
            serve=partial(_asgi, {"worker_class": "asgi", "asgi_loop": loop, **_HTTP2}),
            http2=True,
            websocket=True,
            log=_LOG,
        )
        for loop in ("asyncio", "uvloop")
    ),
    Variant(
        name="gunicorn-uvicorn",
        serve=partial(_asgi, {"worker_class": "uvicorn_worker.UvicornWorker"}),
        websocket=True,
        log=_LOG,
    ),
)
