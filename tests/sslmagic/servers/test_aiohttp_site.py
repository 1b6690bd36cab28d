"""aiohttp's site: beside its own, and requests that know their client and no other."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from sslmagic import Preamble, encode
from sslmagic.errors import ConfigurationError
from sslmagic.servers import aiohttp_site
from sslmagic.servers.aiohttp import CLIENT as KEY
from sslmagic.servers.aiohttp import Site
from tests.interop.authority import NAME, Authority
from tests.interop.peers import Port
from tests.interop.serving.aiohttp import app
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    PREAMBLE,
    listening,
    open_descriptors,
    settled_descriptors,
)
from tests.sslmagic.servers.conduct import FORGED, asked

COMMAND = [sys.executable, "-m", "sslmagic.servers.aiohttp"]
FUNCTION = "tests.interop.serving.aiohttp:app"
FILE = f"GET /file HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode()


async def begun(application: web.Application | None = None) -> web.AppRunner:
    runner = web.AppRunner(application or app())
    await runner.setup()
    return runner


async def spoken(
    port: int, octets: bytes, *, context: Any = None, before: bytes = OCTETS
) -> bytes:
    """What the server answers, to its end."""
    stream = socket.create_connection(("127.0.0.1", port), PATIENCE)
    stream.sendall(before)
    reader, writer = await asyncio.open_connection(
        sock=stream, ssl=context, server_hostname=NAME if context else None
    )
    writer.write(octets)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize("secure", [True, False], ids=["tls", "clear"])
def test_a_file_is_sent_whole(run: Any, secure: bool, authority: Authority) -> None:
    async def main() -> None:
        runner = await begun()
        context = authority.server() if secure else None
        site = Site(runner, "127.0.0.1", 0, trust=LOOPBACK, ssl_context=context)
        await site.start()
        trusting = authority.client() if secure else None
        answer = await spoken(site.port, FILE, context=trusting)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 200")
        assert body == inspect.getsource(sys.modules[app.__module__]).encode()
        await runner.cleanup()

    run(main())


def test_a_site_stands_beside_aiohttps_own(run: Any) -> None:
    async def main() -> None:
        runner = await begun()
        behind = Site(runner, "127.0.0.1", 0, trust=LOOPBACK)
        again = Site(runner, trust=LOOPBACK, sock=listening())
        own = web.TCPSite(runner, "127.0.0.1", 0)
        for site in (behind, again, own):
            await site.start()
        assert len(runner.addresses) == 3
        for port in (behind.port, again.port):
            assert b'"203.0.113.9", 51234' in await spoken(port, FORGED)
        answer = await spoken(own.port, FORGED, before=b"")
        assert b'"preamble": false' in answer
        assert b'"client": ["127.0.0.1"' in answer
        await runner.cleanup()

    run(main())


def test_a_low_level_server_has_a_site_too(run: Any) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        assert request[KEY].preamble == PREAMBLE
        return web.Response(text=f"{request.remote} {request.headers!r}")

    async def main() -> None:
        runner = web.ServerRunner(web.Server(handler))
        await runner.setup()
        site = Site(runner, "127.0.0.1", 0, trust=LOOPBACK)
        await site.start()
        answer = await spoken(site.port, FORGED)
        assert CLIENT[0].encode() in answer
        assert b"6.6.6.6" not in answer
        await runner.cleanup()

    run(main())


def test_every_request_of_a_connection_has_its_client(run: Any) -> None:
    async def main() -> None:
        runner = await begun()
        site = Site(runner, "127.0.0.1", 0, trust=LOOPBACK)
        await site.start()
        first = FORGED.replace(b"Connection: close\r\n", b"")
        answer = await spoken(site.port, first + first + FORGED)
        assert answer.count(b'"client": ["203.0.113.9", 51234]') == 3
        assert answer.count(b'"claims": []') == 3
        await runner.cleanup()

    run(main())


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-fOr", "FORWARDED"])
def test_a_header_that_is_no_text_goes_as_well(run: Any, name: str) -> None:
    seen: list[Any] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((dict(request.headers), request.raw_headers, request.forwarded))
        return web.Response()

    async def main() -> None:
        application = web.Application()
        application.router.add_get("/", handler)
        runner = await begun(application)
        site = Site(runner, "127.0.0.1", 0, trust=LOOPBACK)
        await site.start()
        request = f"GET / HTTP/1.0\r\nHost: a\r\n{name}: for=b\r\n".encode()
        request += f"{name}: ".encode() + b"\xff\xfe\r\nX-Other: \xff\r\n\r\n"
        assert b" 200 " in await spoken(site.port, request)
        await runner.cleanup()

    run(main())
    ((headers, raw, forwarded),) = seen
    assert headers == {"Host": "a", "X-Other": "\udcff"}
    assert raw == ((b"Host", b"a"), (b"X-Other", b"\xff"))
    assert forwarded == ()


def test_a_middleware_and_a_router_see_no_other_client(run: Any) -> None:
    seen: list[Any] = []

    @web.middleware
    async def middleware(request: web.Request, handler: Any) -> web.StreamResponse:
        seen.append((request[KEY], "X-Forwarded-For" in request.headers))
        response: web.StreamResponse = await handler(request.clone(remote="::9"))
        return response

    class Resource(web.PlainResource):
        async def resolve(self, request: web.Request) -> Any:
            seen.append((request[KEY], "X-Forwarded-For" in request.headers))
            return await super().resolve(request)

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((request[KEY], "X-Forwarded-For" in request.headers))
        return web.Response(text=str(request.remote))

    async def main() -> None:
        application = web.Application(middlewares=[middleware])
        resource = Resource("/")
        resource.add_route("GET", handler)
        application.router.register_resource(resource)
        runner = await begun(application)
        site = Site(runner, "127.0.0.1", 0, trust=LOOPBACK)
        await site.start()
        assert b"::9" in await spoken(site.port, FORGED)
        await runner.cleanup()

    run(main())
    assert seen == [(CLIENT, False)] * 3


def test_nobody_has_an_address_that_is_none(run: Any, caplog: Any) -> None:
    async def main() -> None:
        runner = await begun()
        site = Site(runner, "127.0.0.1", 0, trust=LOOPBACK)
        await site.start()
        local = encode(Preamble.local(), "magic")
        assert b'"client": ["", 0]' in await spoken(site.port, FORGED, before=local)
        await runner.cleanup()

    with caplog.at_level(logging.INFO, "aiohttp.access"):
        run(main())
    assert any('"GET / HTTP/1.1" 200' in line for line in caplog.messages)


def test_a_request_without_a_name_is_not_served() -> None:
    # What a TLS connection that was reset says, between the reset and the news of it.
    introduce = aiohttp_site._Introduction(web.BaseRequest)
    gone: Any = SimpleNamespace(peername=None)
    with pytest.raises(asyncio.CancelledError):
        introduce(None, None, gone)


def test_a_unix_socket_leaves_no_file(run: Any, tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "web.sock"
        for _ in range(2):
            runner = await begun()
            site = Site(runner, trust=LOOPBACK, path=path)
            await site.start()
            assert site.name == f"http://unix:{path}:"
            assert site.port == 0
            assert path.is_socket()
            await runner.cleanup()
            assert not path.exists()

    run(main())


def test_a_successor_takes_a_unix_socket_over(run: Any, tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "web.sock"
        first, second = await begun(), await begun()
        await Site(first, trust=LOOPBACK, path=path).start()
        await Site(second, trust=LOOPBACK, path=path).start()
        await first.cleanup()
        said = await asyncio.to_thread(asked, path)
        assert said["client"] == list(CLIENT)
        await second.cleanup()
        assert not path.exists()

    run(main())


def test_an_abstract_name_serves_and_stops(run: Any) -> None:
    async def main() -> None:
        name = f"\0sslmagic-{os.getpid()}-aiohttp"
        for _ in range(2):
            runner = await begun()
            await Site(runner, trust=LOOPBACK, path=name).start()
            with socket.socket(socket.AF_UNIX) as stream:
                stream.connect(name)
            await runner.cleanup()

    run(main())


def test_what_cannot_be_had_leaves_nothing_open(run: Any) -> None:
    async def main() -> None:
        runner = await begun()
        port = Port()
        before = settled_descriptors()
        with port._held as held:
            held.listen()
            site = Site(runner, port.host, port.number, trust=LOOPBACK)
            with pytest.raises(OSError, match="in use"):
                await site.start()
            with pytest.raises(ConfigurationError):
                await Site(runner, "127.0.0.1", 0, trust=LOOPBACK, deadline=0).start()
            assert open_descriptors() == before
        await runner.cleanup()

    run(main())


def test_a_site_says_where_it_listens(run: Any, authority: Authority) -> None:
    async def main() -> None:
        runner = await begun()
        context = authority.server()
        assert Site(runner, trust=LOOPBACK).name == "http://0.0.0.0:8080"
        site = Site(runner, trust=LOOPBACK, ssl_context=context)
        assert site.name == "https://0.0.0.0:8443"
        six = Site(runner, "::1", 0, trust=LOOPBACK)
        await six.start()
        assert six.name == f"http://[::1]:{six.port}"
        assert six.port != 0
        await runner.cleanup()

    run(main())
