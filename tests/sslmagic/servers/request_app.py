"""Applications that answer with what a request says of where it comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

__all__ = ["asgi", "wsgi"]


def wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    body = _body(
        client=[environ["REMOTE_ADDR"], environ.get("REMOTE_PORT")],
        scheme=environ["wsgi.url_scheme"],
        root=environ["SCRIPT_NAME"],
        path=environ["PATH_INFO"],
        user=environ.get("REMOTE_USER"),
    )
    length = str(len(body))
    start_response("200 OK", [("Content-Length", length)])
    return [body]


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    body = _body(
        client=scope["client"],
        scheme=scope["scheme"],
        root=scope.get("root_path", ""),
        path=scope["path"],
        user=None,
    )
    fields = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def _body(**said: Any) -> bytes:
    return json.dumps({**said, "pid": os.getpid()}).encode()
