"""A server under measurement: `server.py NAME HOW PORT DIRECTORY`, one request each.

HOW is plain for the server's own start, magic for that of `sslmagic.servers`; the
certificate in DIRECTORY is used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sslmagic import Trust

__all__ = ["SERVERS"]

_BODY = b"seen\n"
_LENGTH = str(len(_BODY))
_BACKLOG = 4096
_ENTRANCE: dict[str, Any] = {"trust": Trust(peers=["127.0.0.1"]), "deadline": 3600}


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request, as an application does that names its client."""
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    assert scope["client"]
    fields = [(b"content-length", _LENGTH.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": _BODY})


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer one request, as an application does that names its client."""
    assert environ["REMOTE_ADDR"]
    start_response("200 OK", [("Content-Length", _LENGTH)])
    return [_BODY]


def _uvicorn(loop: str) -> Callable[[bool, int, Path], None]:
    def serve(magic: bool, port: int, home: Path) -> None:  # noqa: FBT001
        import uvicorn

        from sslmagic.servers import uvicorn as ours

        options: dict[str, Any] = {
            "port": port,
            "loop": loop,
            "log_level": "error",
            "backlog": _BACKLOG,
            "ssl_certfile": home / "certificate.pem",
            "ssl_keyfile": home / "key.pem",
        }
        if magic:
            ours.run(asgi, **_ENTRANCE, **options)
        else:
            uvicorn.run(asgi, proxy_headers=False, **options)

    return serve


SERVERS: dict[str, Callable[[bool, int, Path], None]] = {
    "uvicorn on asyncio": _uvicorn("asyncio"),
    "uvicorn on uvloop": _uvicorn("uvloop"),
}
"""How each is started; called with whether it reads preambles, a port, a directory."""


def main(name: str, how: str, port: str, directory: str) -> None:
    """Serve until ended."""
    SERVERS[name](how == "magic", int(port), Path(directory))


if __name__ == "__main__":
    main(*sys.argv[1:])
