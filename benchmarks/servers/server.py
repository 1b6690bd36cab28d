"""A server under measurement: `server.py NAME HOW PORT DIRECTORY`, one request each.

HOW is plain for the server's own start, magic for that of `sslmagic.servers`; the
certificate in DIRECTORY is used.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path
from typing import Any, Protocol, cast

from sslmagic import Trust

__all__ = ["SERVERS"]

_BODY = b"seen\n"
_LENGTH = str(len(_BODY))
_BACKLOG = 4096
_ENTRANCE: dict[str, Any] = {"trust": Trust(peers=["127.0.0.1"])}


class Serve(Protocol):
    """Serves until ended."""

    def __call__(self, *, magic: bool, port: int, home: Path) -> None:
        """Serve on *port*, with the certificate in *home*; preambles off if *magic*."""
        ...


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


def _uvicorn(loop: str) -> Serve:
    def serve(*, magic: bool, port: int, home: Path) -> None:
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


def _hypercorn(*, magic: bool, port: int, home: Path) -> None:
    import hypercorn.asyncio
    import hypercorn.config

    from sslmagic.servers import hypercorn as ours

    options: dict[str, Any] = {
        "bind": f"127.0.0.1:{port}",
        "backlog": _BACKLOG,
        "certfile": str(home / "certificate.pem"),
        "keyfile": str(home / "key.pem"),
        "errorlog": None,
    }
    if magic:
        ours.run(asgi, **_ENTRANCE, **options)
    else:
        config = hypercorn.config.Config.from_mapping(options)
        asyncio.run(hypercorn.asyncio.serve(cast("Any", asgi), config))


def _aiohttp(*, magic: bool, port: int, home: Path) -> None:
    from aiohttp import web

    from sslmagic.servers import aiohttp as ours

    async def answer(request: web.Request) -> web.Response:
        assert request.remote
        return web.Response(body=_BODY)

    application = web.Application()
    application.router.add_get("/", answer)
    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "ssl_context": _context(home),
        "backlog": _BACKLOG,
        "access_log": None,
        "print": None,
    }
    if magic:
        ours.run(application, **_ENTRANCE, **options)
    else:
        web.run_app(application, **options)


def _gunicorn(worker: str) -> Serve:
    def serve(*, magic: bool, port: int, home: Path) -> None:
        from gunicorn.app.base import BaseApplication

        from sslmagic.servers import gunicorn as ours

        options: dict[str, Any] = {
            "bind": f"127.0.0.1:{port}",
            "backlog": _BACKLOG,
            "certfile": str(home / "certificate.pem"),
            "keyfile": str(home / "key.pem"),
            "worker_class": worker,
            "threads": 4 if worker == "gthread" else 1,
            "loglevel": "error",
            "control_socket_disable": True,
        }

        class Stock(BaseApplication):  # type: ignore[misc]
            def load_config(self) -> None:
                for name, value in options.items():
                    self.cfg.set(name, value)

            def load(self) -> Any:
                return wsgi

        if magic:
            ours.run(wsgi, **_ENTRANCE, **options)
        else:
            Stock().run()

    return serve


def _context(home: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "certificate.pem", home / "key.pem")
    return context


SERVERS: dict[str, Serve] = {
    "uvicorn on asyncio": _uvicorn("asyncio"),
    "uvicorn on uvloop": _uvicorn("uvloop"),
    "hypercorn on asyncio": _hypercorn,
    "aiohttp on asyncio": _aiohttp,
    "gunicorn, sync worker": _gunicorn("sync"),
    "gunicorn, gthread worker": _gunicorn("gthread"),
}
"""How each is started: with preambles or without, on a port, with a certificate."""


def main(name: str, how: str, port: str, directory: str) -> None:
    """Serve until ended."""
    SERVERS[name](magic=how == "magic", port=int(port), home=Path(directory))


if __name__ == "__main__":
    main(*sys.argv[1:])
