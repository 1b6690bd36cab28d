"""Applications whose client 127.0.0.1 may name, and which show what was counted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sslmagic import Trust, asgi, wsgi

__all__ = ["asgi_app", "wsgi_app"]

_TRUST = Trust(peers=["127.0.0.1"])


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    names = [name.decode("latin-1") for name, _ in scope["headers"]]
    body = _body(scope["client"][0], names, asgi_app.counters.snapshot())
    fields = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def _wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    names = [key for key in environ if key.startswith("HTTP_")]
    body = _body(environ["REMOTE_ADDR"], names, wsgi_app.counters.snapshot())
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def _body(client: str, names: list[str], counters: dict[str, int]) -> bytes:
    claims = sorted(name for name in names if "luster" in name.lower())
    said = {"client": client, "claims": claims, "counters": counters}
    return json.dumps(said).encode()


asgi_app = asgi.ClusterClientIP(_asgi, trust=_TRUST)
wsgi_app = wsgi.ClusterClientIP(_wsgi, trust=_TRUST)
