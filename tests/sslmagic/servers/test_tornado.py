"""Tornado: its own server over listeners, its requests from clients."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, stream_request_body
from tornado.wsgi import WSGIContainer

from sslmagic import Endpoint, Preamble, UnixEndpoint, encode
from sslmagic.errors import ConfigurationError
from sslmagic.listener import listeners
from sslmagic.servers import tornado
from sslmagic.servers.tornado import Server, client, listen
from tests.interop.authority import Authority
from tests.interop.peers import Address, Port
from tests.interop.serving.tornado import VARIANTS, app
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
from tests.sslmagic.servers.conduct import FORGED, Rule, Running, asked, kept_by


@kept_by(*VARIANTS)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


async def spoken(
    server: Server, octets: bytes, *, before: bytes = OCTETS, number: int = 0
) -> bytes:
    """What the server answers at one of its addresses, to its end."""
    stream = socket.create_connection(address(server, number), PATIENCE)
    stream.sendall(before)
    reader, writer = await asyncio.open_connection(sock=stream)
    writer.write(octets)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def address(server: Server, number: int = 0) -> Address:
    host, port = list(server._sockets.values())[number].getsockname()
    return host, port


async def ended(server: Server) -> None:
    server.stop()
    await server.close_all_connections()


@pytest.mark.parametrize("option", ["xheaders", "trusted_downstream"])
def test_its_own_trust_in_headers_is_refused(option: str) -> None:
    options: dict[str, Any] = {option: ["10.0.0.1"]}
    with pytest.raises(ConfigurationError, match=option):
        Server(app(), trust=LOOPBACK, **options)
    with pytest.raises(ConfigurationError, match=option):
        tornado.run(app(), 0, trust=LOOPBACK, **options)


def test_its_own_mistakes_stay_its_own() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        Server(app(), trust=LOOPBACK, nonsense=1)


def test_listening_and_adding_sockets_take_preambles_off(run: Any) -> None:
    async def main() -> None:
        server = Server(app(), trust=LOOPBACK)
        server.listen(0, "127.0.0.1")
        server.add_socket(listening())
        server.add_sockets(bind_sockets(0, "127.0.0.1"))
        for number in range(3):
            answer = await spoken(server, FORGED, number=number)
            assert b'"client": ["203.0.113.9", 51234]' in answer
            assert b'"claims": []' in answer
        await ended(server)
        assert listeners() == ()

    run(main())


def test_every_request_of_a_connection_has_its_client(run: Any) -> None:
    async def main() -> None:
        server = listen(app(), 0, "127.0.0.1", trust=LOOPBACK)
        first = FORGED.replace(b"Connection: close\r\n", b"")
        answer = await spoken(server, first + first + FORGED)
        assert answer.count(b'"client": ["203.0.113.9", 51234]') == 3
        assert answer.count(b'"claims": []') == 3
        await ended(server)

    run(main())


@pytest.mark.parametrize(
    ("octets", "host"),
    [
        (encode(Preamble.local(), "magic"), ""),
        (
            encode(
                Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b")),
                "magic",
            ),
            "/a",
        ),
        (OCTETS, CLIENT[0]),
    ],
    ids=["local", "unix", "ip"],
)
def test_behind_a_unix_socket_the_client_is_who_it_is(
    run: Any, tmp_path: Path, octets: bytes, host: str
) -> None:
    path = tmp_path / "server.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    async def main() -> None:
        server = Server(app(), trust=LOOPBACK)
        server.add_socket(listener)
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(octets + FORGED)
        answer = await reader.read()
        assert f'"client": ["{host}", '.encode() in answer
        assert b'"claims": []' in answer
        writer.close()
        await writer.wait_closed()
        await ended(server)

    run(main())


def test_a_client_of_its_own_server_is_the_peer(run: Any) -> None:
    async def main() -> None:
        server = app().listen(0, "127.0.0.1")
        answer = await spoken(server, FORGED, before=b"")
        said = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert said["client"][0] == "127.0.0.1"
        assert said["preamble"] is False
        await ended(server)

    run(main())


def test_callbacks_and_wsgi_and_bodies_get_through(run: Any) -> None:
    body = b"a" * 100_000
    seen: list[Any] = []
    closed = asyncio.Event()

    @stream_request_body
    class Streamed(RequestHandler):
        def initialize(self) -> None:
            self.octets = 0

        def data_received(self, chunk: bytes) -> None:
            self.octets += len(chunk)

        def post(self) -> None:
            seen.append((client(self.request), self.octets, self.request.remote_ip))

        def on_connection_close(self) -> None:
            closed.set()

    def callback(request: HTTPServerRequest) -> None:
        name = client(request)
        seen.append((name, len(request.body), request.remote_ip))
        assert name.preamble == PREAMBLE
        assert name.peer == Endpoint("127.0.0.1", name.peer.port)  # type: ignore[union-attr]
        assert "X-Forwarded-For" not in request.headers
        assert request.connection is not None
        request.connection.finish()

    def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        length = len(environ["wsgi.input"].read())
        seen.append((CLIENT, length, environ["REMOTE_ADDR"]))
        seen.extend(name for name in environ if "FORWARDED" in name)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    request = FORGED.replace(b"GET", b"POST").replace(
        b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )

    async def main() -> None:
        for application in (
            Application([("/", Streamed)]),
            callback,
            WSGIContainer(wsgi),
        ):
            server = listen(application, 0, "127.0.0.1", trust=LOOPBACK)
            await spoken(server, request)
            await ended(server)
        server = listen(Application([("/", Streamed)]), 0, "127.0.0.1", trust=LOOPBACK)
        with socket.create_connection(address(server), PATIENCE) as stream:
            stream.sendall(OCTETS + request[:-1])
        await closed.wait()
        await ended(server)

    run(main())
    assert seen == [(CLIENT, len(body), CLIENT[0])] * 3


def test_tornados_own_options_are_its_own(run: Any, authority: Authority) -> None:
    async def main() -> None:
        server = listen(
            app(),
            0,
            "localhost",
            trust=LOOPBACK,
            direct_listen=["127.0.0.1:0"],
            family=socket.AF_INET,
            backlog=7,
            max_header_size=1000,
            ssl_options={
                "certfile": str(authority.certificate),
                "keyfile": str(authority.key),
            },
        )
        assert server.conn_params.max_header_size == 1000
        first, second = server._sockets.values()
        assert not first.getblocking()
        for each, before in ((first, OCTETS), (second, b"")):
            said = await asyncio.to_thread(
                asked, each.getsockname(), before, authority=authority
            )
            assert said["preamble"] is (each is first)
        await ended(server)

    run(main())


def test_the_file_of_a_second_address_goes_with_its_server(
    run: Any, tmp_path: Path
) -> None:
    path = tmp_path / "direct.sock"

    async def main() -> None:
        for _ in range(2):
            before = settled_descriptors()
            server = listen(
                app(), 0, "127.0.0.1", trust=LOOPBACK, direct_listen=f"unix:{path}"
            )
            assert path.is_socket()
            await ended(server)
            assert not path.exists()
            assert open_descriptors() == before

    run(main())


def test_the_file_of_a_second_address_goes_when_running_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "direct.sock"
    seen: list[bool] = []

    async def serve(*_: object) -> None:
        seen.append(path.is_socket())

    monkeypatch.setattr(tornado, "_serve", serve)
    tornado.run(app(), 0, "127.0.0.1", trust=LOOPBACK, direct_listen=f"unix:{path}")
    assert seen == [True]
    assert not path.exists()


def test_what_cannot_be_had_leaves_nothing_open(tmp_path: Path) -> None:
    port = Port()
    with port._held as held:
        held.listen()
        before = settled_descriptors()
        places: list[dict[str, Any]] = [{"port": 0}, {"path": tmp_path / "server.sock"}]
        for where in places:
            with pytest.raises(OSError, match="in use"):
                tornado.run(app(), **where, trust=LOOPBACK, direct_listen=str(port))
        assert open_descriptors() == before
    assert list(tmp_path.iterdir()) == []


def test_neither_or_both_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="neither"):
        tornado.run(app(), trust=LOOPBACK)
    with pytest.raises(ConfigurationError, match="and a path"):
        tornado.run(app(), 0, path=tmp_path / "server.sock", trust=LOOPBACK)


def test_the_file_of_a_successor_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "server.sock"
    with socket.socket(socket.AF_UNIX) as successor:

        async def serve(*_: object) -> None:
            assert path.is_socket()
            path.unlink()
            successor.bind(str(path))

        monkeypatch.setattr(tornado, "_serve", serve)
        tornado.run(app(), path=path, trust=LOOPBACK)
        assert path.is_socket()


@pytest.mark.parametrize(("options", "mode"), [({}, 0o600), ({"mode": 0o660}, 0o660)])
def test_a_unix_socket_has_its_mode_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any, mode: int
) -> None:
    path = tmp_path / "server.sock"
    modes: list[int] = []

    async def serve(*_: object) -> None:
        modes.append(path.stat().st_mode & 0o777)

    monkeypatch.setattr(tornado, "_serve", serve)
    tornado.run(app(), path=path, trust=LOOPBACK, backlog=7, **options)
    assert modes == [mode]
    assert not path.exists()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"path": "server.sock", "address": "127.0.0.1"}, "address: for a port"),
        ({"path": "server.sock", "family": socket.AF_INET}, "family: for a port"),
        ({"path": "server.sock", "flags": 0, "reuse_port": True}, "flags, reuse_port"),
        ({"port": 0, "mode": 0o660}, "mode: for a path"),
    ],
)
def test_an_option_of_the_other_kind_of_place_is_refused(
    options: dict[str, Any],
    match: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=match):
        tornado.run(app(), trust=LOOPBACK, **options)
    assert list(tmp_path.iterdir()) == []
