"""A WSGI application that shows whom it sees, for a gunicorn without any of ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["app"]


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    body = environ["REMOTE_ADDR"].encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
