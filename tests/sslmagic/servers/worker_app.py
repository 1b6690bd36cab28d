"""An application that answers every HTTP request in the task that the first began."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.interop.serving.asgi_app import app as told

__all__ = ["app"]

_state: dict[str, Any] = {}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        await told(scope, receive, send)
        return
    if not _state:
        _state["queue"] = asyncio.Queue()
        _state["task"] = asyncio.create_task(_work(_state["queue"]))
    done = asyncio.get_running_loop().create_future()
    await _state["queue"].put((scope, receive, send, done))
    await done


async def _work(queue: Any) -> None:
    while True:
        scope, receive, send, done = await queue.get()
        while (await receive()).get("more_body"):
            pass
        await told(scope, receive, send)
        done.set_result(None)
