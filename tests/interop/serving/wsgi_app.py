"""A WSGI application that says whom it sees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.interop.serving.answer import answer

__all__ = ["app"]


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] != "GET":
        # Octets that are none of ours make a method in some parsers' eyes.
        start_response("405 Method Not Allowed", [("Content-Length", "0")])
        return []
    client = environ["REMOTE_ADDR"]
    if "REMOTE_PORT" in environ:
        client = (client, int(environ["REMOTE_PORT"]))
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").lower(), value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    body = answer(
        client, environ["sslmagic.preamble"], environ["sslmagic.peer"], headers
    )
    length = str(len(body))
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", length)]
    )
    return [body]
