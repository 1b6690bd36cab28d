"""An application that listens by itself too, at the port that its environment names."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

from tests.interop.serving.asgi_app import app as told

__all__ = ["app"]


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", int(os.environ["OWN_PORT"])))
        async with await asyncio.start_server(_greet, sock=sock):
            await told(scope, receive, send)
        return
    await told(scope, receive, send)


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    writer.close()
