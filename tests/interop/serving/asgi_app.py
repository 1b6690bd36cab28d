"""An ASGI application that says whom it sees, over HTTP and WebSocket."""

from __future__ import annotations

from typing import Any

from tests.interop.serving.answer import answer

__all__ = ["app"]


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    extension = scope["extensions"]["sslmagic"]
    headers = [(a.decode("latin-1"), b.decode("latin-1")) for a, b in scope["headers"]]
    body = answer(scope["client"], extension["preamble"], extension["peer"], headers)
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": body.decode()})
        await receive()
        return
    if scope["path"] == "/fails":
        raise ValueError("as the test says")
    length = str(len(body)).encode()
    fields = [(b"content-length", length), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})
